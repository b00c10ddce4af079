"""The spool: where a batch is the moment it is acknowledged, until a commit cycle has brought it into the lake.

One SQLite file in WAL mode with `synchronous=FULL`: when `append` returns, the batch survives kill -9 and power loss.
Threads that append at the same time share one transaction (group commit: the first one there commits for all that
wait). A batch is one Arrow IPC stream. A key given with a batch is kept for seven days, so that a client that got no
answer can send the batch again.

    append ──> batches(segment = null) ── stamp(S) ──> batches(segment = S) ── forget(S) ──> gone
"""

from __future__ import annotations

import io
import os
import secrets
import sqlite3
import threading
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import polars as pl

from retrue.errors import StoreError, StoreVersionError
from retrue.store.failure import translated
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
create index if not exists aged on keys (seen);
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


@dataclass(frozen=True)
class Parcel:
    """Batches of a model that are taken together or not at all.

    Attributes:
        model: whose they are.
        batches: the rows.
        keys: the keys of those who sent them, each with the receipt to give when it comes again; where one of them
            was seen before, nothing of the parcel is written.
        now: microseconds since 1970.
    """

    model: str
    batches: Sequence[Batch]
    keys: Mapping[str, str] = field(default_factory=dict)
    now: int = 0


@dataclass
class _Entry:
    """A parcel while it waits for its commit."""

    parcel: Parcel
    blobs: Sequence[tuple[str, int, int, bytes]]
    earlier: dict[str, str] = field(default_factory=dict)
    error: Exception | None = None
    done: bool = False

    @classmethod
    def of(cls, parcel: Parcel) -> _Entry:
        """Write the parcel's rows as bytes, outside of any lock."""
        pieces = [(b.kind, b.at, piece) for b in parcel.batches for piece in b.frame.iter_slices(PIECE)]
        return cls(parcel, [(kind, at, len(piece), to_bytes(piece)) for kind, at, piece in pieces])


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

    def seen(self, model: str, keys: Iterable[str]) -> dict[str, str]:
        """Give the receipts that went with those keys that were seen in the last seven days."""
        with self._writer, translated(self.path):
            return self._seen(model, keys)

    def _seen(self, model: str, keys: Iterable[str]) -> dict[str, str]:
        query, found = "select receipt from keys where model = ? and key = ?", dict[str, str]()
        for key in keys:
            row = self._db.execute(query, (model, key)).fetchone()
            if row is not None:
                found[key] = str(row[0])
        return found

    def append(self, *parcels: Parcel) -> list[dict[str, str]]:
        """Write parcels durably, in one transaction with whatever else waits.

        Returns:
            For each parcel the earlier receipts of those of its keys that were seen before: where there is one,
            nothing of that parcel was written.

        Raises:
            StoreFullError: the disk is full; nothing was kept.
            StoreError: the file can't be written.
        """
        entries = [_Entry.of(parcel) for parcel in parcels]
        with self._gate:
            self._queue += entries
        with self._writer:
            if not all(entry.done for entry in entries):
                with self._gate:
                    group, self._queue = self._queue, []
                self._commit(group)
        for entry in entries:
            if entry.error is not None:
                raise entry.error
        return [entry.earlier for entry in entries]

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
        parcel = entry.parcel
        if parcel.keys:
            self._db.execute("delete from keys where seen < ?", (parcel.now - KEY_LIFE,))
            entry.earlier = self._seen(parcel.model, parcel.keys)
            if entry.earlier:
                return
            rows = [(parcel.model, key, parcel.now, receipt) for key, receipt in parcel.keys.items()]
            self._db.executemany("insert into keys values (?, ?, ?, ?)", rows)
        self._db.executemany(
            "insert into batches (model, kind, at, rows, size, data) values (?, ?, ?, ?, ?, ?)",
            [(parcel.model, kind, at, rows, len(data), data) for kind, at, rows, data in entry.blobs],
        )

    def pending(self, model: str) -> int:
        """Count rows that no commit cycle has finished with."""
        query = "select coalesce(sum(rows), 0) from batches where model = ?"
        with self._writer, translated(self.path):
            return int(self._db.execute(query, (model,)).fetchone()[0])

    def waiting(self) -> dict[str, int]:
        """Count the rows that no commit cycle has finished with, by model; those without any aren't named."""
        with self._writer, translated(self.path):
            return dict(self._db.execute("select model, sum(rows) from batches group by model").fetchall())

    def newest(self, model: str) -> int:
        """Give the number of the model's newest batch that waits; 0 where none does."""
        return self._bound("max", model)

    def oldest(self, model: str) -> int | None:
        """Give the number of the model's oldest batch that waits; all with smaller numbers are in the lake."""
        return self._bound("min", model) or None

    def _bound(self, which: str, model: str) -> int:
        query = f"select {which}(id) from batches where model = ?"  # noqa: S608 - min or max
        with self._writer, translated(self.path):
            return int(self._db.execute(query, (model,)).fetchone()[0] or 0)

    def changes(self) -> int:
        """A number that differs once another process has written: cheaper to ask than what it wrote."""
        with self._writer, translated(self.path):
            return int(self._db.execute("pragma data_version").fetchone()[0])

    def holds_more(self, than: int) -> bool:
        """Whether the batches that wait take more bytes than that: the keys of seven days don't count.

        The file's size is asked first, which is quick; only where that is larger are the batches added up.
        """
        if self.size() <= than:
            return False
        with self._writer, translated(self.path):
            return int(self._db.execute("select coalesce(sum(size), 0) from batches").fetchone()[0]) > than

    def size(self) -> int:
        """Bytes in use in the file: what waits, and the keys. Free pages don't count."""
        with self._writer, translated(self.path):
            pages, free, length = (
                int(self._db.execute(f"pragma {name}").fetchone()[0])
                for name in ("page_count", "freelist_count", "page_size")
            )
        return (pages - free) * length

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


def fsync_directory(folder: Path) -> None:
    """Make a folder's entries durable (a new file is lost in a power cut unless its folder is written too)."""
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
