"""Events whose id occurs more than once: needs the rows, so it works in `compare` and not over stored windows."""

from __future__ import annotations

from dataclasses import dataclass

import polars as pl

from retrue.metrics.measure import Measure
from retrue.metrics.quality.shares import share
from retrue.metrics.registry import metric

NAMED = 10
"""How many repeated ids are named."""


@metric(
    "duplicates",
    family="quality",
    of="tables",
    range=(0, 1),
    unit="share",
    better="lower",
    source="interval: Wilson 1927",
)
def duplicates(window: pl.DataFrame, reference: pl.DataFrame, *, id: str | None = None) -> Measure:
    """Share of rows that repeat the id of another row, the first of each id not counted; null ids don't count.

    Args:
        window: the events.
        reference: the reference's events.
        id: the column of the id.
    """
    if id is None or id not in window.columns:
        return Measure(None, note="no id column")
    return measure(Repeats.of(window[id]), Repeats.of(reference[id]) if id in reference.columns else Repeats())


@dataclass(frozen=True)
class Repeats:
    """How often ids occur.

    Attributes:
        rows: rows with an id.
        distinct: how many different ids they have.
        names: the most repeated ids, with the rows that have them.
    """

    rows: int = 0
    distinct: int = 0
    names: tuple[tuple[str, int], ...] = ()

    @classmethod
    def of(cls, ids: pl.Series) -> Repeats:
        """Count the ids of a column."""
        known = ids.drop_nulls().alias("id")
        rows, distinct = len(known), known.n_unique()
        return cls(rows, distinct, most_repeated(known.value_counts(name="n")) if distinct < rows else ())


def most_repeated(counted: pl.DataFrame) -> tuple[tuple[str, int], ...]:
    """The ids that occur most often of those that occur more than once; `counted` has them as `id` and `n`."""
    repeated = counted.filter(pl.col("n") > 1)
    ranked = repeated.with_columns(pl.col("id").cast(pl.String)).sort(["n", "id"], descending=[True, False])
    return tuple((str(name), int(n)) for name, n in ranked.head(NAMED).iter_rows())


def measure(window: Repeats, reference: Repeats) -> Measure:
    """The share of repeats among the rows, beside the reference's."""
    hits, before = window.rows - window.distinct, reference.rows - reference.distinct
    one = share(hits, window.rows, before, reference.rows)
    names = window.names if hits else ()
    return Measure(one.value, one.reference, interval=one.interval, note=one.note, names=names)
