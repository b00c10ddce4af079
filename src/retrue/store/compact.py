"""Compaction: many small files of a date become few, sorted by `_h`, so that joins and readers open few files.

    _date=2013-03-01/  part-1  part-2 ... part-40   ──>   _date=2013-03-01/  compact-8f3a...      the same rows

A row keeps its `_seq`, `_n` and `_at`, a table its transaction versions: what a segment means doesn't change, whether
its cycle is finished or repeated after a crash. The old files stay until vacuum takes them, for readers that have them
open. A file's name follows from the files that it replaces: an attempt that was cut off is overwritten by the next one.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from hashlib import blake2b

import polars as pl

from retrue.store.lake import File, LakeTable, Snapshot
from retrue.store.reading import scan

FEW = 8
"""Small files of a date that are left alone."""
SMALL_ROWS, SMALL_BYTES = 500_000, 64_000_000
"""A file with less of both is small."""
ROWS, BYTES = 1_000_000, 128_000_000
"""What is merged at once, at most: it is held in memory."""

Group = Sequence[File]


def due(files: Sequence[File]) -> list[Group]:
    """Groups of files that are worth merging, each of one date."""
    small: dict[object, list[File]] = {}
    for file in files:
        if file.rows < SMALL_ROWS and file.size < SMALL_BYTES:
            small.setdefault(file.day, []).append(file)
    return [group for some in small.values() if len(some) > FEW for group in _groups(some) if len(group) > 1]


def _groups(files: Sequence[File]) -> Iterator[list[File]]:
    """Cut files into groups that fit in memory, oldest segments together."""
    group: list[File] = []
    for file in sorted(files, key=lambda f: (f.first, f.path)):
        group.append(file)
        if sum(f.rows for f in group) > ROWS or sum(f.size for f in group) > BYTES:
            yield group[:-1]
            group = [file]
    yield group


def compact(table: LakeTable, group: Group) -> None:
    """Merge a group of files into one, in one commit. The caller holds the model's lock.

    Raises:
        StoreFullError: the disk is full; nothing has changed.
        StoreError: a file can't be read, or the folder can't be written.
    """
    rows = read_whole(table.snapshot(), group)
    order = [name for name in ("_h", "_seq", "_n") if name in rows.columns]
    table.replace(group, [(merged_name("compact", group), group[0].day, rows.sort(order))], changed=False)


def read_whole(snapshot: Snapshot, files: Sequence[File]) -> pl.DataFrame:
    """All rows of some files, with all of the table's columns."""
    return scan(files, snapshot.schema, list(snapshot.schema)).collect()


def merged_name(kind: str, files: Sequence[File]) -> str:
    """The name of the file that takes the place of others; it follows from theirs.

    >>> merged_name("compact", [File("lake/a.parquet", None, 1, 1, 10, "a.parquet")])
    'compact-fcc25cf9f40754b872bb5eb4'
    """
    names = "\n".join(sorted(file.name for file in files))
    return f"{kind}-{blake2b(names.encode(), digest_size=12).hexdigest()}"
