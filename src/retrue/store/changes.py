"""Changes: whether anybody has written to a database since, asked so cheaply that every request may ask."""

from __future__ import annotations

import sqlite3
from dataclasses import dataclass, field
from pathlib import Path
from threading import Lock
from typing import Protocol

from retrue.store.failure import translated


class Changes(Protocol):
    """Looks whether anybody has written; any thread may ask."""

    def mark(self) -> str:
        """A text that differs once any other connection, of this process or another, has written.

        Raises:
            StoreError: the database can't be read.
        """

    def close(self) -> None:
        """Let go of the database."""


@dataclass
class FileChanges:
    """A connection of its own to a SQLite file, that only looks.

    Args:
        path: the file.

    >>> import tempfile
    >>> path = Path(tempfile.mkdtemp()) / "some.db"
    >>> other = sqlite3.connect(path)
    >>> _ = other.execute("create table t (x)")
    >>> changes = FileChanges(path)
    >>> before = changes.mark()
    >>> changes.mark() == before
    True
    >>> with other:
    ...     _ = other.execute("insert into t values (1)")
    >>> changes.mark() == before
    False
    >>> changes.close()
    >>> other.close()
    """

    path: Path
    connection: sqlite3.Connection | None = None
    lock: Lock = field(default_factory=Lock)

    def mark(self) -> str:
        """A text that differs once any other connection, of this process or another, has written; any thread may ask.

        Raises:
            StoreError: the file can't be read.
        """
        with self.lock, translated(self.path):
            return str(self.open().execute("pragma data_version").fetchone()[0])

    def open(self) -> sqlite3.Connection:
        """The connection; it is made when it is first asked for."""
        if self.connection is None:
            address = f"{self.path.absolute().as_uri()}?mode=ro"
            self.connection = sqlite3.connect(address, uri=True, check_same_thread=False, timeout=5)
        return self.connection

    def close(self) -> None:
        """Let go of the file."""
        with self.lock:
            if self.connection is not None:
                self.connection.close()
            self.connection = None
