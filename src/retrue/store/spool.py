"""The spool: where a batch is the moment it is acknowledged, until a commit cycle has brought it into the lake.

One SQLite file in WAL mode with `synchronous=FULL`: when `append` returns, the batch survives kill -9 and power loss.
Threads that append at the same time share one transaction (group commit: the first one there commits for all that
wait). A batch is one Arrow IPC stream. A key given with a batch is kept for seven days, so that a client that got no
answer can send the batch again.

    append ──> batches(segment = null) ── stamp(S) ──> batches(segment = S) ── forget(S) ──> gone
"""

from __future__ import annotations

import errno
import io
import os
import secrets
import shutil
import sqlite3
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import polars as pl

from retrue.errors import StoreError, StoreFullError, StoreVersionError
from retrue.store.layout import refuse_twins

FORMAT = 1
KEY_LIFE = 7 * 86_400_000_000  # how long a key is kept, in microseconds
PIECE = 262_144  # rows in one blob at most: SQLite's blobs end at 1 GB

_TABLES = """
create table if not exists meta (name text primary key, value text not null);
create table if not exists batches (
    id integer primary key autoincrement, model text not null, kind text not null, segment integer,
    at integer not null, rows integer not null, size integer not null, data blob not null);
create index if not exists pending on batches (model, segment, id);
create table if not exists keys (
    model text not null, key text not null, seen integer not null, receipt text not null, primary key (model, key));
create table if not exists types (
    model text not null, kind text not null, name text not null, type text not null, primary key (model, kind, name));
create table if not exists stuck (
    model text not null, segment integer not null, step text not null, tries integer not null, reason text not null,
    primary key (model, step));
"""


@dataclass(frozen=True)
class Batch:
    """Rows of one kind that came together: `at` is their arrival in microseconds since 1970."""

    kind: str
    at: int
    frame: pl.DataFrame


@dataclass
class _Entry:
    """One call of `append` while it waits for its commit."""

    model: str
    batches: Sequence[tuple[str, int, int, bytes]]
    key: str | None
    receipt: str
    now: int
    earlier: str | None = None
    error: Exception | None = None
    done: bool = False


