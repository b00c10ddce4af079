"""Hellinger distance."""

from __future__ import annotations

import numpy as np

from retrue.core.column import ColumnProfile
from retrue.core.state import Floats
from retrue.metrics.drift.divergence import Counts, Divergence, ratio, total
from retrue.metrics.measure import Measure
from retrue.metrics.registry import metric


def _of(q: Floats, p: Floats) -> Floats:
    return total((np.sqrt(q) - np.sqrt(p)) ** 2) / 2


def _slopes(q: Floats, p: Floats) -> tuple[Floats, Floats]:
    return (1 - np.sqrt(ratio(p, q))) / 2, (1 - np.sqrt(ratio(q, p))) / 2


def _distance(squared: Floats) -> Floats:
    return np.sqrt(np.minimum(squared, 1.0))


HELLINGER = Divergence(_of, _slopes, curvature=1 / 8, distance=_distance)


def hellinger_counts(window: Counts, reference: Counts) -> Floats:
    """Hellinger distance of counts [..., k] and counts [..., k].

    >>> float(hellinger_counts([1, 0], [0, 1]))
    1.0
    """
    return HELLINGER.counts(window, reference)


@metric(
    "hellinger",
    family="drift",
    range=(0, 1),
    better="lower",
    error="exact on its cells",
    source="Hellinger 1909; Le Cam and Yang 2000, Asymptotics in Statistics",
)
def hellinger(window: ColumnProfile, reference: ColumnProfile) -> Measure:
    """Hellinger distance, the root of half the sum of (sqrt q - sqrt p)^2 over reference deciles or categories.

    Missing, unseen and out-of-range rows are cells of their own.
    """
    return HELLINGER.measure(window, reference)
