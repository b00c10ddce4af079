"""`Estimate`: what the labels of a window would say, by metric, before there are any; and how far to believe it."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from retrue.core.outcome import Outcome
from retrue.errors import MetricError, nearest
from retrue.metrics import Measure, get, registered
from retrue.metrics.measure import Interval
from retrue.schema import Task

UNSAID = frozenset({"labelled", "ece", "mean_score", "selection_rate"})
"""Metrics of outcomes that need no estimate, or that an estimate would only flatter."""


@dataclass(frozen=True)
class Estimate:
    """The expected performance on one window.

    Attributes:
        method: "auto", "cbpe", "m-cbpe", "pape", "outcome model", "importance", or "dle" (regression).
        how: what was done and why, in words.
        rows: rows of the window that it speaks of: those with a score.
        metrics: by name value and 95 % interval (sampling, calibration and what `warnings` add); no value, and the
            reason as its note, where it can't be told.
        warnings: why intervals are wider than usual.
        refused: why there is no estimate at all, else None.
        experts: what each part of a blend said, by metric: what a record of past windows is made of.
        withheld: what would have been said of metrics whose past estimates labels have refuted: not for people, but the
            record goes on with it.
        stretched: by metric, how many times as wide the record made the interval.
    """

    method: str
    how: str
    rows: int
    metrics: Mapping[str, Measure]
    warnings: tuple[str, ...] = ()
    refused: str | None = None
    experts: Mapping[str, Mapping[str, float]] = field(default_factory=dict)
    withheld: Mapping[str, Measure] = field(default_factory=dict)
    stretched: Mapping[str, float] = field(default_factory=dict)

    def __getitem__(self, name: str) -> Measure:
        """The estimate of one metric.

        Raises:
            MetricError: it wasn't estimated; names the nearest.
        """
        if name not in self.metrics:
            raise MetricError(
                f"no estimate of {name!r}", expected=", ".join(self.metrics), hint=nearest(name, self.metrics)
            )
        return self.metrics[name]

    def to_dict(self) -> dict[str, Any]:
        """Plain values, with all that a record needs."""
        return {
            "method": self.method,
            "how": self.how,
            "rows": self.rows,
            "metrics": {name: plain(measure) for name, measure in self.metrics.items()},
            "warnings": list(self.warnings),
            "refused": self.refused,
            "experts": {expert: dict(values) for expert, values in self.experts.items()},
            "withheld": {name: plain(measure) for name, measure in self.withheld.items()},
            "stretched": dict(self.stretched),
        }

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> Estimate:
        """Read what `to_dict` wrote: a stored estimate becomes part of a record when its labels mature."""
        return cls(
            values["method"],
            values["how"],
            values["rows"],
            {name: measure(said) for name, said in values["metrics"].items()},
            tuple(values["warnings"]),
            values["refused"],
            values["experts"],
            {name: measure(said) for name, said in values["withheld"].items()},
            values["stretched"],
        )


def plain(measure: Measure) -> dict[str, Any]:
    """A measure with its note, as plain values."""
    return {**measure.to_dict(), "note": measure.note}


def measure(said: Mapping[str, Any]) -> Measure:
    """Read what `plain` wrote."""
    interval = None if said["interval"] is None else (said["interval"][0], said["interval"][1])
    return Measure(said["value"], said["reference"], said["error"], interval, said["note"])


def refuse(method: str, reason: str, names: Iterable[str], rows: int = 0) -> Estimate:
    """No estimate, with the reason.

    >>> refuse("cbpe", "no rows", ["accuracy"])["accuracy"].note
    "can't be estimated: no rows"
    """
    said = f"can't be estimated: {reason}"
    return Estimate(method, said, rows, {name: Measure(None, note=said) for name in names}, refused=reason)


def metric_names(task: Task) -> tuple[str, ...]:
    """The registered metrics of a task that can be estimated."""
    found = registered(family="performance", of="outcome")
    return tuple(metric.name for metric in found if task in metric.tasks and metric.name not in UNSAID)


def concept_drift(estimate: Estimate, realised: Outcome) -> dict[str, Measure]:
    """Realised minus estimated: what the inputs don't explain, once the labels of the window have matured.

    The estimate's interval already holds what chance would do to the labels and what calibration doesn't know, so it
    is the interval of the difference as well: realised - its ends. Where labels are known for some rows only, what
    chance leaves open about the others is added (finite population correction, Cochran 1977, section 2.6). An interval
    without 0 is concept drift.

    Args:
        estimate: of the window.
        realised: the outcome of the *same* rows; where those without a label aren't like the others, estimate the
            labelled ones alone.

    Returns:
        By metric the difference; no value, with the reason, where either is unknown.

    >>> from retrue.metrics.performance.arrays import binary
    >>> before = Estimate("cbpe", "", 4, {"accuracy": Measure(0.9, interval=(0.8, 1.0))})
    >>> found = concept_drift(before, binary([0, 1, 0, 1] * 50, predictions=[0, 1, 1, 0] * 50))["accuracy"]
    >>> round(found.value, 2), [round(end, 2) for end in found.interval]
    (-0.4, [-0.5, -0.3])
    """
    known = realised.coverage or 0.0
    return {name: between(said, get(name).compute(realised), known) for name, said in estimate.metrics.items()}


def between(said: Measure, real: Measure, known: float = 1.0) -> Measure:
    """Realised minus estimated of one metric, where the share `known` of the rows has a label."""
    if said.value is None or real.value is None:
        return Measure(None, reference=said.value, note=said.note if said.value is None else real.note)
    difference = real.value - said.value
    return Measure(difference, said.value, real.error, reaching(difference, said, real, known), said.note)


def reaching(difference: float, said: Measure, real: Measure, known: float) -> Interval | None:
    """The 95 % interval of realised minus estimated."""
    if said.value is None or said.interval is None or real.value is None:
        return None
    low, high = real.interval or (real.value, real.value)
    left = math.sqrt(max(1 - known, 0.0))
    below = math.hypot(said.interval[1] - said.value, left * (real.value - low))
    above = math.hypot(said.value - said.interval[0], left * (high - real.value))
    return difference - below, difference + above
