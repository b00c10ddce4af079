"""Migrating: after a backup, only where it is asked for, and never what a newer version wrote."""

from __future__ import annotations

import sqlite3
from pathlib import Path

import pytest

from retrue.errors import StoreError, StoreVersionError
from retrue.store import rows
from retrue.store.catalog import HEAD
from retrue.store.layout import Layout
from retrue.store.store import Store
from retrue.store.upgrade import Upgraded, upgrade

LATER = (
    "estimates", "leases", "logs", "deliveries", "markers", "comments", "tokens", "sessions", "preferences",
    "signals", "collected", "annotations", "tasks", "trials", "decisions",
)  # fmt: skip
"""Tables that the first Retrue didn't have."""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Make a store."""
    Store.open(tmp_path / "store").close()
    return tmp_path / "store"


@pytest.fixture
def older(folder: Path) -> Path:
    """The store as the first Retrue would have left it, with a model in it."""
    store = Store.open(folder)
    store.add_model("m", Layout(id="id"))
    store.close()
    with sqlite3.connect(folder / "catalog.db") as connection:
        for name in LATER:
            connection.execute(f"drop table {name}")
        for name in ("points_of_performance", "audit_by_time", "verdicts_by_window"):
            connection.execute(f"drop index {name}")
        connection.execute("alter table audit drop column digest")
        connection.execute("drop table jobs")
        connection.execute("create table jobs (id text primary key)")
    connection.close()
    set_revision(folder / "catalog.db", "0001")
    return folder


def revision(path: Path) -> str:
    """Which migration a catalog is at."""
    with sqlite3.connect(path) as connection:
        found = str(connection.execute("select version_num from alembic_version").fetchone()[0])
    connection.close()
    return found


def set_revision(path: Path, to: str) -> None:
    """Say that a catalog is at another migration."""
    with sqlite3.connect(path) as connection:
        connection.execute("update alembic_version set version_num = ?", [to])
    connection.close()


def test_a_store_of_today_stays_as_it_is(folder: Path) -> None:
    assert upgrade(folder) == Upgraded()
    assert revision(folder / "catalog.db") == HEAD


def test_an_older_store_is_refused_until_it_is_asked_for(older: Path) -> None:
    with pytest.raises(StoreVersionError, match="run: retrue migrate"):
        Store.open(older)


def test_the_old_catalog_is_kept_beside_the_new_one(older: Path) -> None:
    """The backup is made before anything else, and opens."""
    saved = upgrade(older).backup
    assert saved == older / f"catalog.before-{HEAD}.db"
    assert (revision(saved), revision(older / "catalog.db")) == ("0001", HEAD)


def test_what_an_older_store_holds_stays(older: Path) -> None:
    """And what is new can be kept beside it."""
    upgrade(older)
    store = Store.open(older)
    estimate = rows.EstimateRow("m", "1", 0, 300, 1, {"method": "cbpe"})
    with store.catalog.write() as tx:
        assert [model.name for model in tx.find(rows.Model)] == ["m"]
        tx.put(estimate)
        assert tx.find(rows.EstimateRow, model="m") == (estimate,)
        tx.remove(rows.Model, name="m")
        assert tx.find(rows.EstimateRow) == ()
    store.close()


def test_a_newer_store_is_left_alone(folder: Path) -> None:
    set_revision(folder / "catalog.db", "9999")
    with pytest.raises(StoreVersionError, match="newer version of Retrue"):
        upgrade(folder)
    assert revision(folder / "catalog.db") == "9999"
    assert not list(folder.glob("*before*"))


def test_nothing_is_made_where_there_is_no_store(tmp_path: Path) -> None:
    with pytest.raises(StoreError, match="no store here"):
        upgrade(tmp_path / "nowhere")
    assert not (tmp_path / "nowhere").exists()


def test_what_is_no_catalog_is_damaged(folder: Path) -> None:
    (folder / "catalog.db").write_bytes(b"nothing of ours" * 1000)
    with pytest.raises(StoreError, match="damaged"):
        upgrade(folder)