@dataclass
class Spool:
    """The spool of a store.

    Args:
        path: the SQLite file; made where there is none.
        fault: called with the name of each step (tests crash there).
        address: the SQLite address to read it by, where it can't be written.
    """

    path: Path
    fault: Callable[[str], None] = field(default=lambda _: None)
    address: str | None = None

    def __post_init__(self) -> None:
        self._queue: list[_Entry] = []
        self._gate, self._writer = threading.Lock(), threading.Lock()
        with translated(self.path):
            self._db = sqlite3.connect(
                self.address or self.path,
                timeout=60,
                isolation_level=None,
                check_same_thread=False,
                uri=self.address is not None,
            )
            if self.address is None:
                self._prepare()
        if int(self.meta("format") or 0) > FORMAT:
            raise StoreVersionError(
                "the spool was written by a newer version of Retrue", where=str(self.path), hint="upgrade Retrue"
            )

    def _prepare(self) -> None:
        """Make what a new spool lacks."""
        for pragma in ("journal_mode=wal", "synchronous=full", "busy_timeout=60000"):
            self._db.execute(f"pragma {pragma}")
        with self._transaction():
            for statement in filter(str.strip, _TABLES.split(";")):
                self._db.execute(statement)
            self._db.execute("insert or ignore into meta values ('format', ?)", (str(FORMAT),))
            self._db.execute("insert or ignore into meta values ('app', ?)", (secrets.token_hex(16),))
        fsync_directory(self.path.parent)

    @property
    def app(self) -> str:
        """The random id under which this spool commits to the lake."""
        return self.meta("app") or ""

    def meta(self, name: str) -> str | None:
        """Read one setting."""
        with self._writer, translated(self.path):
            found = self._db.execute("select value from meta where name = ?", (name,)).fetchone()
        return None if found is None else str(found[0])

    def set_meta(self, name: str, value: str) -> str:
        """Write a setting once; what was there before stays. Gives what is there now."""
        known = self.meta(name)
        if known is not None:
            return known
        with self._writer, translated(self.path), self._transaction():
            self._db.execute("insert or ignore into meta values (?, ?)", (name, value))
        return self.meta(name) or value

    def types(self, model: str, kind: str, wanted: Mapping[str, str]) -> dict[str, str]:
        """Give the lake type of every column seen so far; columns not seen before get the wanted one, for good.

        Raises:
            SchemaError: a column differs in case only from one that was seen before.
        """
        with self._writer, translated(self.path):
            known = self._types(model, kind)
            if wanted.keys() <= known.keys():
                return known
            with self._transaction():
                refuse_twins(wanted, self._types(model, kind), kind)
                rows = [(model, kind, name, dtype) for name, dtype in wanted.items()]
                self._db.executemany("insert or ignore into types values (?, ?, ?, ?)", rows)
            return self._types(model, kind)

    def _types(self, model: str, kind: str) -> dict[str, str]:
        rows = self._db.execute("select name, type from types where model = ? and kind = ?", (model, kind))
        return dict(rows.fetchall())

    def seen(self, model: str, key: str) -> str | None:
        """Give the receipt that went with a key, if it was seen in the last seven days."""
        with self._writer, translated(self.path):
            found = self._db.execute("select receipt from keys where model = ? and key = ?", (model, key)).fetchone()
        return None if found is None else str(found[0])

    def append(
        self, model: str, batches: Sequence[Batch], *, receipt: str = "", key: str | None = None, now: int = 0
    ) -> str | None:
        """Write batches durably, all or none; returns the earlier receipt where `key` was seen before.

        Raises:
            StoreFullError: the disk is full; nothing was kept.
            StoreError: the file can't be written.
        """
        blobs = [(b.kind, b.at, len(p), to_bytes(p)) for b in batches for p in b.frame.iter_slices(PIECE)]
        entry = _Entry(model, blobs, key, receipt, now)
        with self._gate:
            self._queue.append(entry)
        with self._writer:
            if not entry.done:
                with self._gate:
                    group, self._queue = self._queue, []
                self._commit(group)
        if entry.error is not None:
            raise entry.error
        return entry.earlier

    def _commit(self, group: Sequence[_Entry]) -> None:
        """Commit everything that waits in one transaction: all of it is acknowledged, or none."""
        failed: Exception | None = StoreError("interrupted before the batch was acknowledged")
        try:
            with translated(self.path), self._transaction():
                for entry in group:
                    self._insert(entry)
                self.fault("spool: before commit")
            self.fault("spool: after commit")
            failed = None
        except Exception as error:  # noqa: BLE001 - handed to every caller that waits
            failed = error
        finally:
            for entry in group:
                entry.error, entry.done = failed, True

    def _insert(self, entry: _Entry) -> None:
        if entry.key is not None:
            self._db.execute("delete from keys where seen < ?", (entry.now - KEY_LIFE,))
            row = (entry.model, entry.key, entry.now, entry.receipt)
            if not self._db.execute("insert or ignore into keys values (?, ?, ?, ?)", row).rowcount:
                found = self._db.execute("select receipt from keys where model = ? and key = ?", row[:2]).fetchone()
                entry.earlier = str(found[0])
                return
        self._db.executemany(
            "insert into batches (model, kind, at, rows, size, data) values (?, ?, ?, ?, ?, ?)",
            [(entry.model, kind, at, rows, len(data), data) for kind, at, rows, data in entry.batches],
        )

    def pending(self, model: str) -> int:
        """Count rows that no commit cycle has finished with."""
        query = "select coalesce(sum(rows), 0) from batches where model = ?"
        with self._writer, translated(self.path):
            return int(self._db.execute(query, (model,)).fetchone()[0])

    def stamp(self, model: str, segment: int, *, rows: int, size: int) -> bool:
        """Stamp the oldest pending batches as a segment (of at most so many rows and bytes); False: there are none.

        A segment that was stamped before keeps its batches, whatever has come since.
        """
        with self._writer, translated(self.path), self._transaction():
            query = "select 1 from batches where model = ? and segment = ? limit 1"
            if self._db.execute(query, (model, segment)).fetchone():
                return True
            last = self._last(model, rows, size)
            if last is None:
                return False
            query = "update batches set segment = ? where model = ? and segment is null and id <= ?"
            self._db.execute(query, (segment, model, last))
            return True

    def _last(self, model: str, rows: int, size: int) -> int | None:
        query = "select id, rows, size from batches where model = ? and segment is null order by id"
        last = None
        for number, count, length in self._db.execute(query, (model,)):
            rows, size = rows - count, size - length
            if last is not None and min(rows, size) < 0:
                break
            last = int(number)
        return last

    def read(self, model: str, segment: int) -> tuple[Batch, ...]:
        """Read a segment's batches in the order in which they were acknowledged."""
        query = "select kind, at, data from batches where model = ? and segment = ? order by id"
        with self._writer, translated(self.path):
            rows = self._db.execute(query, (model, segment)).fetchall()
        return tuple(Batch(kind, at, pl.read_ipc_stream(io.BytesIO(data))) for kind, at, data in rows)

    def failed(self, model: str, segment: int, step: str, reason: str) -> int:
        """Remember, durably, that a step of a segment failed once more; gives how often it has by now."""
        with self._writer, translated(self.path), self._transaction():
            query = "select tries from stuck where model = ? and step = ? and segment = ?"
            found = self._db.execute(query, (model, step, segment)).fetchone()
            tries = 1 + (int(found[0]) if found else 0)
            row = (model, segment, step, tries, reason)
            self._db.execute("insert or replace into stuck values (?, ?, ?, ?, ?)", row)
        return tries

    def stuck(self, model: str) -> tuple[tuple[int, str, int, str], ...]:
        """Steps that failed and haven't been done since: segment, step, attempts, reason."""
        query = "select segment, step, tries, reason from stuck where model = ? order by segment, step"
        with self._writer, translated(self.path):
            return tuple(self._db.execute(query, (model,)).fetchall())

    def forget(self, model: str, segment: int) -> None:
        """Delete the batches of every segment up to this one; their keys stay."""
        with self._writer, translated(self.path), self._transaction():
            self._db.execute("delete from batches where model = ? and segment <= ?", (model, segment))
            self._db.execute("delete from stuck where model = ? and segment <= ?", (model, segment))

    def close(self) -> None:
        """Close the file."""
        with self._writer:
            self._db.close()

    @contextmanager
    def _transaction(self) -> Iterator[None]:
        self._db.execute("begin immediate")
        try:
            yield
            self._db.execute("commit")
        finally:
            if self._db.in_transaction:
                self._db.execute("rollback")


