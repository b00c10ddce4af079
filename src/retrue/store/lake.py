"""The lake: Delta tables that any engine can read, each commit made once and made durable.

    <folder>/<model>/events | labels | feedback | quarantine /
        _date=2013-03-01/part-000000000007-<app>.parquet      rows of segment 7 (`_seq = 7`)
        _delta_log/00000000000000000007.json                  the commit, with Transaction(app, 7)

delta-rs never calls fsync and its transaction ids enforce nothing by themselves, so this module writes the Parquet
files, syncs them, commits with the handle that was asked for `transaction_version`, and syncs the log entry and every
folder that gained a file. A file's name follows from segment and app: a repeated attempt overwrites its own leftovers.
Callers hold the model's lock while they write.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote

import polars as pl

from retrue.errors import StoreError
from retrue.store.durable import heal, sync_file, sync_folder, sync_log, torn
from retrue.store.failure import store_error
from retrue.store.files import AnyPath, Remote, as_parquet, away, below, found, height, options
from retrue.store.log import Action, add_action, addition, removal, write_entry

if TYPE_CHECKING:
    from deltalake import DeltaTable

FORMAT = 1
UNKNOWN = 2**62  # the last segment of a file that doesn't say: its rows are looked at one by one
CHECKPOINT = 50  # commits between two checkpoints of the log
TABLES = ("events", "labels", "feedback", "quarantine")

SYSTEM_TYPES: Mapping[str, pl.DataType] = {
    "_seq": pl.Int64(),
    "_at": pl.Datetime("us", "UTC"),
    "_n": pl.Int64(),
    "_h": pl.Int64(),
}


class UnwritableError(StoreError):
    """A table refuses rows: what they are is at fault, not the disk."""


@dataclass(frozen=True)
class File:
    """One Parquet file of a table: segments `first` to `last`, all of one event date (None: not known yet).

    `name` is its place in the table, as the log has it, `size` its bytes.
    """

    path: str
    day: date | None
    first: int
    last: int
    rows: int
    name: str = ""
    size: int = 0


@dataclass(frozen=True)
class Snapshot:
    """A table at one version: its files, newest date first and those without a date last, and its columns."""

    files: tuple[File, ...] = ()
    schema: Mapping[str, pl.DataType] = field(default_factory=dict)
    version: int = -1


@dataclass
class LakeTable:
    """One Delta table of one model, made by its first commit.

    Args:
        folder: where the table lives.
        fault: called with the name of each step (tests crash there).
    """

    folder: AnyPath
    fault: Callable[[str], None] = field(default=lambda _: None)

    def __post_init__(self) -> None:
        self._lock = threading.RLock()
        self._table: DeltaTable | None = None
        self._snapshot = Snapshot()
        self._without: set[str] = set()

    @property
    def exists(self) -> bool:
        """Whether anything was ever committed to it."""
        known = self._table is not None and isinstance(self.folder, Remote)  # a listing costs, and tables stay
        return known or any((self.folder / "_delta_log").glob("*.json"))

    def reload(self) -> None:
        """Read the log anew from its beginning: it isn't what it was."""
        with self._lock:
            self._table, self._snapshot = None, Snapshot()

    def leave_out(self, file: File) -> None:
        """Leave a file out of snapshots, where the table can't be written."""
        self._without.add(file.path)
        self.reload()

    def torn(self) -> tuple[str, ...]:
        """What `heal` would set aside, by name."""
        return tuple(path.name for path in torn(self.folder))

    def heal(self) -> tuple[str, ...]:
        """Set aside a newest log entry that can't be read; gives the names of what was moved."""
        self.reload()
        return heal(self.folder)

    def _fresh(self) -> DeltaTable:
        """The table at its newest version: another process may have committed since."""
        from deltalake import DeltaTable
        from deltalake.exceptions import DeltaError

        with self._lock:
            try:
                if self._table is None or not self._entry(self._table.version()).exists():  # the next may be gone, too
                    self._table = DeltaTable(str(self.folder), storage_options=options(self.folder))
                elif self._entry(self._table.version() + 1).exists():
                    self._table.update_incremental()
            except (DeltaError, OSError) as error:
                if gone := away(error, self.folder):
                    self._table = None  # its credentials may have ended
                    raise gone from None
                if isinstance(error, OSError):
                    raise
                what, hint = f"the table's log is damaged ({str(error).splitlines()[0]})", "restore it from a backup"
                raise StoreError(what, where=f"{self.folder}/_delta_log", hint=hint) from error
            return self._table

    def _entry(self, version: int) -> AnyPath:
        return self.folder / "_delta_log" / f"{version:020d}.json"

    def done(self, app: str) -> int:
        """The last segment that this app committed here; 0 where there is none."""
        return (self._fresh().transaction_version(app) or 0) if self.exists else 0

    def snapshot(self) -> Snapshot:
        """The table as it is now; empty where nothing was ever committed."""
        if not self.exists:
            return Snapshot()
        with self._lock:
            table = self._fresh()
            if self._snapshot.version != table.version():
                schema = pl.DataFrame(table.schema().to_arrow().empty_table()).schema
                files = tuple(f for f in _files(table, self.folder) if f.path not in self._without)
                self._snapshot = Snapshot(files, dict(schema), table.version())
            return self._snapshot

    @property
    def columns(self) -> Mapping[str, pl.DataType]:
        """Its columns; at a URL as they were last seen: rows are acknowledged without asking the object store."""
        return self._snapshot.schema if isinstance(self.folder, Remote) else self.snapshot().schema

    def commit(self, frame: pl.DataFrame, app: str, segment: int) -> None:
        """Append a segment's rows (with `_date` and `_seq`) in one commit, and make it durable.

        Raises:
            StoreFullError: the disk is full; nothing was committed.
            StoreError: the folder can't be written, or the log is damaged.
            UnwritableError: the table refuses the rows.
        """
        try:
            with self._lock:
                table = self._ensure(frame)
                actions = [self._write(part, day, app, segment) for day, part in by_date(frame)]
                sync_folder(self.folder)
                self.fault("lake: files written")
                self._commit(table, actions, app, segment)
                self.fault("lake: committed")
                self.confirm()
                self._checkpoint()
        except StoreError:
            raise
        except (Exception, pl.exceptions.PanicException) as error:  # delta-rs raises plain ones, too
            self._table = None  # whatever it holds now
            raise _refused(error, self.folder) from error

    def replace(
        self, gone: Sequence[File], new: Sequence[tuple[str, date | None, pl.DataFrame]], *, changed: bool
    ) -> None:
        """Take files out and put others in their place, in one durable commit; what is taken out stays on the disk.

        Args:
            gone: files of the newest snapshot.
            new: names of new files, each with its date and rows (with `_seq`).
            changed: whether this changes which rows there are.

        Raises:
            StoreFullError: the disk is full; nothing was committed.
            StoreError: the folder can't be written, or the log is damaged.
        """
        try:
            with self._lock:
                table = self._fresh()
                dated = "_date" in table.metadata().partition_columns
                actions = [removal(file.name, changed=changed) for file in gone]
                for name, day, rows in new:
                    actions.append(self._put(rows, day, name, dated=dated, changed=changed))
                sync_folder(self.folder)
                self.fault("rewrite: files written")
                what = "DELETE" if changed else "OPTIMIZE"
                write_entry(self.folder / "_delta_log", table.version() + 1, what, actions)
                self.fault("rewrite: committed")
                self._checkpoint()
        except (OSError, pl.exceptions.PolarsError) as error:
            self._table = None
            raise store_error(error, self.folder) from error

    def _put(self, rows: pl.DataFrame, day: date | None, name: str, *, dated: bool, changed: bool) -> Action:
        """Write one file durably under a name of its own, and describe it for the log."""
        folder = self.folder / date_folder(day) if dated else self.folder
        folder.mkdir(exist_ok=True)
        path = folder / f"{name}.parquet"
        size = _write_parquet(rows.drop("_date", strict=False), path)
        first, last = int(rows["_seq"].min() or 0), int(rows["_seq"].max() or 0)  # type: ignore[arg-type]
        return addition(
            below(path, self.folder), size, rows.height, first, last, day, partitioned=dated, changed=changed
        )

    def discard(self, app: str, segment: int) -> None:
        """Delete the files of a segment that never was committed, so that no replay can bring them back."""
        if not self.folder.is_dir() or self.done(app) >= segment:
            return
        for path in self.folder.glob(f"**/part-{segment:012d}-{app}.parquet"):
            path.unlink()
            sync_folder(path.parent)

    def carry(self, app: str, segment: int) -> None:
        """Let a segment, and those before it, count as committed by an app: what another one did is its own now."""
        self._commit(self._fresh(), (), app, segment)

    def confirm(self) -> None:
        """Make the newest commit durable: whoever made it may have died before it could."""
        sync_log(self.folder, self._fresh().version())

    def _commit(self, table: DeltaTable, actions: Sequence[Any], app: str, segment: int) -> None:
        from deltalake import CommitProperties, PostCommitHookProperties, Transaction

        table.create_write_transaction(
            list(actions), "append", table.schema(), list(table.metadata().partition_columns),
            commit_properties=CommitProperties(app_transactions=[Transaction(app, segment)]),
            post_commithook_properties=PostCommitHookProperties(create_checkpoint=False, cleanup_expired_logs=False),
        )  # fmt: skip

    def _ensure(self, frame: pl.DataFrame) -> DeltaTable:
        """Make the table, or add the columns that it lacks; both can be repeated."""
        from deltalake import DeltaTable, Schema

        if not self.exists:
            self.folder.mkdir(parents=True, exist_ok=True)
            parts = ["_date"] if "_date" in frame.columns else []
            settings: dict[str, str | None] = {"delta.enableExpiredLogCleanup": "false"}
            DeltaTable.create(
                str(self.folder), frame.schema, mode="ignore", partition_by=parts, configuration=settings,
                storage_options=options(self.folder),
            )  # fmt: skip
            self.fault("lake: table made")
            sync_log(self.folder, 0)
            for above in (self.folder.parent, self.folder.parent.parent):
                sync_folder(above)
        table = self._fresh()
        known = {name.name for name in table.schema().fields}
        missing = {name: dtype for name, dtype in frame.schema.items() if name not in known}
        if missing:
            table.alter.add_columns(Schema.from_arrow(pl.Schema(missing)).fields)
            self.fault("lake: columns added")
            table = self._fresh()
            sync_log(self.folder, table.version())
        return table

    def _write(self, part: pl.DataFrame, day: date | None, app: str, segment: int) -> Any:
        """Write one Parquet file durably and describe it for the log."""
        folder = self.folder / date_folder(day) if "_date" in part.columns else self.folder
        folder.mkdir(exist_ok=True)
        path = folder / f"part-{segment:012d}-{app}.parquet"
        size, dated = _write_parquet(part.drop("_date", strict=False), path), "_date" in part.columns
        return add_action(below(path, self.folder), size, part.height, segment, day, partitioned=dated)

    def _checkpoint(self) -> None:
        """Sum the log up now and then, so that opening stays fast; a checkpoint can always be made again."""
        if (version := self._fresh().version()) and version % CHECKPOINT == 0:
            self.checkpoint()

    def checkpoint(self) -> None:
        """Sum the log up, durably."""
        table = self._fresh()
        table.create_checkpoint()
        sync_log(self.folder, table.version())

    def vacuumable(self, hours: int) -> list[str]:
        """Files that no version of so many hours has, by their place in the table."""
        return self._fresh().vacuum(hours, dry_run=True, enforce_retention_duration=False, full=True)

    def replay(self, app: str, applied: int) -> int:
        """Commit again what a lost log entry held: files of segments up to `applied` that the log doesn't know.

        Their batches left the spool long ago, but a file's name says its segment, and files are never deleted here.
        """
        done, count = self.done(app), 0
        known = {unquote(file.name).rpartition("/")[2] for file in self.snapshot().files}
        lost: dict[int, list[AnyPath]] = {}
        for path in found(self.folder, f"**/part-*-{app}.parquet"):
            segment = int(path.name.split("-")[1])
            if done < segment <= applied and path.name not in known:
                lost.setdefault(segment, []).append(path)
        for segment, paths in sorted(lost.items()):
            self._add_again(paths, app, segment)
            count += 1
        return count

    def _add_again(self, paths: Sequence[AnyPath], app: str, segment: int) -> None:
        """Commit files that are there already; they are the only copy, so they are not touched."""
        days = [_day_of(path) for path in paths]
        dated = any(path.parent.name.startswith("_date=") for path in paths)
        with self._lock:
            empty = [pl.read_parquet(str(path), n_rows=0, hive_partitioning=False, glob=False) for path in paths]
            columns = pl.concat(empty, how="diagonal")
            table = self._ensure(columns.with_columns(pl.lit(None, dtype=pl.Date).alias("_date")) if dated else columns)
            actions = [
                add_action(below(path, self.folder), path.stat().st_size, height(path), segment, day, partitioned=dated)
                for path, day in zip(paths, days, strict=True)
            ]
            self._commit(table, actions, app, segment)
            self.confirm()


