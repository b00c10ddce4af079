"""Rows that the lake can't take are set aside, whole and once, and the rest goes on."""

from __future__ import annotations

import json
import random
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import polars as pl
import pytest

from retrue.errors import StoreError
from retrue.store.aside import TRIES
from retrue.store.layout import Layout
from retrue.store.spool import Batch, Parcel
from retrue.store.store import Store

T0 = datetime(2013, 3, 1, 12, tzinfo=UTC)


class Crash(BaseException):
    """The process dies here."""


class Trouble:
    """Fails at a step as often as it is told to; with a chance of a crash anywhere."""

    def __init__(self) -> None:
        self.step, self.after, self.left = "", "", 0
        self.random, self.chance = random.Random(0), 0.0

    def __call__(self, step: str) -> None:
        if self.random.random() < self.chance:
            raise Crash(step)
        if step == self.after:
            self.after = ""
        elif step == self.step and not self.after and self.left:
            self.left -= 1
            raise ValueError("Schema error: no\n  such thing")

    def arm(self, step: str, times: int, after: str = "") -> None:
        self.step, self.left, self.after = step, times, after


TROUBLE = Trouble()


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    TROUBLE.__init__()  # type: ignore[misc]
    store = Store.open(tmp_path / "store", fault=TROUBLE)
    store.add_model("m", Layout(id="id", time="t", label="y"))
    yield store
    TROUBLE.arm("", 0)
    store.close()


def events(*ids: str, **values: object) -> pl.DataFrame:
    return pl.DataFrame({"id": ids, "t": [T0] * len(ids)}).with_columns(**{n: pl.lit(v) for n, v in values.items()})


def smuggle(store: Store, frame: pl.DataFrame) -> None:
    """Put rows into the spool past the door, as a Retrue without its check did."""
    store.spool.append(Parcel("m", [Batch("events", 0, frame.with_columns(_version=pl.lit("1")))]))


def ids(store: Store) -> list[str]:
    return sorted(store.events("m").collect()["id"]) if store.events("m").collect_schema() else []


def test_a_waiting_row_with_a_name_that_the_lake_has_in_other_case_is_set_aside(store: Store) -> None:
    """This blocked a model for good: the stamped segment could never be applied."""
    store.append("m", "events", events("a", x=1.0))
    store.apply("m")
    smuggle(store, pl.concat([events("b", X=2.0), events("c", X=None).cast({"X": pl.Float64})]))
    store.append("m", "events", events("d", x=3.0))
    assert store.apply("m").taken["quarantine"] == 1
    assert ids(store) == ["a", "c", "d"]
    (row,) = store.quarantine("m").rows(named=True)
    assert row["reason"] == "column 'X' differs in case only from 'x' in the lake"
    assert (row["id"], json.loads(row["row"])["X"]) == ("b", 2.0)
    assert store.counters("m")["set aside"] == 1
    assert store.pending("m") == 0


def test_two_names_that_wait_together_keep_the_first(store: Store) -> None:
    smuggle(store, events("a", x=1.0))
    smuggle(store, events("b", X=1.0))
    store.apply("m")
    assert (ids(store), store.quarantine("m")["id"].to_list()) == (["a"], ["b"])


def test_a_waiting_row_of_another_type_than_the_lakes_is_set_aside(store: Store) -> None:
    store.append("m", "events", events("a", x=1.0))
    store.apply("m")
    smuggle(store, events("b", x="much"))
    store.apply("m")
    assert ids(store) == ["a"]
    assert store.quarantine("m")["reason"].to_list() == ["column 'x' is String, the lake has Float64"]


