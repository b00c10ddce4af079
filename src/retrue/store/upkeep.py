"""Upkeep of a model's lake tables, step by step.

Each step is one commit at a time under the model's lock, can be cut off at any moment, and finds nothing to do where it
was done before.

    retain    rows that are older than somebody wants to keep go           (first: it makes room)
    vacuum    files that no version of the last seven days has are deleted
    compact   many small files of a date become few, sorted by `_h`
    sum up    the log gets a checkpoint, and entries before the last two go
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import Any

import polars as pl

from retrue.store import clean
from retrue.store.compact import compact, due, merged_name, read_whole
from retrue.store.files import AnyPath
from retrue.store.lake import File, LakeTable
from retrue.store.retention import Retention

Lock = Callable[[], AbstractContextManager[None]]


@dataclass(frozen=True)
class Done:
    """One piece of upkeep that was done, or that is due.

    Attributes:
        model: whose; "" for the store itself.
        step: what was done: "dropped", "deleted", "merged", "summed up", "mended", "failed".
        what: to what: a table's name, or a sentence.
        files: how many files or records it touched.
        rows: how many rows went, or were merged.
        size: bytes that were freed.
    """

    model: str
    step: str
    what: str
    files: int = 0
    rows: int = 0
    size: int = 0

    def __str__(self) -> str:
        """Say it in a line.

        >>> str(Done("flights", "merged", "events", 40, 2000))
        'flights: merged 40 files, 2,000 rows of events'
        """
        counts = ((self.files, "file"), (self.rows, "row"), (self.size, "byte"))
        said = ", ".join(f"{n:,} {unit if n == 1 else f'{unit}s'}" for n, unit in counts if n)
        owner = f"{self.model}: " if self.model else ""
        return f"{owner}{self.step} {said} of {self.what}" if said else f"{owner}{self.step} {self.what}"

    def to_dict(self) -> dict[str, Any]:
        """Plain values."""
        return {
            "model": self.model, "step": self.step, "what": self.what, "files": self.files, "rows": self.rows,
            "bytes": self.size, "said": str(self),
        }  # fmt: skip


@dataclass(frozen=True)
class Upkeep:
    """What upkeep of one model needs.

    Args:
        model: whose.
        tables: its lake tables.
        lock: takes the model's lock.
        now: the time (UTC).
        dry: say what is due, and do nothing.
        pinned: dates that manifests name: their events stay.
    """

    model: str
    tables: Mapping[str, LakeTable]
    lock: Lock
    now: datetime
    dry: bool = False
    pinned: Callable[[date], bool] = lambda _: False

    def retain(self, retention: Retention) -> Iterator[Done]:
        """Drop what is older than somebody wants to keep."""
        ages = {
            "events": retention.events, "labels": retention.events, "feedback": retention.feedback,
            "quarantine": retention.quarantine,
        }  # fmt: skip
        for name, age in ages.items():
            if age is not None and self.tables[name].exists:
                with self.lock():
                    yield from self._dropped(name, midnight(self.now - age))

    def _dropped(self, name: str, until: datetime) -> Iterator[Done]:
        """Drop whole dates, and of rows without one those that came before."""
        table = self.tables[name]
        files = table.snapshot().files
        gone = [f for f in files if f.day is not None and f.day < until.date() and not self.pinned(f.day)]
        mixed = [f for f in files if f.day is None and first_arrival(f) < until]
        rows = sum(f.rows for f in gone)
        new: list[tuple[str, date | None, pl.DataFrame]] = []
        for file in mixed:
            whole = read_whole(table.snapshot(), [file])
            left = whole.filter(pl.col("_at") >= until)
            rows += len(whole) - len(left)
            new += [(merged_name("kept", [file]), None, left)] if len(left) else []
        if gone or mixed:
            if not self.dry:
                table.replace([*gone, *mixed], new, changed=True)
            yield Done(self.model, "dropped", f"{name} from before {until:%Y-%m-%d}", len(gone) + len(mixed), rows)

    def vacuum(self) -> Iterator[Done]:
        """Delete files that no version of the last seven days has."""
        for name, table in self.tables.items():
            if table.exists:
                with self.lock():
                    yield from self._deleted(clean.outlived_files(table, self.now.timestamp()), name)

    def compact(self) -> Iterator[Done]:
        """Merge small files; the lock is let go after each group, so that rows that wait get through."""
        for name, table in self.tables.items():
            for _ in due(table.snapshot().files):
                with self.lock():
                    groups = due(table.snapshot().files)  # somebody else may have been at it
                    if groups and not self.dry:
                        compact(table, groups[0])
                    chosen = groups if self.dry else groups[:1]
                yield from (self._merged(name, group) for group in chosen)
                if self.dry:
                    break

    def _merged(self, name: str, group: Sequence[File]) -> Done:
        return Done(self.model, "merged", name, len(group), sum(file.rows for file in group))

    def sum_up(self) -> Iterator[Done]:
        """Give the log a checkpoint, and delete entries from before the last two."""
        for name, table in self.tables.items():
            if not table.exists:
                continue
            with self.lock():
                if clean.unsummed(table) >= clean.SUMMED:
                    if not self.dry:
                        table.checkpoint()
                    yield Done(self.model, "summed up", f"the log of {name}")
                yield from self._deleted(clean.outlived_log(table, self.now.timestamp()), f"the log of {name}")

    def _deleted(self, paths: Sequence[AnyPath], what: str) -> Iterator[Done]:
        if paths:
            size = sum(path.stat().st_size for path in paths) if self.dry else clean.delete(paths)
            yield Done(self.model, "deleted", what, len(paths), size=size)


def midnight(moment: datetime) -> datetime:
    """The start of a moment's day (UTC): dates go as a whole."""
    return datetime.combine(moment.astimezone(UTC).date(), datetime.min.time(), UTC)


def first_arrival(file: File) -> datetime:
    """When the first row of a file came."""
    lazy = pl.scan_parquet(file.path, hive_partitioning=False, glob=False)
    found = lazy.select(pl.col("_at").min()).collect().item()
    return found if isinstance(found, datetime) else datetime.max.replace(tzinfo=UTC)


def pinned_dates(bodies: Sequence[Mapping[str, Any]]) -> Callable[[date], bool]:
    """Whether a manifest names events of a date: its body says `since` and `until`; one that doesn't names all.

    >>> pinned = pinned_dates([{"since": "2026-03-01", "until": "2026-04-01"}])
    >>> pinned(date(2026, 3, 31)), pinned(date(2026, 5, 1))
    (True, False)
    """
    spans = [(str(body.get("since") or "0001")[:10], str(body.get("until") or "9999")[:10]) for body in bodies]
    return lambda day: any(since <= day.isoformat() <= until for since, until in spans)
