"""Reading the lake: rows by the hash of their id, and whole dates, without ever holding more than needed.

A file never changes, so the hashes of its rows are remembered by its path (bounded, least recently used goes first):
a label that comes every minute then costs a look into memory, and only files with a hit are read.
"""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from itertools import groupby

import numpy as np
import numpy.typing as npt
import polars as pl

from retrue.store.lake import File, Snapshot, date_folder

MICRO = 4_000_000  # rows whose hashes are looked through at once
SEARCH = 32  # a sorted file with so many rows for each hash is searched, not looked through

Int64s = npt.NDArray[np.int64]


@dataclass
class HashCache:
    """The `_h` column of files read lately, at most `limit` bytes of it; `ordered`: those of which it is sorted."""

    limit: int = 256_000_000
    held: OrderedDict[str, Int64s] = field(default_factory=OrderedDict)
    ordered: set[str] = field(default_factory=set)
    size: int = 0

    def __post_init__(self) -> None:
        self._lock = threading.Lock()

    def read(self, path: str) -> Int64s:
        """Give a file's hashes in row order."""
        with self._lock:
            if path in self.held:
                self.held.move_to_end(path)
                return self.held[path]
        hashes = pl.read_parquet(path, columns=["_h"], hive_partitioning=False)["_h"].fill_null(0).to_numpy()
        self.keep(path, hashes)
        return hashes

    def keep(self, path: str, hashes: Int64s) -> None:
        """Remember a file's hashes, in row order, where there is room."""
        with self._lock:
            if path in self.held or hashes.nbytes > self.limit:
                return
            self.held[path], self.size = hashes, self.size + hashes.nbytes
            if bool((hashes[1:] >= hashes[:-1]).all()):
                self.ordered.add(path)
            while self.size > self.limit:
                old, gone = self.held.popitem(last=False)
                self.size -= gone.nbytes
                self.ordered.discard(old)


def before(files: Sequence[File], segment: int, days: Collection[date | None] | None = None) -> list[File]:
    """Files with rows of segments before this one, of these dates where they are given."""
    return [f for f in files if f.first < segment and (days is None or f.day in days)]


def micro_batches(files: Sequence[File], rows: int = MICRO) -> Iterator[list[File]]:
    """Cut files (sorted by date) into runs of about so many rows; a date is never cut in two."""
    run: list[File] = []
    held = 0
    for file in files:
        if run and file.day != run[-1].day and held >= rows:
            yield run
            run, held = [], 0
        run.append(file)
        held += file.rows
    if run:
        yield run


def hits(files: Sequence[File], hashes: pl.Series, cache: HashCache) -> Iterator[tuple[File, Int64s]]:
    """Files and the rows in them whose hash is one of these."""
    wanted = hashes.unique().sort()
    if not len(wanted):
        return
    for run in micro_batches(files):
        parts = [cache.read(file.path) for file in run]
        sought = [
            len(part) > SEARCH * len(wanted) and file.path in cache.ordered
            for file, part in zip(run, parts, strict=True)
        ]
        others = iter(_looked([part for part, quick in zip(parts, sought, strict=True) if not quick], wanted))
        for file, part, quick in zip(run, parts, sought, strict=True):
            found = _searched(part, wanted) if quick else next(others)
            if len(found):
                yield file, found


def _looked(parts: Sequence[Int64s], wanted: pl.Series) -> list[Int64s]:
    """The rows of each part that hold one of the wanted hashes; all parts are looked through at once."""
    if not parts:
        return []
    found = np.flatnonzero(pl.Series(np.concatenate(parts)).is_in(wanted.implode()).to_numpy())
    ends = np.cumsum([len(part) for part in parts])
    runs = np.split(found, np.searchsorted(found, ends[:-1]))
    return [run - (end - len(part)) for run, part, end in zip(runs, parts, ends, strict=True)]


def _searched(part: Int64s, wanted: pl.Series) -> Int64s:
    """The rows of a sorted part that hold one of the wanted hashes."""
    first, last = (np.searchsorted(part, wanted.to_numpy(), side) for side in ("left", "right"))
    there = last > first
    runs = [np.arange(start, end) for start, end in zip(first[there], last[there], strict=True)]
    return np.concatenate(runs) if runs else np.empty(0, np.int64)