def test_what_can_not_be_written_is_tried_again_and_then_set_aside(store: Store) -> None:
    TROUBLE.arm("lake: files written", TRIES)
    store.append("m", "events", events("a", "b", x=1.0))
    for attempt in range(1, TRIES):
        with pytest.raises(StoreError, match=r"can't be written: Schema error: no such thing in .*events.*Hint"):
            store.apply("m")
        (stuck,) = store.stuck("m")
        assert (stuck.segment, stuck.step, stuck.tries) == (1, "events", attempt)
        assert store.pending("m") == 2
    store.apply("m")
    assert (ids(store), store.quarantine("m")["id"].to_list(), store.stuck("m")) == ([], ["a", "b"], ())
    assert "can't be written" in store.quarantine("m")["reason"][0]
    assert not list((store.folder / "lake").rglob("events/**/part-*.parquet")), "a replay could bring them back"
    store.append("m", "events", events("c", x=1.0))
    store.apply("m")
    assert ids(store) == ["c"]


def test_a_failure_that_passes_leaves_nothing_behind(store: Store) -> None:
    TROUBLE.arm("lake: files written", TRIES - 1)
    store.append("m", "events", events("a", x=1.0))
    for _ in range(TRIES - 1):
        with pytest.raises(StoreError):
            store.apply("m")
    store.apply("m")
    assert (ids(store), len(store.quarantine("m")), store.stuck("m")) == (["a"], 0, ())


def test_events_that_were_written_stay_when_their_labels_are_set_aside(store: Store) -> None:
    TROUBLE.arm("lake: files written", TRIES, after="cycle: events written")
    store.append("m", "events", events("a", x=1.0, y=1))
    for _ in range(TRIES - 1):
        with pytest.raises(StoreError):
            store.apply("m")
    store.apply("m")
    assert store.labelled("m").collect()["y"].to_list() == [None]
    assert store.quarantine("m")["kind"].to_list() == ["labels"]


def test_a_full_disk_is_never_a_reason_to_set_rows_aside(store: Store) -> None:
    def full(step: str) -> None:
        if step == "lake: files written":
            raise OSError(28, "No space left on device")

    for table in store.tables("m").values():
        table.fault = full
    store.append("m", "events", events("a", x=1.0))
    for _ in range(TRIES + 1):
        with pytest.raises(StoreError, match=r"the disk is full.*1 acknowledged row is safe in the spool"):
            store.apply("m")
    assert (store.stuck("m"), store.pending("m")) == ((), 1)


def test_a_segment_that_can_not_be_counted_is_told_and_waits(store: Store) -> None:
    TROUBLE.arm("cycle: before applied", TRIES + 1)
    store.append("m", "events", events("a", x=1.0))
    for _ in range(TRIES + 1):
        with pytest.raises(StoreError, match=r"segment 1 of 'm' can't be applied .*ValueError.*retrue doctor"):
            store.apply("m")
    assert str(store.stuck("m")[0]).startswith(f"segment 1 is stuck at count after {TRIES + 1} attempts: ValueError")
    store.apply("m")
    assert (ids(store), store.stuck("m")) == (["a"], ())


@pytest.mark.parametrize("seed", range(4))
def test_crashes_around_a_failing_table_keep_every_row_once(store: Store, seed: int) -> None:
    TROUBLE.random, TROUBLE.chance = random.Random(seed), 0.15
    sent: list[str] = []
    for number in range(12):
        if number % 4 == 1:
            TROUBLE.arm("lake: files written", TRIES)
        batch = [f"{number}-{i}" for i in range(3)]
        sent += batch
        store = survive(store, "append", "m", "events", events(*batch, x=1.0, y=1), key=str(number))
        store = survive(store, "apply", "m")
    TROUBLE.chance = 0.0
    held, set_aside = ids(store), store.quarantine("m").filter(kind="events")["id"].to_list()
    assert sorted([*held, *set_aside]) == sorted(sent)
    assert set_aside
    before = [(w.start, w.events, w.labelled) for w in store.windows("m")]
    store.recount("m")
    assert before == [(w.start, w.events, w.labelled) for w in store.windows("m")]


def survive(store: Store, action: str, *args: object, **options: object) -> Store:
    """Do something until it is done, in as many processes as that takes."""
    while True:
        try:
            getattr(store, action)(*args, **options)
        except Crash:
            store = Store.open(store.folder, fault=TROUBLE)
        except StoreError:
            pass
        else:
            return store
