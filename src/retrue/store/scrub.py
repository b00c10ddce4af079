"""Scrubbing: SQLite keeps deleted rows in free pages and in its log until something else is written there."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

from retrue.errors import StoreError
from retrue.store.failure import translated

AGAIN = "do it again: what is done already does no harm"


def scrub(path: Path) -> None:
    """Write a SQLite file anew without the pages and the log in which deleted rows can still be read.

    Raises:
        StoreError: somebody has been reading it for a minute, so that the log can't be emptied.
        StoreFullError: there is no room for the copy.
    """
    with translated(path), closing(sqlite3.connect(path, timeout=60, isolation_level=None)) as db:
        db.execute("vacuum")
        busy, *_ = db.execute("pragma wal_checkpoint(truncate)").fetchone()
    if busy:
        raise StoreError("somebody is reading, so what was deleted is still on the disk", where=str(path), hint=AGAIN)