def take(snapshot: Snapshot, file: File, columns: Sequence[str] | None, rows: Int64s | None = None) -> pl.DataFrame:
    """Read a file's rows with the table's columns; a column that is younger than the file is null."""
    wanted = [name for name in (columns or snapshot.schema) if name in snapshot.schema]
    frame = scan([file], snapshot.schema, wanted).collect()
    return frame if rows is None else frame[rows]


def scan(files: Sequence[File], schema: Mapping[str, pl.DataType], columns: Sequence[str]) -> pl.LazyFrame:
    """Scan files lazily as one frame, by date, with `_date` from their place and null for columns that they lack."""
    if not files:
        return pl.LazyFrame(schema={name: schema[name] for name in columns})
    inside = {name: dtype for name, dtype in schema.items() if name != "_date"}
    ordered = sorted(files, key=lambda file: (file.day is not None, file.day or date.min))
    by_name = all(is_dated(file) for file in ordered)  # Polars reads the dates then, and a year's files in one scan
    runs = [ordered] if by_name else [list(run) for _, run in groupby(ordered, key=lambda file: file.day)]
    frames = []
    for run in runs:
        lazy = pl.scan_parquet(
            [file.path for file in run], schema=inside, missing_columns="insert", extra_columns="ignore",
            hive_partitioning=by_name, hive_schema={"_date": pl.Date} if by_name else None, glob=False,
        )  # fmt: skip
        dated = lazy if by_name else lazy.with_columns(pl.lit(run[0].day, dtype=pl.Date).alias("_date"))
        frames.append(dated.select(columns))
    return pl.concat(frames)


def is_dated(file: File) -> bool:
    """Whether a file's folder names its date, and no folder above names anything: `NAME=VALUE` would be a column."""
    above, _, _ = file.path.rpartition("/")
    root, _, folder = above.rpartition("/")
    return folder == date_folder(file.day) and "=" not in root


@dataclass(frozen=True)
class Finder:
    """Finds rows of earlier segments by the hash of their id.

    Args:
        table: where to look, as it was at one moment.
        segment: rows of this segment and later ones don't count.
        cache: hashes of files read lately.
    """

    table: Snapshot
    segment: int
    cache: HashCache

    def find(
        self, hashes: pl.Series, days: Collection[date | None] | None = None, columns: Sequence[str] | None = None
    ) -> pl.DataFrame:
        """Give all rows whose `_h` is among the hashes, of these dates (None among them: rows without one)."""
        files = before(self.table.files, self.segment, days)
        found = [take(self.table, file, columns, rows) for file, rows in hits(files, hashes, self.cache)]
        return self._joined(found, columns)

    def newest(self, keys: pl.DataFrame, id_column: str, columns: Sequence[str]) -> tuple[pl.DataFrame, int]:
        """Find the rows of each id on the newest date that has it, newest dates first, until all are found.

        Args:
            keys: `_h` and the id, one row for each id.
            id_column: name of the id.
            columns: what to read of each row; `_h`, `_date` and the id among them.

        Returns:
            The rows, and how many of the ids were seen on several dates (among the dates that had to be read).
        """
        found: list[pl.DataFrame] = []
        several = 0
        for run in micro_batches(before(self.table.files, self.segment)):
            if not len(keys):
                break
            rows = [take(self.table, file, columns, at) for file, at in hits(run, keys["_h"], self.cache)]
            matched = self._joined(rows, columns).join(keys.select(id_column), on=id_column, how="semi")
            if len(matched):
                dated = matched.with_columns(pl.col("_date").max().over(id_column).alias("\0newest"))
                old = dated.filter(pl.col("_date") != pl.col("\0newest"))
                several += old[id_column].n_unique()
                found.append(dated.filter(pl.col("_date") == pl.col("\0newest")).drop("\0newest"))
                keys = keys.join(matched, on=id_column, how="anti")
        return self._joined(found, columns), several

    def _joined(self, found: Sequence[pl.DataFrame], columns: Sequence[str] | None) -> pl.DataFrame:
        if found:
            rows = pl.concat(found)
            return rows.filter(pl.col("_seq") < self.segment) if "_seq" in rows.columns else rows
        schema = self.table.schema
        return pl.DataFrame(schema={n: t for n, t in schema.items() if columns is None or n in columns})
