"""A share of rows, with its interval: what most quality metrics are."""

from __future__ import annotations

import math

from retrue.metrics.measure import NOTHING, Z95, Interval, Measure


def share(hits: float, rows: float, reference_hits: float, reference_rows: float) -> Measure:
    """The share `hits / rows` with its interval, and the same of the reference."""
    if rows <= 0:
        return NOTHING
    before = reference_hits / reference_rows if reference_rows > 0 else None
    return Measure(hits / rows, before, interval=wilson(hits, rows))


def wilson(hits: float, rows: float) -> Interval:
    """The 95 % score interval of a share (Wilson 1927, "Probable inference", equation 5).

    >>> tuple(round(end, 3) for end in wilson(12, 100))
    (0.07, 0.198)
    """
    part, square = hits / rows, Z95**2
    centre = (part + square / (2 * rows)) / (1 + square / rows)
    reach = Z95 / (1 + square / rows) * math.sqrt(part * (1 - part) / rows + square / (4 * rows * rows))
    return min(max(centre - reach, 0.0), part), max(min(centre + reach, 1.0), part)