def _write_parquet(rows: pl.DataFrame, path: AnyPath) -> int:
    """Write a file and its place in the folder through to the disk; gives its bytes."""
    how: Mapping[str, Any] = {"compression": "zstd", "compression_level": 1, "row_group_size": 262_144}
    if isinstance(path, Remote):
        return path.write_bytes(as_parquet(rows, **how))
    rows.write_parquet(path, **how)
    sync_file(path)
    sync_folder(path.parent)
    return path.stat().st_size


def _refused(error: BaseException, folder: AnyPath) -> StoreError:
    """Say in the store's words why a commit failed, and whether it's the disk or the rows."""
    if gone := away(error, folder):
        return gone
    said = store_error(error if isinstance(error, Exception) else RuntimeError(str(error)), folder)
    if isinstance(error, OSError) or type(said) is not StoreError:
        return said
    reason = " ".join(str(error).split())[:300] or type(error).__name__
    hint = "nothing is lost: the rows wait in the spool, and are set aside if they fail again and again"
    return UnwritableError(f"rows can't be written: {reason}", where=str(folder), hint=hint)


def by_date(frame: pl.DataFrame) -> list[tuple[date | None, pl.DataFrame]]:
    """Part rows by event date, in order; one part without a date where the table has no dates."""
    if "_date" not in frame.columns:
        return [(None, frame)]
    days = frame["_date"].unique().sort().to_list()
    if len(days) == 1:
        return [(days[0], frame)]
    parts = frame.partition_by("_date", as_dict=True)
    return [(day, parts[day,]) for day in days]


