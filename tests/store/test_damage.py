"""Damage: what can't be read is named and set aside, and all the rest is served, counted and taken in."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import polars as pl
import pytest
from tests.store.test_commit import fast_folder, tallied
from tests.store.test_durability import assert_books_agree

from retrue.errors import StoreError
from retrue.store import rows
from retrue.store.layout import Layout
from retrue.store.store import Store

__all__ = ["fast_folder"]

T0 = datetime(2013, 3, 1, tzinfo=UTC)


def cut(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:100])


def rot(path: Path) -> None:
    """Zeros in the middle: only who reads the values sees it."""
    data = bytearray(path.read_bytes())
    data[4 : len(data) // 2] = bytes(len(data) // 2 - 4)
    path.write_bytes(data)


DAMAGE = [Path.unlink, cut, rot]


@pytest.fixture
def store(fast_folder: Path) -> Store:
    store = Store.open(fast_folder / "store", counting=tallied)
    store.add_model("m", Layout(id="id", time="t", version="v", label="y", window=3600))
    for number in range(3):
        log(store, number)
    return store


def log(store: Store, number: int) -> None:
    ids = [f"{number}-{i}" for i in range(200)]
    times = [T0 + timedelta(hours=number)] * 200
    store.append("m", "events", pl.DataFrame({"id": ids, "t": times, "v": "a", "x": range(200)}))
    store.append("m", "labels", pl.DataFrame({"id": ids[:100], "y": [1] * 100}))
    store.append("m", "feedback", pl.DataFrame({"id": ids[:10], "clicks": [1] * 10}))
    store.apply("m")


def file(store: Store, table: str, number: int) -> Path:
    return next((store.folder / "lake/m" / table).rglob(f"part-{number:012d}-*.parquet"))


@pytest.mark.parametrize("damage", DAMAGE)
@pytest.mark.parametrize("reopened", [True, False])
def test_a_damaged_file_is_set_aside_and_the_rest_is_served(
    store: Store, damage: Callable[[Path], None], reopened: bool
) -> None:
    path = file(store, "events", 2)
    damage(path)
    store = Store.open(store.folder, counting=tallied) if reopened else store
    assert len(store.labelled("m").collect()) == 400
    (one,) = store.damaged("m")
    assert (one.table, one.rows, one.name.rpartition("/")[2]) == ("events", 200, path.name)
    assert (store.folder / "lake/m/events/_set_aside" / path.name).exists() == (damage is not Path.unlink)
    log(store, 4)
    assert store.windows("m")[1].events == 200, "profiles stay until somebody recounts"
    store.recount("m")
    assert store.damaged("m") == ()
    assert_books_agree(store)
    assert len(store.events("m").collect()) == 600


@pytest.mark.parametrize("damage", DAMAGE)
def test_a_query_that_was_made_before_the_damage_is_answered(store: Store, damage: Callable[[Path], None]) -> None:
    made = store.events("m").filter(pl.col("x") >= 100).select("id")
    damage(file(store, "events", 1))
    assert len(made.collect()) == 200


@pytest.mark.parametrize("damage", DAMAGE)
@pytest.mark.parametrize("table", ["labels", "feedback"])
def test_labels_and_feedback_are_served_without_the_damaged_file(
    store: Store, damage: Callable[[Path], None], table: str
) -> None:
    damage(file(store, table, 1))
    assert len(store.label_history("m").collect()) == (200 if table == "labels" else 300)
    assert len(store.feedback("m").collect()) == (20 if table == "feedback" else 30)
    assert len(store.labelled("m").collect()) == 600


@pytest.mark.parametrize("damage", DAMAGE)
def test_cycles_and_recounts_go_on(store: Store, damage: Callable[[Path], None]) -> None:
    damage(file(store, "events", 1))
    fresh = Store.open(store.folder, counting=tallied)
    fresh.append("m", "labels", pl.DataFrame({"id": ["0-150", "1-150"], "y": [1, 1]}))
    fresh.apply("m")
    assert fresh.stuck("m") == ()
    assert fresh.pending("m") == 0
    assert [one.name.rpartition("-")[0].rpartition("/")[2] for one in fresh.damaged("m")] == ["part-000000000001"]
    damage(file(fresh, "events", 2))
    fresh.recount("m")
    assert sum(window.events for window in fresh.windows("m")) == 200


def test_a_store_that_cant_be_written_leaves_the_file_out(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    cut(file(store, "events", 1))
    monkeypatch.setattr("retrue.store.store.is_read_only", lambda _root: True)
    reader = Store.open(store.folder, counting=tallied)
    assert len(reader.events("m").collect()) == 400
    assert file(store, "events", 1).exists()


def test_a_profile_that_cant_be_read_is_counted_anew(fast_folder: Path) -> None:
    import retrue as rt

    frame = pl.DataFrame(
        {"id": range(400), "t": [T0 + timedelta(hours=i) for i in range(400)], "x": [float(i % 9) for i in range(400)]}
    )
    model = rt.open(fast_folder / "s").register("m", frame, id="id", time="t", window="1d")
    model.log(frame.with_columns(pl.col("id") + 1000))
    store, before = model.store, model.store.profiles("m")
    with store.catalog.write() as tx:
        row = tx.find(rows.ProfileRow, model="m")[5]
        tx.put(rows.ProfileRow(**{**row.__dict__, "data": row.data[:30]}))
    alone = store.column_profiles("m", "x", [p.start for p in before])  # what is damaged is counted anew here as well
    assert {key: one.counts.tolist() for key, one in alone.items()} == {
        (p.version, p.start): p.profile.columns["x"].counts.tolist() for p in before
    }
    assert [(p.start, p.profile.rows) for p in store.profiles("m")] == [(p.start, p.profile.rows) for p in before]
    assert [one.table for one in store.damaged("m")] == ["profiles"]
    with store.catalog.write() as tx:
        tx.put(rows.ProfileRow(**{**row.__dict__, "data": b"no profile"}))
    model.log({"id": 9999, "t": datetime.fromtimestamp(row.start + 60, UTC), "x": 1.0})
    store.apply("m")
    assert store.stuck("m") == ()
    assert store.profiles("m", start=row.start)[0].profile.rows == row.rows + 1
    model.check()


def test_a_damaged_entry_in_the_middle_of_the_log_is_written_again(store: Store) -> None:
    entry = sorted((store.folder / "lake/m/events/_delta_log").glob("*.json"))[2]
    entry.write_text('{"commitInfo":{"ti')
    store = Store.open(store.folder, counting=tallied)
    assert len(store.labelled("m").collect()) == 600
    assert store.tables("m")["events"].done(store.spool.app) == 3
    assert [one.name for one in store.damaged("m")] == [entry.name]
    log(store, 4)
    assert_books_agree(store)


def test_upkeep_goes_on_beside_what_is_damaged(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("retrue.store.compact.FEW", 1)
    for number in range(4, 7):
        log(store, number)
    rot(file(store, "events", 2))
    steps = [one.step for one in store.upkeep(datetime.now(UTC))]
    assert steps[:2] == ["failed", "set aside"]
    assert next(one.step for one in store.upkeep(datetime.now(UTC))) == "merged"
    assert len(store.events("m").collect()) == 1000


def test_a_log_that_is_lost_keeps_no_other_model_from_being_served(store: Store) -> None:
    """What needs a backup is said when that model is read; the store opens."""
    store.add_model("other", Layout(id="id", time="t", version="v", label="y", window=3600))
    for entry in (store.folder / "lake/m/events/_delta_log").iterdir():
        entry.write_bytes(b"garbage")
    fresh = Store.open(store.folder, counting=tallied)
    fresh.append("other", "events", pl.DataFrame({"id": ["a"], "t": [T0], "v": "a", "x": [1]}))
    fresh.apply("other")
    assert len(fresh.events("other").collect()) == 1
    with pytest.raises(StoreError, match="the table's log is damaged"):
        fresh.events("m")
