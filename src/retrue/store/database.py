"""What the spool is kept in: one connection to a SQLite file, or (`retrue.store.postgres`) to PostgreSQL.

Statements are written once, with `?` for values; what differs by name is in `words`.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import Any, Protocol

from retrue.store.durable import sync_folder
from retrue.store.failure import translated

Row = tuple[Any, ...]


class Database(Protocol):
    """One connection, for one thread at a time.

    Attributes:
        where: what it is, for messages.
        words: what columns that count by themselves, large numbers and bytes are called in it.
        read_only: whether it can't be written.
    """

    @property
    def where(self) -> Path | str: ...

    @property
    def words(self) -> Mapping[str, str]: ...

    @property
    def read_only(self) -> bool: ...

    def all(self, statement: str, values: Sequence[Any] = ()) -> list[Row]:
        """Run a statement, and give every row of its answer."""

    def many(self, statement: str, rows: Iterable[Sequence[Any]]) -> None:
        """Run a statement once for each row of values."""

    def transaction(self) -> AbstractContextManager[None]:
        """One transaction that writes, one at a time among all who write; all of it stays, durably, or nothing."""

    def translated(self) -> AbstractContextManager[None]:
        """Turn its errors into the store's, saying what to do."""

    def changes(self) -> str:
        """A text that differs once another has written."""

    def size(self) -> int:
        """Bytes in use, about."""

    def close(self) -> None:
        """Let go of it."""


class SqliteFile:
    """A SQLite file in WAL mode with `synchronous=FULL`: what was committed survives kill -9 and power loss.

    Args:
        path: the file; made where there is none.
        address: the SQLite address to read it by, where it can't be written.
    """

    words: Mapping[str, str] = {"number": "integer", "data": "blob", "id": "integer primary key autoincrement"}

    def __init__(self, path: Path, address: str | None = None) -> None:
        self.where, self.read_only = path, address is not None
        with self.translated():
            self._db = sqlite3.connect(
                address or path, timeout=60, isolation_level=None, check_same_thread=False, uri=address is not None
            )
            if not self.read_only:
                for pragma in ("journal_mode=wal", "synchronous=full", "busy_timeout=60000"):
                    self._db.execute(f"pragma {pragma}")
                sync_folder(path.parent)

    def all(self, statement: str, values: Sequence[Any] = ()) -> list[Row]:
        """Run a statement, and give every row of its answer."""
        return self._db.execute(statement, values).fetchall()

    def many(self, statement: str, rows: Iterable[Sequence[Any]]) -> None:
        """Run a statement once for each row of values."""
        self._db.executemany(statement, rows)

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """One transaction that writes."""
        self._db.execute("begin immediate")
        try:
            yield
            self._db.execute("commit")
        finally:
            if self._db.in_transaction:
                self._db.execute("rollback")

    def translated(self) -> AbstractContextManager[None]:
        """Turn SQLite's errors into the store's."""
        return translated(self.where)

    def changes(self) -> str:
        """A text that differs once another process has written."""
        return str(self.all("pragma data_version")[0][0])

    def size(self) -> int:
        """Bytes in use in the file; free pages don't count."""
        pages, free, length = (
            int(self.all(f"pragma {name}")[0][0]) for name in ("page_count", "freelist_count", "page_size")
        )
        return (pages - free) * length

    def close(self) -> None:
        """Close the file."""
        self._db.close()
