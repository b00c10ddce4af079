"""What is told of windows besides their profiles: changed columns, rows that were set aside.

Whoever acknowledges rows writes it into the spool beside them, and the commit cycle that brings the rows into the lake
adds it to the catalog's points, in the transaction that advances: so it counts once, whatever crashes.
"""

from __future__ import annotations

import polars as pl

from retrue.store import rows
from retrue.store.catalog import Transaction

KIND = "told"
"""What its batches are called in the spool."""
FIELDS = pl.Schema(
    {
        "version": pl.String(),
        "start": pl.Int64(),
        "what": pl.String(),
        "column": pl.String(),
        "detail": pl.String(),
        "n": pl.Int64(),
    }
)
"""Version, the window's start in seconds since 1970, what happened to which column, in words, and to how many rows."""
_KEY = ["version", "start", "what", "column"]


def keep_told(tx: Transaction, model: str, told: pl.DataFrame) -> None:
    """Add to what is known of windows; the words are the newest ones."""
    if not len(told):
        return
    sums = told.group_by(_KEY, maintain_order=True).agg(pl.col("detail").last(), pl.col("n").sum())
    versions, starts = sums["version"].unique().to_list(), sums["start"].to_list()
    found = tx.between(
        rows.Point, min(starts), max(starts) + 1, model=model, version=versions, slice="",
        metric=sums["what"].unique().to_list(),
    )  # fmt: skip
    before = {(p.version, p.start, p.metric, p.column): p.rows for p in found}
    tx.put(*(_point(model, row, before.get(row[:4], 0)) for row in sums.select(*_KEY, "detail", "n").iter_rows()))


def _point(model: str, row: tuple[str, int, str, str, str, int], before: int) -> rows.Point:
    version, start, what, column, detail, n = row
    return rows.Point(model, version, start, "", what, column, float(n + before), rows=n + before, note=detail)
