"""Halves of captured calls that wait for their other half: on disk, so that what was acknowledged survives a crash.

One file beside the store's catalog. A half waits an hour at most; then it goes to the quarantine, and says why.
"""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path

from retrue.errors import StoreError

WAIT = 3_600.0
"""Seconds that a half waits for the other one."""
MOST = 100_000
"""Halves that wait at the same time: of more, the oldest go first."""
AT_ONCE = 500
"""Halves that are given up at a time."""

_TABLE = """
CREATE TABLE IF NOT EXISTS halves (
    number INTEGER PRIMARY KEY, model TEXT, format TEXT, id TEXT, asked INTEGER, at REAL, text TEXT,
    UNIQUE (model, format, id, asked)
)"""


@dataclass(frozen=True)
class Half:
    """A half that waits: the id that joins it, whether it is what was asked, and its document."""

    id: str
    asked: bool
    text: str


class Halves:
    """The halves of one store.

    Args:
        path: the SQLite file; made where there is none.
    """

    def __init__(self, path: Path) -> None:
        self.path = path

    @contextmanager
    def opened(self) -> Iterator[Waiting]:
        """One transaction, in which nobody else pairs: two halves that come at the same time find each other.

        Raises:
            StoreError: the file can't be written.
        """
        try:
            with closing(sqlite3.connect(self.path, timeout=60, isolation_level=None)) as db:
                db.execute("PRAGMA synchronous = FULL")
                db.execute(_TABLE)
                db.execute("BEGIN IMMEDIATE")
                yield Waiting(db)
                db.execute("COMMIT")
        except sqlite3.Error as error:
            raise StoreError(f"halves of calls can't be kept: {error}", where=self.path.name) from error


class Waiting:
    """What can be done with the halves within a transaction."""

    def __init__(self, db: sqlite3.Connection) -> None:
        self._db = db

    def of(self, model: str, format: str, ids: Sequence[str]) -> list[str]:
        """The documents of halves with these ids."""
        found = list[str]()
        for one in ids:
            query = "SELECT text FROM halves WHERE model = ? AND format = ? AND id = ?"
            found += [text for (text,) in self._db.execute(query, (model, format, one))]
        return found

    def keep(self, model: str, format: str, halves: Sequence[Half]) -> None:
        """Let halves wait; one that waits already stays as it is."""
        now = time.time()
        rows = [(model, format, one.id, one.asked, now, one.text) for one in halves]
        insert = "INSERT OR IGNORE INTO halves (model, format, id, asked, at, text) VALUES (?, ?, ?, ?, ?, ?)"
        self._db.executemany(insert, rows)

    def drop(self, model: str, format: str, ids: Sequence[str]) -> None:
        """Forget halves that have found each other."""
        delete = "DELETE FROM halves WHERE model = ? AND format = ? AND id = ?"
        self._db.executemany(delete, [(model, format, one) for one in ids])

    def overdue(self, model: str) -> list[Half]:
        """Take a model's halves that have waited too long, or that there are too many of."""
        query = "SELECT number, id, asked, text FROM halves WHERE model = ? AND (at < ? OR number <= ?) LIMIT ?"
        newest = self._db.execute("SELECT coalesce(max(number), 0) FROM halves").fetchone()[0]
        found = self._db.execute(query, (model, time.time() - WAIT, newest - MOST, AT_ONCE)).fetchall()
        self._db.executemany("DELETE FROM halves WHERE number = ?", [(number,) for number, *_ in found])
        return [Half(key, bool(asked), text) for _, key, asked, text in found]
