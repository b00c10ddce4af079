"""Erasure: every row of some ids goes, from the newest version of the lake and from all older ones.

    spool ──> lake          what waits is applied first, so that it is found
    lake                    files with such rows are written anew without them, one commit each
    the log                 gets a checkpoint, then every file that the newest version doesn't have is deleted
    collections             are written anew without them
    catalog, spool          are written anew without deleted pages and without their logs

It is done under the model's lock. A crash leaves some of it undone; doing it again does the rest.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from io import BytesIO
from pathlib import Path
from typing import Any

import polars as pl

from retrue.store import clean, rows
from retrue.store.catalog import Catalog
from retrue.store.compact import merged_name, read_whole
from retrue.store.durable import ASIDE
from retrue.store.files import AnyPath, below, found
from retrue.store.ids import text_id
from retrue.store.lake import File, LakeTable

ERASED = "events erased"
"""The counter of events that were erased: profiles still count them."""


@dataclass(frozen=True)
class Erased:
    """What became of an erasure.

    Attributes:
        ids: how many ids were asked for.
        rows: how many rows went, by place.
        files: how many files were deleted, old versions among them.
        left: what may still hold rows of these ids, and why it can't be erased here.
    """

    ids: int
    rows: Mapping[str, int] = field(default_factory=dict)
    files: int = 0
    left: tuple[str, ...] = ()

    def to_dict(self) -> dict[str, Any]:
        """Plain values."""
        return {"ids": self.ids, "rows": dict(self.rows), "files": self.files, "left": list(self.left)}


def without(frame: pl.DataFrame, column: str, ids: pl.Series) -> pl.DataFrame:
    """A frame without the rows of these ids (as text); one that lacks the column is left as it is.

    >>> without(pl.DataFrame({"id": [1, 2, None]}), "id", pl.Series(["2"]))["id"].to_list()
    [1, None]
    """
    if column not in frame.columns:
        return frame
    own = frame.select(text_id(column, frame.schema[column]).alias("id"))["id"]
    return frame.filter(~own.is_in(ids.implode()).fill_null(value=False))


def erased_from(id_column: str) -> dict[str, str]:
    """The lake's tables that rows are erased from, and which column of each has the id."""
    return dict.fromkeys(("events", "labels", "feedback"), id_column) | {"quarantine": "id"}


def among(frame: pl.DataFrame, column: str, ids: pl.Series) -> pl.Series:
    """Which of these ids (as text) a frame has, one for each of its rows.

    >>> among(pl.DataFrame({"id": [1, 2, 2, None]}), "id", pl.Series(["2", "3"])).to_list()
    ['2', '2']
    """
    if column not in frame.columns:
        return pl.Series("id", [], dtype=pl.String)
    own = frame.select(text_id(column, frame.schema[column]).alias("id"))["id"]
    return own.filter(own.is_in(ids.implode()).fill_null(value=False))


def rows_of(table: LakeTable, column: str, ids: pl.Series) -> pl.Series:
    """Which of these ids a table has, one for each of its rows; only that column is read."""
    read = (_column(file, column).rename("id").to_frame() for file in _with_ids(table, column, ids))
    return pl.concat([pl.Series("id", [], dtype=pl.String), *(among(one, "id", ids) for one in read)])


def collected_of(catalog: Catalog, model: str, column: str, ids: pl.Series) -> pl.Series:
    """Which of these ids the model's collections have, one for each of their rows."""
    with catalog.read() as tx:
        kept: list[rows.Collection | rows.CollectedRow] = [*tx.find(rows.Collection, model=model)]
        kept += tx.find(rows.CollectedRow, model=model)
    found = [among(pl.read_parquet(BytesIO(one.data)), column, ids) for one in kept]
    return pl.concat([pl.Series("id", [], dtype=pl.String), *found])


def erase_rows(table: LakeTable, column: str, ids: pl.Series) -> int:
    """Write every file of a table anew that has rows of these ids; gives how many rows went."""
    gone = 0
    for file in _with_ids(table, column, ids):
        whole = read_whole(table.snapshot(), [file])
        left = without(whole, column, ids)
        gone += len(whole) - len(left)
        new = [(merged_name("left", [file]), file.day, left)] if len(left) else []
        table.replace([file], new, changed=True)
    return gone


def _with_ids(table: LakeTable, column: str, ids: pl.Series) -> list[File]:
    """Files that have rows of these ids; only that column is read."""
    snapshot = table.snapshot()
    if column not in snapshot.schema:
        return []
    wanted = ids.implode()
    return [f for f in snapshot.files if _column(f, column).is_in(wanted).any()]


def _column(file: File, column: str) -> pl.Series:
    if column not in pl.read_parquet_schema(file.path):
        return pl.Series(column, [], dtype=pl.String)
    return pl.read_parquet(file.path, columns=[column], hive_partitioning=False)[column]


def erase_versions(table: LakeTable) -> int:
    """Delete every file that the newest version doesn't have; gives how many.

    The checkpoint comes first: should the newest entry of the log be damaged later, the files that took the place of
    the deleted ones are still known.
    """
    if not table.exists:
        return 0
    stray = clean.stray_files(table)
    if stray:
        table.checkpoint()
        table.fault("erase: summed up")
        clean.delete(stray)
    return len(stray)


def erase_collected(catalog: Catalog, model: str, column: str, ids: pl.Series) -> int:
    """Take the rows of these ids out of the model's collections; gives how many went."""
    gone = 0
    with catalog.write() as tx:
        kept: list[rows.Collection | rows.CollectedRow] = [*tx.find(rows.Collection, model=model)]
        for old in [*kept, *tx.find(rows.CollectedRow, model=model)]:
            whole = pl.read_parquet(BytesIO(old.data))
            left = without(whole, column, ids)
            if len(left) < len(whole):
                gone += len(whole) - len(left)
                data = BytesIO()
                left.write_parquet(data, compression="zstd")
                tx.put(replace(old, rows=len(left), data=data.getvalue()))
    return gone


def unreachable(home: Path, folder: AnyPath, tables: Mapping[str, LakeTable]) -> tuple[str, ...]:
    """Files of the store that may hold rows and can't be looked through, in words."""
    aside = [path for table in tables.values() for path in found(table.folder / ASIDE, "*.parquet*")]
    copies = sorted(home.glob("*.before-*.db"))
    said = [f"damaged file, set aside: {below(path, folder)}" for path in aside]
    return (*said, *(f"backup of the catalog: {path.name}" for path in copies))
