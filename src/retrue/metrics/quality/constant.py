"""Has the column stopped varying?"""

from __future__ import annotations

import numpy as np

from retrue.core.column import ColumnProfile
from retrue.core.grid import NumericGrid
from retrue.metrics.measure import NOTHING, Measure
from retrue.metrics.registry import metric


@metric(
    "constant",
    family="quality",
    range=(0, 1),
    better="lower",
    error="exact, but for two rare categories taken as several",
)
def constant(window: ColumnProfile, reference: ColumnProfile) -> Measure:
    """1 where all values are one and the same, else 0; nulls aside."""
    if not values(window):
        return NOTHING
    before = float(single(reference)) if values(reference) else None
    return Measure(float(single(window)), before)


def values(profile: ColumnProfile) -> float:
    """Rows with a value: finite, infinite or a category."""
    return profile.n + profile.special_count("+inf") + profile.special_count("-inf")


def single(profile: ColumnProfile) -> bool:
    """Whether all values of a profile that has some are the same."""
    infinite = [profile.special_count("+inf"), profile.special_count("-inf")]
    if isinstance(profile.grid, NumericGrid):
        finite = profile.n > 0
        return sum([finite, *(count > 0 for count in infinite)]) == 1 and (
            not finite or profile.moments.min == profile.moments.max
        )
    held = np.flatnonzero(profile.counts)
    if held.size != 1:
        return False
    rare, unseen = profile.grid.bins - 2, profile.grid.bins - 1
    if held[0] == unseen:
        return len(profile.names.counts) == 1 and profile.names.lost == 0
    # The bin of rare categories holds several, unless a single row is in it.
    return bool(held[0] != rare or profile.n == 1)
