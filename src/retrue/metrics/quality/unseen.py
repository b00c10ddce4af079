"""Values that the reference never showed: unseen categories by name, numbers out of its range."""

from __future__ import annotations

from retrue.core.column import ColumnProfile
from retrue.core.grid import CategoricalGrid, NumericGrid
from retrue.metrics.measure import Measure
from retrue.metrics.quality.shares import share
from retrue.metrics.registry import CATEGORIES, NUMBERS, metric
from retrue.schema import Kind

NAMED = 10
"""How many unseen categories are named."""


@metric(
    "unseen",
    family="quality",
    kinds=(*CATEGORIES, Kind.CONSTANT, Kind.EMPTY),
    range=(0, 1),
    unit="share",
    better="lower",
    source="interval: Wilson 1927",
)
def unseen(window: ColumnProfile, reference: ColumnProfile) -> Measure:
    """Share of rows whose category the reference never showed; the most frequent ones are named.

    The share is of all rows, nulls included. Beyond 256 new categories the least frequent are no longer named, but
    still counted.
    """
    if not isinstance(window.grid, CategoricalGrid):
        return Measure(None, note="for categories only")
    found = share(window.out_of_range, window.rows, reference.out_of_range, reference.rows)
    names = tuple(list(window.names.counts.items())[:NAMED])
    return Measure(found.value, found.reference, interval=found.interval, note=found.note, names=names)


@metric(
    "out_of_range",
    family="quality",
    kinds=(*NUMBERS, Kind.CONSTANT),
    range=(0, 1),
    unit="share",
    better="lower",
    source="interval: Wilson 1927",
)
def out_of_range(window: ColumnProfile, reference: ColumnProfile) -> Measure:
    """Share of rows below the reference's least or above its greatest value; infinities count.

    Of m reference rows the two most extreme are its range, so about 2 in m + 1 fresh rows lie outside of it by chance.
    """
    if not isinstance(window.grid, NumericGrid):
        return Measure(None, note="for numbers only")
    hits, before = (p.out_of_range + p.special_count("+inf") + p.special_count("-inf") for p in (window, reference))
    return share(hits, window.rows, before, reference.rows)
