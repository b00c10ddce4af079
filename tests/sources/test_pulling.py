"""Each row of a source comes into the store once, whatever dies, and whoever else pulls at the same time."""

from __future__ import annotations

import multiprocessing
from datetime import timedelta
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from tests.sources.conftest import expected, ids, labels, register, rows, taken
from tests.sources.dying import pull_and_die

import retrue as rt
from retrue.sources import SourceChangedError, files
from retrue.store import rows as catalog
from retrue.store.store import Store
from retrue.workspace import Workspace, clock, pulling

STEPS = (
    "pull: read", "pull: begun", "spool: before commit", "spool: after commit", "pull: acknowledged", "cycle: begun",
    "cycle: stamped", "cycle: events written", "cycle: before applied", "cycle: counted", "cycle: forgotten",
    "pull: applied", "pull: kept",
)  # fmt: skip


@pytest.fixture(scope="module")
def forks() -> Any:
    """Make processes that have all imports behind them."""
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["tests.sources.dying", "polars", "deltalake"])
    return context


def numbered(first: int, last: int) -> pl.DataFrame:
    """Events without an id, told apart by a number."""
    return rows(first, last).drop("id").with_columns(n=pl.int_range(first, last))


@pytest.mark.parametrize("step", STEPS)
def test_a_process_that_is_killed_neither_loses_nor_doubles_a_row(step: str, tmp_path: Path, forks: Any) -> None:
    """SIGKILL at each step of the second chunk; the events have no id, so that none could be known again."""
    with rt.open(tmp_path / "store") as store:
        model = register(store, id=None, label=None)
        for part in range(4):
            numbered(10 * part, 10 * part + 10).write_parquet(tmp_path / f"{part}.parquet")
        model.set_sources(events={"files": f"{tmp_path}/*.parquet"})
    victim = forks.Process(target=pull_and_die, args=(str(tmp_path / "store"), step))
    victim.start()
    victim.join(30)
    assert victim.exitcode == -9, "it didn't come to this step"
    with rt.open(tmp_path / "store") as store:
        model = store.model("m")
        model.pull()
        assert sorted(model.events().collect()["n"].to_list()) == list(range(40))
        assert taken(model) == 0
        kept = model.store.catalog
        with kept.read() as tx:
            assert sum(row.events for row in tx.find(catalog.Window, model="m")) == 40


