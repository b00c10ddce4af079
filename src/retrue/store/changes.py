"""Changes: whether anybody has written to a SQLite file since, asked so cheaply that every request may ask."""

from __future__ import annotations

import sqlite3
from dataclasses import dataclass, field
from pathlib import Path
from threading import Lock


@dataclass
class Changes:
    """A connection of its own to a SQLite file, that only looks.

    Args:
        path: the file.

    >>> import tempfile
    >>> path = Path(tempfile.mkdtemp()) / "some.db"
    >>> other = sqlite3.connect(path)
    >>> _ = other.execute("create table t (x)")
    >>> changes = Changes(path)
    >>> before = changes.number()
    >>> changes.number() == before
    True
    >>> with other:
    ...     _ = other.execute("insert into t values (1)")
    >>> changes.number() == before
    False
    >>> changes.close()
    >>> other.close()
    """

    path: Path
    connection: sqlite3.Connection | None = None
    lock: Lock = field(default_factory=Lock)

    def number(self) -> int:
        """A number that differs once any other connection, of this process or another, has written; any thread may ask.

        Raises:
            sqlite3.Error: the file can't be read.
        """
        with self.lock:
            return int(self.open().execute("pragma data_version").fetchone()[0])

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