def to_bytes(frame: pl.DataFrame) -> bytes:
    """Write a frame as an Arrow IPC stream (LZ4)."""
    buffer = io.BytesIO()
    frame.write_ipc_stream(buffer, compression="lz4")
    return buffer.getvalue()


@contextmanager
def translated(path: Path) -> Iterator[None]:
    """Turn SQLite's errors into the store's, saying what to do."""
    try:
        yield
    except sqlite3.Error as error:
        raise store_error(error, path) from error


def store_error(error: Exception, path: Path) -> StoreError:
    """Say in the store's words what SQLite, Delta or the operating system meant."""
    text, name = str(error), getattr(error, "sqlite_errorname", "") or ""
    number = error.errno if isinstance(error, OSError) else None
    if name == "SQLITE_FULL" or number in _FULL or any(said in text for said in _FULL_TEXTS):
        return StoreFullError("the disk is full", where=str(path), hint="free some space, then try again")
    if name.startswith("SQLITE_IOERR") and no_room(path):  # SQLite says so where its shared memory finds no room
        return StoreFullError("the disk is full", where=str(path), hint="free some space, then try again")
    if name.startswith(("SQLITE_READONLY", "SQLITE_CANTOPEN", "SQLITE_PERM")) or number in REFUSED:
        return StoreError("the folder can't be written", where=str(path), hint="check its permissions")
    if name.startswith(("SQLITE_NOTADB", "SQLITE_CORRUPT")):
        return StoreError("the file is damaged", where=str(path), expected="a SQLite database", hint="restore a backup")
    return StoreError(f"the store failed: {text}", where=str(path))


def no_room(path: Path) -> bool:
    """Whether the disk that holds a file has nothing left to speak of."""
    try:
        return shutil.disk_usage(path.parent).free < LEAST_ROOM
    except OSError:
        return False


LEAST_ROOM = 65_536  # bytes; SQLite grows its shared memory by half of this at a time
_FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
_FULL_TEXTS = ("disk is full", "No space left", "File too large", "quota exceeded")
REFUSED = (errno.EROFS, errno.EACCES, errno.EPERM, errno.ENOTDIR)


def fsync_directory(folder: Path) -> None:
    """Make a folder's entries durable (a new file is lost in a power cut unless its folder is written too)."""
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
