"""What went wrong with a file of the store, in the store's words: SQLite, Delta and the system have theirs."""

from __future__ import annotations

import errno
import shutil
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from retrue.errors import StoreError, StoreFullError
from retrue.store.files import AnyPath, Remote, away


@contextmanager
def translated(path: Path) -> Iterator[None]:
    """Turn SQLite's errors into the store's, saying what to do."""
    try:
        yield
    except sqlite3.Error as error:
        raise store_error(error, path) from error


def store_error(error: Exception, path: AnyPath) -> StoreError:
    """Say in the store's words what SQLite, Delta or the operating system meant."""
    if gone := away(error, path):
        return gone
    text, name = str(error), getattr(error, "sqlite_errorname", "") or ""
    number = error.errno if isinstance(error, OSError) else None
    if name == "SQLITE_FULL" or number in _FULL or any(said in text for said in _FULL_TEXTS):
        return StoreFullError("the disk is full", where=str(path), hint="free some space, then try again")
    if name.startswith("SQLITE_IOERR") and no_room(path):  # SQLite says so where its shared memory finds no room
        return StoreFullError("the disk is full", where=str(path), hint="free some space, then try again")
    if name.startswith("SQLITE_IOERR") or number == errno.EIO:
        hint = "look at what the system says of it (dmesg); then: retrue doctor"
        return StoreError(f"the disk failed ({text})", where=str(path), hint=hint)
    if name.startswith(("SQLITE_BUSY", "SQLITE_LOCKED")):
        hint = f"try again; what holds it is shown by: fuser -v {path}"
        return StoreError("somebody else has held the file locked for a minute", where=str(path), hint=hint)
    if name.startswith("SQLITE_CANTOPEN") and isinstance(path, Path) and path.is_dir():
        hint = f"move the folder away, and restore the file {FROM_BACKUP}"
        return StoreError("a folder is where a file belongs", where=str(path), expected="a SQLite database", hint=hint)
    if name.startswith(("SQLITE_READONLY", "SQLITE_CANTOPEN", "SQLITE_PERM")) or number in REFUSED:
        return StoreError("the folder can't be written", where=str(path), hint="check its permissions")
    if name.startswith(("SQLITE_NOTADB", "SQLITE_CORRUPT")):
        hint = f"restore it {FROM_BACKUP}"
        if path.name == "spool.db":
            hint += "; or move it away, and go on without the rows that waited in it"
        return StoreError("the file is damaged", where=str(path), expected="a SQLite database", hint=hint)
    return StoreError(f"the store failed: {text}", where=str(path))


def no_room(path: AnyPath) -> bool:
    """Whether the disk that holds a file has nothing left to speak of."""
    if isinstance(path, Remote):
        return False
    try:
        return shutil.disk_usage(path.parent).free < LEAST_ROOM
    except OSError:
        return False


FROM_BACKUP = "from a backup: retrue restore --help"
"""Where a part that is lost may be had again."""
LEAST_ROOM = 65_536  # bytes; SQLite grows its shared memory by half of this at a time
_FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
_FULL_TEXTS = ("disk is full", "No space left", "File too large", "quota exceeded")
REFUSED = (errno.EROFS, errno.EACCES, errno.EPERM, errno.ENOTDIR)
