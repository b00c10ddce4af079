"""Stores that can't be written are read: as they were left, or while somebody else writes them."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import polars as pl
import pytest
from tests.conftest import lacking

from retrue.errors import StoreError
from retrue.store.layout import Layout
from retrue.store.readonly import address, is_read_only
from retrue.store.store import Store

AT = datetime(2013, 3, 1, tzinfo=UTC)


def rows(*ids: str) -> pl.DataFrame:
    """Events."""
    return pl.DataFrame({"id": list(ids), "t": [AT] * len(ids), "x": [1.0] * len(ids)})


@pytest.fixture
def writable(tmp_path: Path) -> Store:
    """A store with two events in the lake and one that waits."""
    store = Store.open(tmp_path / "store")
    store.add_model("m", Layout(id="id", time="t", label="y"))
    store.append("m", "events", rows("a", "b"))
    store.apply("m")
    store.append("m", "events", rows("c"))
    return store


@pytest.fixture
def mounted(writable: Store, tmp_path: Path) -> Iterator[Path]:
    """The same folder where it can only be read; only root may mount it so."""
    place = tmp_path / "mounted"
    place.mkdir()
    if subprocess.run(["mount", "--bind", str(writable.folder), str(place)], check=False).returncode:
        lacking("the right to mount a folder", "run as root")
    try:
        if subprocess.run(["mount", "-o", "remount,ro,bind", str(place)], check=False).returncode:
            lacking("read-only mounts", "another file system")
        yield place
    finally:
        subprocess.run(["umount", "-l", str(place)], check=True)


def seen(store: Store) -> list[str]:
    """The ids of all events that are in the lake."""
    return sorted(store.labelled("m").collect()["id"])


def test_a_store_is_read_as_it_was_left(writable: Store, mounted: Path) -> None:
    """What waits in the spool waits on: nothing is written by opening, reading or applying."""
    writable.close()
    before = {path: path.stat().st_mtime_ns for path in mounted.rglob("*")}
    store = Store.open(mounted)
    assert store.read_only
    assert [model.name for model in store.models()] == ["m"]
    assert store.apply("m").segment == 1
    assert seen(store) == ["a", "b"]
    assert store.pending("m") == 1
    store.close()
    assert {path: path.stat().st_mtime_ns for path in mounted.rglob("*")} == before


def test_a_store_is_read_while_somebody_writes_it(writable: Store, mounted: Path) -> None:
    store = Store.open(mounted)
    assert seen(store) == ["a", "b"]
    writable.apply("m")
    assert seen(store) == ["a", "b", "c"]
    store.close()


def test_what_would_write_says_that_it_cant(writable: Store, mounted: Path) -> None:
    writable.close()
    store = Store.open(mounted)
    for write in (lambda: store.append("m", "events", rows("d")), lambda: store.recount("m"), store.refuse_read_only):
        with pytest.raises(StoreError, match=r"can't be written.*check its permissions"):
            write()
    store.close()


def test_a_folder_that_can_be_written_is_not_read_only(writable: Store, tmp_path: Path) -> None:
    writable.refuse_read_only()
    assert not writable.read_only
    assert not is_read_only(writable.folder)
    assert not is_read_only(tmp_path / "none")


def test_only_a_database_that_nobody_has_open_is_taken_as_it_is(writable: Store) -> None:
    catalog = writable.folder / "catalog.db"
    assert address(catalog).endswith("?mode=ro")
    writable.close()
    assert address(catalog).endswith("?immutable=1")
