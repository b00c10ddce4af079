"""A segment: the batches that one commit cycle brings into the lake, as one frame of rows for each kind.

What is told of its windows (`told`) goes to the catalog instead.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import polars as pl

from retrue.core.hashing import hash64
from retrue.store.layout import UTC, Layout
from retrue.store.spool import Batch
from retrue.store.told import KIND as TOLD

Hasher = Callable[[pl.Series], pl.Series]


@dataclass(frozen=True)
class Segment:
    """Rows of segment `number` in the order in which they were acknowledged; kinds without rows have no columns."""

    number: int
    events: pl.DataFrame
    labels: pl.DataFrame
    feedback: pl.DataFrame
    quarantine: pl.DataFrame
    told: pl.DataFrame = field(default_factory=pl.DataFrame)

    @classmethod
    def of(cls, number: int, batches: Sequence[Batch], layout: Layout, hasher: Hasher = hash64) -> Segment:
        """Put the batches of a segment together and add the lake's own columns."""
        kinds = {kind: _together(number, [b for b in batches if b.kind == kind]) for kind in _KINDS}
        for kind in ("events", "labels", "feedback"):
            if len(kinds[kind]):
                kinds[kind] = kinds[kind].with_columns(hasher(kinds[kind][layout.id_column]).alias("_h"))
        if len(kinds["events"]):
            kinds["events"] = kinds["events"].with_columns(pl.col(layout.time_column).dt.date().alias("_date"))
        said = [b.frame for b in batches if b.kind == TOLD]
        return cls(number, **kinds, told=pl.concat(said) if said else pl.DataFrame())


_KINDS = ("events", "labels", "feedback", "quarantine")


def _together(number: int, batches: Sequence[Batch]) -> pl.DataFrame:
    if not batches:
        return pl.DataFrame()
    frames = [b.frame.with_columns(pl.lit(b.at, dtype=pl.Int64).cast(UTC).alias("_at")) for b in batches]
    return pl.concat(frames, how="diagonal").with_columns(
        pl.lit(number, dtype=pl.Int64).alias("_seq"), pl.int_range(pl.len(), dtype=pl.Int64).alias("_n")
    )
