"""`retrue migrate` works on stores as they are, and backs up first."""

from __future__ import annotations

import sqlite3
from pathlib import Path

import pytest

from retrue.errors import StoreError, StoreVersionError
from retrue.store.store import Store
from retrue.store.upgrade import upgrade


def test_there_must_be_a_store(tmp_path: Path) -> None:
    with pytest.raises(StoreError, match="no store here"):
        upgrade(tmp_path)


def test_a_store_of_this_version_is_left_alone(tmp_path: Path) -> None:
    Store.open(tmp_path).close()
    assert upgrade(tmp_path) is None
    assert not list(tmp_path.glob("catalog.before*"))


def test_a_newer_store_is_refused(tmp_path: Path) -> None:
    Store.open(tmp_path).close()
    with sqlite3.connect(tmp_path / "catalog.db") as db:
        db.execute("update alembic_version set version_num = '9999'")
    db.close()
    with pytest.raises(StoreVersionError, match="newer version"):
        upgrade(tmp_path)
