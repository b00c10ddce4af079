"""How often something happened: clicks, purchases, thumbs up."""

from __future__ import annotations

from retrue.core.column import ColumnProfile
from retrue.core.grid import CategoricalGrid
from retrue.metrics.measure import Measure
from retrue.metrics.quality.shares import share
from retrue.metrics.registry import metric
from retrue.schema import Kind

YES = frozenset({"true", "yes", "y", "t", "1"})
"""Texts that say that it happened, in lower case."""


@metric(
    "rate",
    kinds=(Kind.BOOLEAN,),
    range=(0, 1),
    unit="share",
    source="interval: Wilson 1927",
)
def rate(window: ColumnProfile, reference: ColumnProfile) -> Measure:
    """Share of yes (true, 1) among the rows that say yes or no; missing ones don't count."""
    if not isinstance(window.grid, CategoricalGrid):
        return Measure(None, note="for yes or no only")
    return share(said_yes(window), window.n, said_yes(reference), reference.n)


def said_yes(profile: ColumnProfile) -> float:
    """Rows that say yes, among the known categories and the never-seen ones."""
    grid = profile.grid
    known = zip(grid.categories, profile.counts.tolist(), strict=False) if isinstance(grid, CategoricalGrid) else ()
    told: list[tuple[str, float]] = [*known, *profile.names.counts.items()]
    return sum(n for text, n in told if text.strip().lower() in YES)
