"""Backup and restore: the original is destroyed each time; and what a lost disk costs."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import polars as pl
import pytest
from tests.postgres import Cluster

from retrue.errors import StoreError
from retrue.store.backup import backup, move_catalog, restore
from retrue.store.layout import Layout
from retrue.store.store import Store

T0 = datetime(2013, 3, 1, tzinfo=UTC)


@pytest.fixture(params=["sqlite", "postgres"])
def place(request: pytest.FixtureRequest) -> str | None:
    """Where the catalog of the original is."""
    if request.param == "sqlite":
        return None
    cluster: Cluster = request.getfixturevalue("postgres")
    return cluster.catalog()


@pytest.fixture
def store(tmp_path: Path, place: str | None) -> Iterator[Store]:
    """A store with a model, some of whose rows are in the lake."""
    store = Store.open(tmp_path / "store", catalog=place)
    store.add_model("m", Layout(id="id", time="t", label="y", window=3600))
    store.append("m", "events", events("a"), key="k")
    store.append("m", "labels", pl.DataFrame({"id": ["a-1", "a-2"], "y": [1, 0]}))
    store.apply("m")
    (store.folder / "runs").mkdir()
    (store.folder / "runs" / "model.bin").write_bytes(b"weights")
    yield store
    store.close()


def events(name: str, rows: int = 4) -> pl.DataFrame:
    times = [T0 + timedelta(hours=i) for i in range(rows)]
    return pl.DataFrame({"id": [f"{name}-{i}" for i in range(rows)], "t": times, "x": [1.0] * rows})


def told(store: Store) -> object:
    """All that there is to know of the model."""
    frame = store.labelled("m").collect().select("id", "x", "y").sort("id")
    return frame.rows(), [(w.start, w.events, w.labelled) for w in store.windows("m")], store.model("m").created


def destroy(store: Store) -> None:
    """Its folder goes; a database is left to itself."""
    store.close()
    shutil.rmtree(store.folder)


def test_a_restored_store_is_what_the_original_was(store: Store, tmp_path: Path) -> None:
    """Rows, books, files and receipts; and it goes on taking rows under another name (`app`)."""
    store.append("m", "events", events("waits"))  # acknowledged, and in no lake yet
    card = backup(store, tmp_path / "backup")
    before, app = told(store), store.spool.app
    destroy(store)
    assert restore(tmp_path / "backup", tmp_path / "again") == card
    again = Store.open(tmp_path / "again")
    assert told(again) == before
    assert again.spool.app != app
    assert (again.folder / "runs" / "model.bin").read_bytes() == b"weights"
    assert again.append("m", "events", events("a"), key="k").accepted == 4  # the receipt of the first time
    again.append("m", "events", events("b"))
    again.apply("m")
    assert len(again.events("m").collect()) == 12
    again.close()


def test_a_backup_is_a_store_that_can_be_opened(store: Store, tmp_path: Path) -> None:
    backup(store, tmp_path / "backup")
    copy = Store.open(tmp_path / "backup", create=False)
    assert told(copy) == told(store)
    copy.close()


def test_a_backup_is_restored_into_postgresql(tmp_path: Path, store: Store, postgres: Cluster) -> None:
    backup(store, tmp_path / "backup")
    before = told(store)
    destroy(store)
    restore(tmp_path / "backup", tmp_path / "again", catalog=(url := postgres.database()))
    again = Store.open(tmp_path / "again")  # the folder knows where its catalog is
    assert again.catalog.where == url
    assert told(again) == before
    again.append("m", "events", events("b"))
    assert again.apply("m").taken["events"] == 4
    again.close()
    with pytest.raises(StoreError, match="there is a store already"):
        restore(tmp_path / "backup", tmp_path / "third", catalog=url)


def test_a_segment_that_was_half_done_is_finished_once(tmp_path: Path, store: Store) -> None:
    """Its events were in the lake, its books were not: the new name knows what the old one has done."""
    store.append("m", "events", events("half"))

    def fault(step: str) -> None:
        if step == "cycle: before applied":
            raise StoreError("the power went")

    store.fault = fault
    backup(store, tmp_path / "backup")
    destroy(store)
    restore(tmp_path / "backup", tmp_path / "again")
    again = Store.open(tmp_path / "again")
    again.apply("m")
    rows = again.events("m").collect()
    assert len(rows) == rows["id"].n_unique() == 8
    assert sum(w.events for w in again.windows("m")) == 8
    again.close()


def test_a_lake_that_outlived_its_catalog_is_taken_as_it_is(tmp_path: Path) -> None:
    """Yesterday's backup and today's lake: what came between is counted anew, and nothing comes twice."""
    store = Store.open(tmp_path / "lake", catalog=str(tmp_path / "node"))
    store.add_model("m", Layout(id="id", time="t", label="y", window=3600))
    store.append("m", "events", events("old"))
    store.apply("m")
    backup(store, tmp_path / "backup")
    for name in ("new", "newer"):
        store.append("m", "events", events(name))
        store.apply("m")
    store.close()
    shutil.rmtree(tmp_path / "node")
    restore(tmp_path / "backup", tmp_path / "lake", catalog=str(tmp_path / "other"))
    again = Store.open(tmp_path / "lake")
    assert sum(w.events for w in again.windows("m")) == 12
    again.append("m", "events", events("newest"))
    again.append("m", "events", events("newer"))
    again.apply("m")
    rows = again.events("m").collect()
    assert len(rows) == rows["id"].n_unique() == 16
    again.close()


def test_a_lost_disk_costs_what_waited_and_nothing_that_is_in_the_lake(tmp_path: Path) -> None:
    """Acknowledged with ack=lake: there. With ack=disk: lost with the disk, as far as no cycle had taken it."""
    store = Store.open(tmp_path / "lake", catalog=str(tmp_path / "node"))
    store.add_model("m", Layout(id="id", time="t", label="y", window=3600))
    backup(store, tmp_path / "backup")
    store.append("m", "events", events("lake"))
    store.apply("m")  # what ack=lake waits for
    store.append("m", "events", events("disk"))  # what ack=disk is content with
    assert store.pending("m") == 4
    store.close()
    shutil.rmtree(tmp_path / "node")
    restore(tmp_path / "backup", tmp_path / "lake", catalog=str(tmp_path / "other"))
    again = Store.open(tmp_path / "lake")
    assert sorted(again.events("m").collect()["id"].to_list()) == [f"lake-{i}" for i in range(4)]
    assert again.pending("m") == 0
    again.close()


def test_a_node_lost_beside_a_database_costs_nothing(tmp_path: Path, postgres: Cluster) -> None:
    """The acknowledged rows are in PostgreSQL: another server takes them in."""
    store = Store.open(tmp_path / "lake", catalog=postgres.catalog())
    store.add_model("m", Layout(id="id", time="t", label="y", window=3600))
    store.append("m", "events", events("disk"))
    store.close()
    shutil.rmtree(tmp_path / "lake" / "locks")  # all that a server has of its own
    again = Store.open(tmp_path / "lake")
    again.apply("m")
    assert len(again.events("m").collect()) == 4
    again.close()


def test_a_catalog_moves_to_postgresql_and_what_it_left_is_sealed(tmp_path: Path, postgres: Cluster) -> None:
    store = Store.open(tmp_path / "s")
    store.add_model("m", Layout(id="id", time="t", label="y", window=3600))
    store.append("m", "events", events("a"), key="k")
    store.apply("m")
    store.append("m", "events", events("waits"))
    url = postgres.database()
    assert move_catalog(tmp_path / "s", url) == url
    for late in (lambda: store.append("m", "events", events("late")), lambda: store.add_model("n", Layout(id="id"))):
        with pytest.raises(StoreError, match="the catalog has moved to postgresql"):
            late()
    store.close()
    moved = Store.open(tmp_path / "s")
    assert moved.catalog.where == url
    moved.append("m", "events", events("a"), key="k")
    moved.append("m", "events", events("b"))
    moved.apply("m")
    assert len(moved.events("m").collect()) == 12
    moved.close()
    with pytest.raises(StoreError, match="only from SQLite to PostgreSQL"):
        move_catalog(tmp_path / "s", postgres.database())


def test_what_is_no_backup_or_no_place_for_one_is_refused(tmp_path: Path, store: Store) -> None:
    with pytest.raises(StoreError, match="the folder isn't empty"):
        backup(store, store.folder)
    with pytest.raises(StoreError, match="no whole backup here"):
        restore(store.folder, tmp_path / "again")


def test_a_lake_that_was_taken_over_refuses_the_catalog_that_it_had(tmp_path: Path) -> None:
    """A rehearsal beside the living store: whoever had the lake, also one who has it open, is refused in words."""
    store = Store.open(tmp_path / "lake", catalog=str(tmp_path / "node"))
    store.add_model("m", Layout(id="id", time="t", label="y", window=3600))
    store.append("m", "events", events("a"))
    store.apply("m")
    backup(store, tmp_path / "backup")
    restore(tmp_path / "backup", tmp_path / "lake", catalog=str(tmp_path / "other"))
    store.append("m", "events", events("late"))
    taken = "another catalog has taken the lake over: a backup was restored"
    with pytest.raises(StoreError, match=taken):
        store.apply("m")
    with pytest.raises(StoreError, match=taken):
        store.erase("m", pl.Series(["a-1"]))
    assert [one.step for one in store.upkeep(T0)] == ["failed"]
    store.close()
    with pytest.raises(StoreError, match=taken):
        Store.open(tmp_path / "lake", catalog=str(tmp_path / "node"))
    again = Store.open(tmp_path / "lake", catalog=str(tmp_path / "other"))
    again.append("m", "events", events("b"))
    again.apply("m")
    assert (len(again.events("m").collect()), sum(w.events for w in again.windows("m"))) == (8, 8)
    again.close()
    shutil.rmtree(tmp_path / "other")
    restore(tmp_path / "backup", tmp_path / "lake", catalog=str(tmp_path / "third"))  # of an owner before the last
    third = Store.open(tmp_path / "lake", catalog=str(tmp_path / "third"))
    assert sum(w.events for w in third.windows("m")) == 8
    third.close()


def test_another_store_s_lake_is_not_taken_over(tmp_path: Path, store: Store) -> None:
    backup(store, tmp_path / "backup")
    Store.open(tmp_path / "other").close()
    (tmp_path / "other" / "catalog.db").unlink()
    with pytest.raises(StoreError, match="the lake belongs to another store"):
        restore(tmp_path / "backup", tmp_path / "other", catalog=str(tmp_path / "node"))
    with pytest.raises(StoreError, match=r"can't be taken over.*expected a URL, and a backup"):
        restore(tmp_path / "backup", tmp_path / "again", lake="s3://bucket/x")
