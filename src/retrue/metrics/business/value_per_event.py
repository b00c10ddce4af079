"""What the predictions are worth."""

from __future__ import annotations

from retrue.core.losses import WORTH
from retrue.metrics.measure import Measure
from retrue.metrics.performance.basis import mean, without
from retrue.metrics.performance.confusion import Labelled
from retrue.metrics.registry import metric
from retrue.schema import Task

UNSAID = "nobody said what predictions are worth; give a value_matrix"


@metric(
    "value_per_event",
    family="business",
    of="outcome",
    tasks=(Task.BINARY, Task.MULTICLASS),
    unit="value",
    better="higher",
    source="expected utility of a decision: Elkan 2001, The foundations of cost-sensitive learning, section 1",
)
def value_per_event(outcome: Labelled) -> Measure:
    """What a prediction is worth on average, by the model's value matrix, over labelled events with a prediction.

    Sum over labels and predictions of (their share x their worth): what a true or false positive or negative brings.

    >>> import polars as pl
    >>> from retrue.core.outcome_grid import BinaryGrid, score_cuts
    >>> import numpy as np
    >>> worth = np.array([[0.0, -5.0], [0.0, 100.0]])  # a false positive costs 5, a true one brings 100
    >>> grid = BinaryGrid("y", None, "said", "1", score_cuts(np.empty(0)), worth=worth)
    >>> value_per_event(grid.count(pl.DataFrame({"y": [0, 0, 1, 1], "said": [0, 1, 1, 0]}))).value
    23.75
    """
    if WORTH not in outcome.losses:
        return Measure(None, note=UNSAID)
    sums = outcome.losses[WORTH]
    return mean(sums) if sums.n else without(outcome, "predictions")
