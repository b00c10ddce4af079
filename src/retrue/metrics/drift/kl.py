"""Kullback-Leibler divergence, for those who need it."""

from __future__ import annotations

import numpy as np

from retrue.core.column import ColumnProfile
from retrue.core.state import Floats
from retrue.metrics.drift.divergence import Counts, Divergence, log_ratio, ratio, total
from retrue.metrics.measure import Measure
from retrue.metrics.registry import metric


def _of(q: Floats, p: Floats) -> Floats:
    return total(q * log_ratio(q, p))


def _slopes(q: Floats, p: Floats) -> tuple[Floats, Floats]:
    return np.where(q > 0, log_ratio(q, p) + 1, 0.0), -ratio(q, p)


KL = Divergence(_of, _slopes, curvature=0.5, smooth=True)


def kl_counts(window: Counts, reference: Counts) -> Floats:
    """KL of counts [..., k] from counts [..., k], in nats; a cell that is empty on one side counts as half a row there.

    >>> round(float(kl_counts([30, 70], [50, 50])), 4)
    0.0823
    """
    return KL.counts(window, reference)


@metric(
    "kl",
    family="drift",
    range=(0, None),
    unit="nats",
    better="lower",
    error="exact on its cells",
    source="Kullback and Leibler 1951, On information and sufficiency",
)
def kl(window: ColumnProfile, reference: ColumnProfile) -> Measure:
    """Kullback-Leibler divergence of the window from the reference, sum of q ln(q / p) over deciles or categories.

    Beware: it is not symmetric, has no upper bound, and where the reference has an empty cell its size is set by the
    smoothing (half a row), not by the data. `js` says the same within [0, 1].
    """
    return KL.measure(window, reference)
