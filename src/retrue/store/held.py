"""What the quarantine holds now, read a page at a time: only the rows of a page are read whole.

Rows are in order of arrival: by segment, then by place in it. Marks that a row was let in again are read by their
numbers alone; how many rows there are, and why, is counted once for each version of the table.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field

import polars as pl

from retrue.store.lake import Snapshot
from retrue.store.quarantine import COLUMNS, PLACE, RELEASED, nothing, numbered
from retrue.store.reading import scan

REASONS = 20
"""Reasons that are told with how many rows each has, the most frequent ones; a value may stand in a reason."""
NUMBER = re.compile(r"(\d{1,18})-(-?\d{1,18})-(\d{1,8})")
KEYS = ("_seq", "_n", "kind", "reason")

Place = tuple[int, int, int]
"""Segment, place in it, and hash of the reason: what a number says, and the order of rows."""


@dataclass(frozen=True)
class Tally:
    """What one version of the table holds.

    Attributes:
        version: the table's version.
        kinds: how many rows of each kind are set aside.
        reasons: how many for each of the most frequent reasons, most first.
        several: how many reasons there are.
        gone: numbers of the rows that were let in again.
    """

    version: int = -1
    kinds: Mapping[str, int] = field(default_factory=dict)
    reasons: Mapping[str, int] = field(default_factory=dict)
    several: int = 0
    gone: pl.Series = field(default_factory=lambda: pl.Series(dtype=pl.String))

    @property
    def total(self) -> int:
        """How many rows are set aside."""
        return sum(self.kinds.values())


@dataclass(frozen=True)
class HeldPage:
    """Some of the rows that are set aside, newest first.

    Attributes:
        rows: number, when (`_at`), kind, reason, id, and the row as JSON.
        next: the number after which the next page begins; None on the last one.
    """

    rows: pl.DataFrame
    next: str | None = None


def place_of(number: str) -> Place | None:
    """What a number says; None where it is none.

    >>> place_of("12-0-77"), place_of("x")
    ((12, 0, 77), None)
    """
    found = NUMBER.fullmatch(number)
    return None if found is None else (int(found[1]), int(found[2]), int(found[3]))


def tally(snapshot: Snapshot) -> Tally:
    """Count what a table holds, without reading any row whole."""
    if not snapshot.files:
        return Tally(snapshot.version)
    mark = pl.col("kind") == RELEASED
    gone = scan(snapshot.files, snapshot.schema, ("kind", "id")).filter(mark).collect()["id"].unique()
    rows = scan(snapshot.files, snapshot.schema, KEYS).filter(~mark)
    counts = rows.group_by("kind", "reason").len().collect().cast({"len": pl.Int64})
    left = _released(rows, gone).group_by("kind", "reason").agg(len=-pl.len().cast(pl.Int64))
    both = pl.concat([counts, left]).group_by("kind", "reason").agg(pl.col("len").sum()).filter(pl.col("len") > 0)
    by_reason = both.group_by("reason").agg(pl.col("len").sum()).sort("len", "reason", descending=[True, False])
    kinds = both.group_by("kind").agg(pl.col("len").sum()).sort("kind")
    told = {str(why or ""): int(n) for why, n in by_reason.head(REASONS).iter_rows()}
    return Tally(snapshot.version, {str(kind): int(n) for kind, n in kinds.iter_rows()}, told, len(by_reason), gone)


def _released(rows: pl.LazyFrame, gone: pl.Series) -> pl.DataFrame:
    """Those rows that were let in again, by what identifies them."""
    segments = {place[0] for place in map(place_of, gone.drop_nulls()) if place is not None}
    found = rows.filter(pl.col("_seq").is_in(sorted(segments))).collect() if segments else rows.head(0).collect()
    return numbered(found).filter(pl.col("number").is_in(gone.implode()))


def page(
    snapshot: Snapshot,
    gone: pl.Series,
    limit: int,
    *,
    after: str | None = None,
    kind: str | None = None,
    reason: str | None = None,
) -> HeldPage:
    """Read a page: files of the newest segments first, until it is full.

    Args:
        snapshot: the table.
        gone: numbers of the rows that were let in again.
        limit: rows of the page.
        after: rows older than the one with this number, which may have left meanwhile; no row for what is no number.
        kind: of this kind only.
        reason: with this reason only.
    """
    below = None if after is None else (place_of(after) or (-1, 0, 0))
    wanted = _asked(below, kind, reason)
    found = pl.DataFrame()
    for file in sorted(snapshot.files, key=lambda one: one.last, reverse=True):
        if len(found) > limit and file.last < found["_seq"][limit]:
            break
        if below is None or file.first <= below[0]:
            fresh = numbered(scan([file], snapshot.schema, KEYS).filter(wanted).collect())
            fresh = fresh.filter(_before(below) & ~pl.col("number").is_in(gone.implode()))
            fresh = fresh.select(*PLACE, "number", pl.lit(file.path).alias("file"))
            found = pl.concat([found, fresh]).sort(PLACE, descending=True).head(limit + 1) if len(found) else (
                fresh.sort(PLACE, descending=True).head(limit + 1)
            )  # fmt: skip
    kept = found.head(limit)
    rows = whole(snapshot, kept["number"], set(kept["file"])) if len(kept) else nothing()
    return HeldPage(rows.reverse(), kept["number"][-1] if len(found) > limit else None)


def whole(snapshot: Snapshot, numbers: pl.Series, files: Collection[str] | None = None) -> pl.DataFrame:
    """Read rows by their numbers, oldest first; those that aren't in the table are left out.

    Args:
        snapshot: the table.
        numbers: theirs.
        files: where they are; anywhere unless given.
    """
    segments = sorted({place[0] for place in map(place_of, numbers) if place is not None})
    there = [
        file for file in snapshot.files
        if (files is None or file.path in files) and any(file.first <= one <= file.last for one in segments)
    ]  # fmt: skip
    if not there:
        return nothing()
    near = (pl.col("kind") != RELEASED) & pl.col("_seq").is_in(segments)
    rows = numbered(scan(there, snapshot.schema, (*KEYS, "id", "_at", "row")).filter(near).collect())
    return rows.filter(pl.col("number").is_in(numbers.implode())).sort(PLACE).select(COLUMNS)


def numbers(snapshot: Snapshot, gone: pl.Series) -> pl.Series:
    """The numbers of all rows that are set aside, oldest first."""
    if not snapshot.files:
        return pl.Series("number", dtype=pl.String)
    rows = numbered(scan(snapshot.files, snapshot.schema, KEYS).filter(pl.col("kind") != RELEASED).collect())
    return rows.filter(~pl.col("number").is_in(gone.implode())).sort(PLACE)["number"]


def _asked(below: Place | None, kind: str | None, reason: str | None) -> pl.Expr:
    wanted = pl.col("kind") != RELEASED
    wanted = wanted if kind is None else wanted & (pl.col("kind") == kind)
    wanted = wanted if reason is None else wanted & (pl.col("reason") == reason)
    return wanted if below is None else wanted & (pl.col("_seq") <= below[0])


def _before(below: Place | None) -> pl.Expr:
    """Whether a row comes before a place."""
    if below is None:
        return pl.lit(value=True)
    (segment, n, reason), (a, b, c) = below, (pl.col(name) for name in PLACE)
    return (a < segment) | ((a == segment) & ((b < n) | ((b == n) & (c < reason))))