def test_two_that_pull_at_once_take_each_row_once(
    store: rt.Workspace, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """While one reads a chunk, the other takes all: the first begins again behind it."""
    monkeypatch.setattr(files, "ROWS", 5)
    model = register(store, id=None, label=None)
    numbered(0, 20).write_parquet(tmp_path / "a.parquet")
    model.set_sources(events={"files": f"{tmp_path}/*.parquet"})
    slow = pulling.Reading(model, "events", model.sources()["events"])
    chunks = slow.source.after({}, ids=False)
    slow.take(next(chunks))
    model.pull()
    with pytest.raises(pulling.OvertakenError):
        slow.take(next(chunks))
    assert sorted(model.events().collect()["n"].to_list()) == list(range(20))


def test_what_was_taken_is_told_though_another_process_notes_it(tmp_path: Path) -> None:
    """It looks into the spool just when the rows are in the lake, and counts them as taken: they aren't its own."""

    def look(step: str) -> None:
        if step == "pull: applied":
            other = rt.open(tmp_path / "store").model("m")
            pulling.begun(other, "events", other.sources()["events"])

    with rt.open(tmp_path / "store") as store:
        register(store, id=None, label=None).set_sources(events={"files": f"{tmp_path}/*.parquet"})
    numbered(0, 20).write_parquet(tmp_path / "a.parquet")
    with Workspace(Store.open(tmp_path / "store", fault=look)) as store:
        assert taken(store.model("m")) == 20
        assert taken(store.model("m")) == 0
        assert sorted(store.model("m").events().collect()["n"].to_list()) == list(range(20))


def test_labels_come_from_a_source_of_their_own_and_one_that_fails_keeps_no_other_back(
    model: rt.Model, tmp_path: Path
) -> None:
    rows(0, 20).write_parquet(tmp_path / "events.parquet")
    labels(0, 15).write_parquet(tmp_path / "labels.parquet")
    model.set_sources(
        events={"files": f"{tmp_path}/gone/*.parquet"},
        labels={"files": f"{tmp_path}/labels.parquet"},
    )
    with pytest.raises(rt.TableError, match="no such folder"):
        model.pull()
    model.set_sources(events={"files": f"{tmp_path}/events.parquet"})
    assert model.pull()["events"].accepted == 20
    assert model.events().collect()["y"].drop_nulls().len() == 15


def test_a_source_at_another_place_is_read_from_its_beginning(model: rt.Model, tmp_path: Path) -> None:
    rows(0, 10).write_parquet(tmp_path / "a.parquet")
    rows(5, 20).write_parquet(tmp_path / "b.parquet")
    model.set_sources(events={"files": f"{tmp_path}/a.parquet"})
    assert taken(model) == 10
    model.set_sources(events={"files": f"{tmp_path}/a.parquet", "every": "5s"})
    assert taken(model) == 0
    model.set_sources(events={"files": f"{tmp_path}/b.parquet"})
    model.pull()
    assert ids(model) == expected(0, 20)
    model.set_sources(events=None)
    assert model.sources() == {}


def test_a_crash_so_long_ago_that_its_key_is_forgotten_is_told(store: rt.Workspace, tmp_path: Path) -> None:
    model = register(store, id=None, label=None)
    numbered(0, 10).write_parquet(tmp_path / "a.parquet")
    model.set_sources(events={"files": f"{tmp_path}/*.parquet"})
    old = pulling.Progress.of(reading(model).progress.to_dict() | {"taking": clock.micros(clock.now() - timedelta(8))})
    reading(model).keep(old)
    with pytest.raises(SourceChangedError, match=r"a pull died on .* can't be told any more.*look for doubles"):
        model.pull()
    assert taken(model) == 10


def reading(model: rt.Model) -> pulling.Reading:
    """A source of events as it is about to be read."""
    return pulling.Reading(model, "events", model.sources()["events"])


def test_rows_that_do_not_fit_go_into_the_quarantine_and_are_not_read_again(model: rt.Model, tmp_path: Path) -> None:
    rows(0, 10).with_columns(id=pl.when(pl.col("id") != "e3").then("id")).write_parquet(tmp_path / "a.parquet")
    model.set_sources(events={"files": f"{tmp_path}/*.parquet"})
    got = model.pull()["events"]
    assert (got.accepted, got.quarantined) == (9, 1)
    assert model.pull()["events"].quarantined == 0


def test_a_source_without_the_time_says_which_column_is_missing_and_comes_again(
    model: rt.Model, tmp_path: Path
) -> None:
    rows(0, 10).drop("at").write_parquet(tmp_path / "a.parquet")
    model.set_sources(events={"files": f"{tmp_path}/*.parquet"})
    for _ in range(2):
        with pytest.raises(rt.SchemaError, match="'at'"):
            model.pull()
    rows(0, 10).rename({"at": "when"}).write_parquet(tmp_path / "a.parquet")
    model.set_sources(events={"files": f"{tmp_path}/*.parquet", "columns": {"at": "when"}})
    assert taken(model) == 10


@pytest.mark.parametrize(
    ("said", "why"),
    [
        ({"event": {"files": "x"}}, "unknown kind 'event'.*did you mean 'events'"),
        ({"events": {"file": "x"}}, "none of delta, iceberg, files, sql, kafka.*did you mean 'files'"),
        ({"events": {"files": "x", "delta": "y"}}, "both delta and files"),
        ({"events": "x"}, "'x' in sources.events: expected a table"),
        ({"events": {"files": "x", "every": "often"}}, "every = 'often'.*a length of time"),
    ],
)
def test_a_description_that_is_not_understood_says_why_and_nothing_is_registered(
    store: rt.Workspace, said: dict[str, Any], why: str
) -> None:
    with pytest.raises(rt.RetrueError, match=why):
        register(store, sources=said)
    assert store.models() == []
