"""Label coverage."""

from __future__ import annotations

from retrue.core.outcome import Outcome
from retrue.metrics.measure import Measure
from retrue.metrics.performance.basis import without
from retrue.metrics.performance.intervals import wilson
from retrue.metrics.registry import metric
from retrue.schema import Task


@metric(
    "labelled",
    family="performance",
    of="outcome",
    tasks=tuple(Task),
    range=(0, 1),
    unit="share",
    source="labelled rows / rows",
)
def labelled(outcome: Outcome) -> Measure:
    """Share of rows whose label is known: what every other performance metric rests on.

    >>> from retrue.metrics.performance.arrays import binary
    >>> labelled(binary([0, 1, None, None])).value
    0.5
    """
    if outcome.coverage is None:
        return without(outcome)
    return Measure(outcome.coverage, interval=wilson(outcome.labelled, outcome.labelled + outcome.unlabelled))
