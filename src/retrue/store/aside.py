"""Ways out for rows that the lake can't take, so that no segment keeps a model from going on.

    fitted     rows with a value in a column that can't stand beside the lake's own: the rest is applied
    without    every row of a table that failed `TRIES` times, for whatever reason

Both end in the quarantine, with the reason and the whole row. Both are functions of the segment, of the lake's columns
before it and of a decision that the spool keeps, so a cycle that is repeated after a crash comes to the same rows:
a table that was written is never emptied again, because tables are written in order and none depends on a later one.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import polars as pl

from retrue.store.door import as_json
from retrue.store.layout import SYSTEM, Layout
from retrue.store.segment import Segment

TRIES = 3  # attempts at a table before its rows are set aside
KINDS = ("events", "labels", "feedback")


@dataclass(frozen=True)
class Stuck:
    """A step of a segment that failed, how often, and why; `step` is a table, or "count"."""

    segment: int
    step: str
    tries: int
    reason: str

    @property
    def hopeless(self) -> bool:
        """Whether the table's rows are to be set aside."""
        return self.step in KINDS and self.tries >= TRIES

    def __str__(self) -> str:
        """Say it in a sentence.

        >>> str(Stuck(7, "events", 2, "the disk said no"))
        'segment 7 is stuck at events after 2 attempts: the disk said no'
        """
        attempts = "1 attempt" if self.tries == 1 else f"{self.tries} attempts"
        return f"segment {self.segment} is stuck at {self.step} after {attempts}: {self.reason}"


def aside(kind: str, rows: pl.DataFrame, reason: pl.Expr, layout: Layout) -> pl.DataFrame:
    """Give rows of a segment as rows of the quarantine table, each whole as JSON."""
    whole = as_json(rows.drop(SYSTEM, strict=False))
    said = reason.alias("reason")
    identity = pl.col(layout.id_column).alias("id")
    return rows.select(pl.lit(kind).alias("kind"), said, identity, whole.alias("row"), "_at", "_seq", "_n")


def without(segment: Segment, kind: str, reason: str, layout: Layout) -> Segment:
    """Set aside every row of a kind."""
    rows: pl.DataFrame = getattr(segment, kind)
    if not len(rows):
        return segment
    return _moved(segment, kind, pl.DataFrame(), aside(kind, rows, pl.lit(f"can't be written: {reason}"), layout))


def fitted(segment: Segment, schemas: Mapping[str, Mapping[str, pl.DataType]], layout: Layout) -> Segment:
    """Set aside the rows that have a value in a column that the lake can't have; others lose nothing.

    Args:
        segment: the rows.
        schemas: the columns of each lake table.
        layout: the model's roles.
    """
    for kind in KINDS:
        rows: pl.DataFrame = getattr(segment, kind)
        odd = misfits(rows.schema, schemas[kind])
        if odd:
            why = pl.coalesce([pl.when(pl.col(name).is_not_null()).then(pl.lit(said)) for name, said in odd.items()])
            bad = rows.select(why.is_not_null().alias("bad"))["bad"]
            kept = rows.filter(~bad).drop(*odd)
            set_aside = aside(kind, rows.filter(bad), why, layout)
            segment = _moved(segment, kind, kept if len(kept) else pl.DataFrame(), set_aside)
    return segment


def misfits(columns: Mapping[str, pl.DataType], lake: Mapping[str, pl.DataType]) -> dict[str, str]:
    """Name the columns that can't be written beside the lake's, each with the reason.

    >>> misfits({"x": pl.String(), "Z": pl.Int64(), "new": pl.Int64()}, {"x": pl.Float64(), "z": pl.Int64()})
    {'x': "column 'x' is String, the lake has Float64", 'Z': "column 'Z' differs in case only from 'z' in the lake"}
    """
    names, odd = {name.lower(): name for name in lake}, dict[str, str]()
    for name, dtype in columns.items():
        if name in SYSTEM:
            continue
        other = names.setdefault(name.lower(), name)
        if other != name:
            odd[name] = f"column {name!r} differs in case only from {other!r} in the lake"
        elif name in lake and lake[name] != dtype:
            odd[name] = f"column {name!r} is {dtype}, the lake has {lake[name]}"
    return odd


def _moved(segment: Segment, kind: str, kept: pl.DataFrame, set_aside: pl.DataFrame) -> Segment:
    parts = [part for part in (segment.quarantine, set_aside) if len(part)]
    quarantine = pl.concat(parts, how="diagonal") if parts else segment.quarantine
    frames = {one: getattr(segment, one) for one in KINDS} | {kind: kept, "quarantine": quarantine}
    return Segment(segment.number, **frames, told=segment.told)
