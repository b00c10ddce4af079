"""What SQLite and the system say becomes words that tell the reader what to do."""

from __future__ import annotations

import errno
import sqlite3
from pathlib import Path

import pytest

from retrue.errors import StoreError, StoreFullError
from retrue.store.failure import store_error, translated


def test_a_file_that_somebody_holds_is_said_with_how_to_find_them(tmp_path: Path) -> None:
    path = tmp_path / "catalog.db"
    holder, other = (sqlite3.connect(path, timeout=0, isolation_level=None) for _ in range(2))
    holder.execute("begin immediate")
    said = rf"held the file locked for a minute in {path}.*try again.*fuser -v {path}"
    with pytest.raises(StoreError, match=said), translated(path):
        other.execute("begin immediate")
    holder.close()
    other.close()


@pytest.mark.parametrize(
    ("number", "kind", "said"),
    [
        (errno.EIO, StoreError, r"the disk failed \(.*\).*dmesg.*retrue doctor"),
        (errno.ENOSPC, StoreFullError, "the disk is full.*free some space, then try again"),
        (errno.EROFS, StoreError, "the folder can't be written.*check its permissions"),
        (errno.EMFILE, StoreError, "the store failed: .*no such luck in /nowhere"),
    ],
)
def test_what_the_system_says_comes_with_what_to_do(number: int, kind: type[StoreError], said: str) -> None:
    with pytest.raises(kind, match=said):
        raise store_error(OSError(number, "no such luck"), Path("/nowhere/store/spool.db"))
