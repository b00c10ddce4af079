"""Events whose id occurs more than once: needs the rows, so it works in `compare` and not over stored windows."""

from __future__ import annotations

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
    hits, rows = _repeats(window[id])
    before, base = _repeats(reference[id]) if id in reference.columns else (0, 0)
    one = share(hits, rows, before, base)
    return Measure(
        one.value, one.reference, interval=one.interval, note=one.note, names=_names(window[id]) if hits else ()
    )


def _repeats(ids: pl.Series) -> tuple[int, int]:
    """How many ids are repeats, of how many."""
    known = ids.drop_nulls()
    return len(known) - known.n_unique(), len(known)


def _names(ids: pl.Series) -> tuple[tuple[str, int], ...]:
    """The most repeated ids, with the rows that have them."""
    counted = ids.drop_nulls().alias("id").value_counts(name="n").filter(pl.col("n") > 1)
    ranked = counted.with_columns(pl.col("id").cast(pl.String)).sort(["n", "id"], descending=[True, False])
    return tuple((str(name), int(n)) for name, n in ranked.head(NAMED).iter_rows())
