"""Jensen-Shannon distance, base 2."""

from __future__ import annotations

import math

import numpy as np

from retrue.core.column import ColumnProfile
from retrue.core.state import Floats
from retrue.metrics.drift.divergence import Counts, Divergence, log_ratio, total
from retrue.metrics.measure import Measure
from retrue.metrics.registry import metric


def _of(q: Floats, p: Floats) -> Floats:
    middle = (q + p) / 2
    return total(q * log_ratio(q, middle) + p * log_ratio(p, middle)) / 2


def _slopes(q: Floats, p: Floats) -> tuple[Floats, Floats]:
    middle = (q + p) / 2
    return log_ratio(q, middle) / 2, log_ratio(p, middle) / 2


def _distance(nats: Floats) -> Floats:
    return np.sqrt(np.minimum(nats / math.log(2), 1.0))


JS = Divergence(_of, _slopes, curvature=1 / 8, distance=_distance)


def js_counts(window: Counts, reference: Counts) -> Floats:
    """Jensen-Shannon distance (base 2) of counts [..., k] and counts [..., k].

    >>> round(float(js_counts([5, 5], [9, 1])), 4)
    0.3831
    """
    return JS.counts(window, reference)


@metric(
    "js",
    family="drift",
    range=(0, 1),
    better="lower",
    error="exact on its cells",
    source="Lin 1991, Divergence measures based on the Shannon entropy; Endres and Schindelin 2003 for the root",
)
def js(window: ColumnProfile, reference: ColumnProfile) -> Measure:
    """Jensen-Shannon distance (base 2, the root of the divergence) over reference deciles or categories.

    0 where the shares are equal, 1 where nothing is shared. Missing, unseen and out-of-range rows are cells of their
    own; empty cells need no smoothing.
    """
    return JS.measure(window, reference)
