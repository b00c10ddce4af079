"""Selection rate."""

from __future__ import annotations

from retrue.core.outcome import BinaryOutcome
from retrue.core.state import Sums, added
from retrue.metrics.measure import Measure
from retrue.metrics.performance.confusion import measure_ratio
from retrue.metrics.performance.predicted_rate import predicted
from retrue.metrics.performance.probabilities import improbable_share
from retrue.metrics.registry import metric
from retrue.schema import Task


@metric(
    "selection_rate",
    family="performance",
    of="outcome",
    tasks=(Task.BINARY,),
    range=(0, 1),
    unit="share",
    error="exact; at a threshold inside a score bin, bracketed",
    source="fairlearn.metrics.selection_rate; interval: Wilson 1927",
    at={Task.BINARY: "threshold"},
)
def selection_rate(outcome: BinaryOutcome, at: str | None = None) -> Measure:
    """Share of all rows that are predicted positive, whether or not their label is known.

    Its gap and ratio between groups are those of demographic parity.

    >>> from retrue.metrics.performance.arrays import binary
    >>> selection_rate(binary([0, 1, None, None], predictions=[0, 1, 1, 1])).value
    0.75
    """
    return measure_ratio(with_all_rows(outcome), at, predicted, lacking="no rows")


def with_all_rows(outcome: BinaryOutcome) -> BinaryOutcome:
    """The same where rows without a label count as negatives: what was predicted of them stays."""
    counts, matrix = outcome.counts.copy(), outcome.matrix.copy()
    counts[:, 0], counts[:, 2] = counts[:, 0] + counts[:, 2], 0
    matrix[0] += outcome.waiting
    # Whether scores are probabilities is read off how many rows have a Brier score.
    probable = added(counts[:-1]) * (1 - (improbable_share(outcome) or 0.0))
    return BinaryOutcome(outcome.cuts, counts, outcome.score_sums, matrix, {"brier": Sums(probable)})