def date_folder(day: date | None) -> str:
    """The folder of a date's files."""
    return f"_date={'__HIVE_DEFAULT_PARTITION__' if day is None else day.isoformat()}"


def _day_of(path: AnyPath) -> date | None:
    """The event date that a file's folder stands for; None where it has none."""
    text = path.parent.name.removeprefix("_date=")
    undated = text in {path.parent.name, "__HIVE_DEFAULT_PARTITION__"}
    return None if undated else date.fromisoformat(text)


def _files(table: DeltaTable, folder: AnyPath) -> tuple[File, ...]:
    """Every file of the table; one that another engine rewrote may come without statistics."""
    adds = pl.DataFrame(table.get_add_actions(flatten=True))
    if not len(adds):
        return ()
    unknown = {"min._seq": 0, "max._seq": UNKNOWN, "num_records": 1_000_000, "partition._date": None}
    columns = [_column(adds, name, other) for name, other in unknown.items()]
    files = [
        File(str(folder / unquote(path)), day, first, last, rows, path, size)
        for path, size, first, last, rows, day in zip(adds["path"], adds["size_bytes"], *columns, strict=True)
    ]
    return tuple(sorted(files, key=lambda f: (f.day is not None, f.day or date.min, f.first, f.path), reverse=True))


def _column(adds: pl.DataFrame, name: str, unknown: int | None) -> list[Any]:
    """A column of the log's additions, with something in the place of what isn't known."""
    if name not in adds.columns:
        return [unknown] * len(adds)
    return (adds[name] if unknown is None else adds[name].fill_null(unknown)).to_list()
