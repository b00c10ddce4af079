"""The spool: where a batch is the moment it is acknowledged, until a commit cycle has brought it into the lake.

One SQLite file in WAL mode with `synchronous=FULL`, or a schema of PostgreSQL where several servers share a store: when
`append` returns, the batch survives kill -9 and power loss.
Threads that append at the same time share one transaction (group commit: the first one there commits for all that
wait). A batch is one Arrow IPC stream. A key given with a batch is kept for seven days, so that a client that got no
answer can send the batch again.

    append ──> batches(segment = null) ── stamp(S) ──> batches(segment = S) ── forget(S) ──> gone
"""

from __future__ import annotations

import io
import secrets
import threading
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import polars as pl

from retrue.errors import StoreError, StoreVersionError
from retrue.store.database import Database, SqliteFile
from retrue.store.layout import refuse_twins
from retrue.version import VERSION

FORMAT = 1
KEY_LIFE = 7 * 86_400_000_000  # how long a key is kept, in microseconds
AT_ONCE = 500  # keys asked for at a time
PIECE = 262_144  # rows in one blob at most: SQLite's blobs end at 1 GB

_TABLES = """
create table if not exists meta (name text primary key, value text not null);
create table if not exists batches (
    id {id}, model text not null, kind text not null, segment {number},
    at {number} not null, rows {number} not null, size {number} not null, data {data} not null);
create index if not exists pending on batches (model, segment, id);
create index if not exists held on batches (model, rows, size);
create table if not exists keys (
    model text not null, key text not null, seen {number} not null, receipt text not null, primary key (model, key));
create index if not exists aged on keys (seen);
create table if not exists types (
    model text not null, kind text not null, name text not null, type text not null, primary key (model, kind, name));
create table if not exists stuck (
    model text not null, segment {number} not null, step text not null, tries {number} not null, reason text not null,
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
        database: what it is kept in; what is new there is made.
        fault: called with the name of each step (tests crash there).
    """

    database: Database
    fault: Callable[[str], None] = field(default=lambda _: None)

    @classmethod
    def open(cls, path: Path, fault: Callable[[str], None] = lambda _: None) -> Spool:
        """Open a spool in a SQLite file, making it where there is none."""
        return cls(SqliteFile(path), fault)

    def __post_init__(self) -> None:
        self._queue: list[_Entry] = []
        self._gate, self._writer, self._db = threading.Lock(), threading.Lock(), self.database
        try:
            self._begin()
        except StoreError:
            self._db.close()
            raise

    def _begin(self) -> None:
        if not self._db.read_only:
            with self._db.translated(), self._db.transaction():
                self._prepare()
        if int(self.meta("format") or 0) > FORMAT:
            what = "the spool was written by a newer version of Retrue"
            raise StoreVersionError(what, where=str(self._db.where), hint=f"upgrade Retrue: this is {VERSION}")

    def _prepare(self) -> None:
        """Make what a new spool lacks."""
        for statement in filter(str.strip, _TABLES.format(**self._db.words).split(";")):
            self._db.all(statement)
        for name, value in (("format", str(FORMAT)), ("app", secrets.token_hex(16))):
            self._db.all("insert into meta values (?, ?) on conflict do nothing", (name, value))

    @property
    def where(self) -> Path | str:
        """What it is kept in."""
        return self._db.where

    @property
    def app(self) -> str:
        """The random id under which this spool commits to the lake."""
        return self.meta("app") or ""

    def meta(self, name: str) -> str | None:
        """Read one setting."""
        with self._writer, self._db.translated():
            found = self._db.all("select value from meta where name = ?", (name,))
        return str(found[0][0]) if found else None

    def set_meta(self, name: str, value: str) -> str:
        """Write a setting once; what was there before stays. Gives what is there now."""
        known = self.meta(name)
        if known is not None:
            return known
        with self._writer, self._db.translated(), self._db.transaction():
            self._db.all("insert into meta values (?, ?) on conflict do nothing", (name, value))
        return self.meta(name) or value

    def types(self, model: str, kind: str, wanted: Mapping[str, str]) -> dict[str, str]:
        """Give the lake type of every column seen so far; columns not seen before get the wanted one, for good.

        Raises:
            SchemaError: a column differs in case only from one that was seen before.
        """
        with self._writer, self._db.translated():
            known = self._types(model, kind)
            if wanted.keys() <= known.keys():
                return known
            with self._db.transaction():
                refuse_twins(wanted, self._types(model, kind), kind)
                rows = [(model, kind, name, dtype) for name, dtype in wanted.items()]
                self._db.many("insert into types values (?, ?, ?, ?) on conflict do nothing", rows)
            return self._types(model, kind)

    def _types(self, model: str, kind: str) -> dict[str, str]:
        rows = self._db.all("select name, type from types where model = ? and kind = ?", (model, kind))
        return dict(rows)

    def seen(self, model: str, keys: Iterable[str]) -> dict[str, str]:
        """Give the receipts that went with those keys that were seen in the last seven days."""
        with self._writer, self._db.translated():
            return self._seen(model, keys)

    def _seen(self, model: str, keys: Iterable[str]) -> dict[str, str]:
        asked, found = list(keys), dict[str, str]()
        for begin in range(0, len(asked), AT_ONCE):
            some = asked[begin : begin + AT_ONCE]
            query = f"select key, receipt from keys where model = ? and key in ({', '.join('?' * len(some))})"  # noqa: S608
            found |= {str(key): str(receipt) for key, receipt in self._db.all(query, (model, *some))}
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
            with self._db.translated(), self._db.transaction():
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
            self._db.all("delete from keys where seen < ?", (parcel.now - KEY_LIFE,))
            entry.earlier = self._seen(parcel.model, parcel.keys)
            if entry.earlier:
                return
            rows = [(parcel.model, key, parcel.now, receipt) for key, receipt in parcel.keys.items()]
            self._db.many("insert into keys values (?, ?, ?, ?)", rows)
        self._db.many(
            "insert into batches (model, kind, at, rows, size, data) values (?, ?, ?, ?, ?, ?)",
            [(parcel.model, kind, at, rows, len(data), data) for kind, at, rows, data in entry.blobs],
        )

    def pending(self, model: str) -> int:
        """Count rows that no commit cycle has finished with."""
        query = "select coalesce(sum(rows), 0) from batches where model = ?"
        with self._writer, self._db.translated():
            return int(self._db.all(query, (model,))[0][0])

    def waiting(self) -> dict[str, int]:
        """Count the rows that no commit cycle has finished with, by model; those without any aren't named."""
        with self._writer, self._db.translated():
            found = self._db.all("select model, sum(rows) from batches group by model")
        return {model: int(rows) for model, rows in found}

    def newest(self, model: str) -> int:
        """Give the number of the model's newest batch that waits; 0 where none does."""
        return self._bound("max", model)

    def oldest(self, model: str) -> int | None:
        """Give the number of the model's oldest batch that waits; all with smaller numbers are in the lake."""
        return self._bound("min", model) or None

    def _bound(self, which: str, model: str) -> int:
        query = f"select {which}(id) from batches where model = ?"  # noqa: S608 - min or max
        with self._writer, self._db.translated():
            return int(self._db.all(query, (model,))[0][0] or 0)

    def changes(self) -> str:
        """A text that differs once another process has written: cheaper to ask than what it wrote."""
        with self._writer, self._db.translated():
            return self._db.changes()

    def held(self) -> dict[str, int]:
        """Count the bytes of the batches that wait, by model: the keys of seven days don't count."""
        with self._writer, self._db.translated():
            found = self._db.all("select model, sum(size) from batches group by model")
        return {model: int(size) for model, size in found}

    def size(self) -> int:
        """Bytes in use: what waits, and the keys."""
        with self._writer, self._db.translated():
            return self._db.size()

    def stamp(self, model: str, segment: int, *, rows: int, size: int) -> bool:
        """Stamp the oldest pending batches as a segment (of at most so many rows and bytes); False: there are none.

        A segment that was stamped before keeps its batches, whatever has come since.
        """
        with self._writer, self._db.translated(), self._db.transaction():
            query = "select 1 from batches where model = ? and segment = ? limit 1"
            if self._db.all(query, (model, segment)):
                return True
            last = self._last(model, rows, size)
            if last is None:
                return False
            query = "update batches set segment = ? where model = ? and segment is null and id <= ?"
            self._db.all(query, (segment, model, last))
            return True

    def _last(self, model: str, rows: int, size: int) -> int | None:
        query = "select id, rows, size from batches where model = ? and segment is null order by id"
        last = None
        for number, count, length in self._db.all(query, (model,)):
            rows, size = rows - count, size - length
            if last is not None and min(rows, size) < 0:
                break
            last = int(number)
        return last

    def read(self, model: str, segment: int) -> tuple[Batch, ...]:
        """Read a segment's batches in the order in which they were acknowledged."""
        query = "select kind, at, data from batches where model = ? and segment = ? order by id"
        with self._writer, self._db.translated():
            rows = self._db.all(query, (model, segment))
        return tuple(Batch(kind, at, pl.read_ipc_stream(io.BytesIO(data))) for kind, at, data in rows)

    def failed(self, model: str, segment: int, step: str, reason: str) -> int:
        """Remember, durably, that a step of a segment failed once more; gives how often it has by now."""
        with self._writer, self._db.translated(), self._db.transaction():
            query = "select tries from stuck where model = ? and step = ? and segment = ?"
            found = self._db.all(query, (model, step, segment))
            tries = 1 + (int(found[0][0]) if found else 0)
            self._db.all("delete from stuck where model = ? and step = ?", (model, step))
            self._db.all("insert into stuck values (?, ?, ?, ?, ?)", (model, segment, step, tries, reason))
        return tries

    def stuck(self, model: str) -> tuple[tuple[int, str, int, str], ...]:
        """Steps that failed and haven't been done since: segment, step, attempts, reason."""
        query = "select segment, step, tries, reason from stuck where model = ? order by segment, step"
        with self._writer, self._db.translated():
            return tuple(
                (segment, step, tries, reason) for segment, step, tries, reason in self._db.all(query, (model,))
            )

    def all_stuck(self) -> dict[str, int]:
        """How many steps failed and haven't been done since, by model; those without any aren't named."""
        with self._writer, self._db.translated():
            return {model: int(n) for model, n in self._db.all("select model, count(*) from stuck group by model")}

    def forget(self, model: str, segment: int) -> None:
        """Delete the batches of every segment up to this one; their keys stay."""
        with self._writer, self._db.translated(), self._db.transaction():
            self._db.all("delete from batches where model = ? and segment <= ?", (model, segment))
            self._db.all("delete from stuck where model = ? and segment <= ?", (model, segment))

    def close(self) -> None:
        """Close the file."""
        with self._writer:
            self._db.close()


def to_bytes(frame: pl.DataFrame) -> bytes:
    """Write a frame as an Arrow IPC stream (LZ4)."""
    buffer = io.BytesIO()
    frame.write_ipc_stream(buffer, compression="lz4")
    return buffer.getvalue()
