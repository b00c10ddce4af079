"""Population stability index, the credit industry's drift measure."""

from __future__ import annotations

from retrue.core.column import ColumnProfile
from retrue.core.state import Floats
from retrue.metrics.drift.divergence import Counts, Divergence, log_ratio, ratio, total
from retrue.metrics.measure import Measure
from retrue.metrics.registry import metric


def _of(q: Floats, p: Floats) -> Floats:
    return total((q - p) * log_ratio(q, p))


def _slopes(q: Floats, p: Floats) -> tuple[Floats, Floats]:
    log = log_ratio(q, p)
    return log + 1 - ratio(p, q), 1 - log - ratio(q, p)


PSI = Divergence(_of, _slopes, curvature=1.0, smooth=True)


def psi_counts(window: Counts, reference: Counts) -> Floats:
    """PSI of counts [..., k] against counts [..., k]; a cell that is empty on one side counts as half a row there.

    >>> round(float(psi_counts([30, 70], [50, 50])), 4)
    0.1695
    """
    return PSI.counts(window, reference)


@metric(
    "psi",
    family="drift",
    range=(0, None),
    unit="nats",
    better="lower",
    error="exact on its cells; numbers: within 1 % of PSI on the exact deciles, plus half a standard error",
    source="Siddiqi 2006, Credit Risk Scorecards; Lin 2017 for its chi-square distribution",
)
def psi(window: ColumnProfile, reference: ColumnProfile) -> Measure:
    """Population stability index: sum of (q - p) ln(q / p) over reference deciles or categories.

    Missing, unseen and out-of-range rows are cells of their own. A cell that is empty on one side counts as half a row
    there. Without any change it is about (cells - 1) (1/n + 1/m), so 0.1 means nothing in 100 rows.

    Deciles of numbers are read off the grid, whose bins they cut: by 1 % of PSI, and by the chance of which rows a cut
    bin holds, at most sqrt(PSI (1/n + 1/m)), half of PSI's own standard error. Measured on seven distributions: 0.6 %
    where PSI is above 0.5, up to 6 % where it is 0.01 of 5,000 rows, which is noise either way.
    """
    return PSI.measure(window, reference)
