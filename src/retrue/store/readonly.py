"""Stores that may be read and not written: another user's, a mounted backup, a disk that the system made read-only.

A backup whose lake is at a URL is one of them: what it wrote would come into the lake of the store that goes on.

SQLite's WAL mode wants to write even where one only reads: a file of shared memory beside the database. Where that is
there already (someone has the store open) it can be read; where it isn't, nobody writes, and the file is as it is.
"""

from __future__ import annotations

import os
from pathlib import Path
from urllib.parse import quote

from retrue.store import home
from retrue.store.failure import REFUSED

BACKUP = "backup.json"
"""What a backup says of itself."""


def is_read_only(root: Path) -> bool:
    """Whether there is a store in a folder where it can't be written; a backup would write into the living lake."""
    if not (root / "catalog.db").exists():
        return False
    if (root / BACKUP).exists() and home.remembered(root) is not None:
        return True
    lock = root / "locks" / "open"
    try:
        os.close(os.open(lock, os.O_RDWR))
    except FileNotFoundError:  # to ask writes nothing
        return not os.access(lock.parent if lock.parent.exists() else root, os.W_OK)
    except OSError as error:
        return error.errno in REFUSED
    return False


def address(path: Path) -> str:
    """The address by which SQLite reads a file without writing anything beside it.

    >>> address(Path("/backup/my store/catalog.db"))
    'file:/backup/my%20store/catalog.db?immutable=1'
    """
    log = path.with_name(f"{path.name}-wal")
    in_use = log.exists() and (log.stat().st_size > 0 or path.with_name(f"{path.name}-shm").exists())
    return f"file:{quote(str(path.absolute()))}?{'mode=ro' if in_use else 'immutable=1'}"
