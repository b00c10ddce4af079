"""The record: earlier windows whose labels have matured tell which expert to believe, and how far.

past windows: estimate, labels ──errors──> weights of the experts; how much too narrow the intervals were
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np

from retrue.core.outcome import Outcome
from retrue.estimate.estimate import Estimate
from retrue.metrics import Measure, get
from retrue.metrics.performance.intervals import Z

LOOKED_AT = 6
"""How many windows the record looks back on: what was right a year ago says little."""
ENOUGH = 3
"""From so many windows on, a record can refute."""
REFUTED = 4.0
"""Past intervals that should have been this many times as wide: there is no estimate."""


@dataclass(frozen=True)
class Matured:
    """An earlier estimate, and the outcome of the same rows now that their labels are known."""

    estimate: Estimate
    realised: Outcome

    def said(self, name: str) -> Measure | None:
        """What the estimate was, said or withheld."""
        return self.estimate.withheld.get(name) or self.estimate.metrics.get(name)

    @cached_property
    def came(self) -> Mapping[str, float | None]:
        """What the labels say of each metric that was estimated; None where that is unknown."""
        return {name: get(name).compute(self.realised).value for name in self.estimate.metrics}

    def error(self, name: str, expert: str | None = None) -> float | None:
        """Realised minus estimated, by the blend or by one expert; None where either is unknown."""
        real, said = self.came.get(name), self.said(name)
        value = self.estimate.experts.get(expert, {}).get(name) if expert else said.value if said else None
        return None if real is None or value is None else real - value

    def surprise(self, name: str) -> float | None:
        """The error in standard errors, as the interval told them before any record stretched it."""
        said, error = self.said(name), self.error(name)
        if said is None or said.value is None or said.interval is None or error is None:
            return None
        reach = said.interval[1] - said.value if error > 0 else said.value - said.interval[0]
        return error / max(reach, 1e-9) * Z * self.estimate.stretched.get(name, 1.0)


def weigh(past: Sequence[Matured], name: str, priors: Mapping[str, float], error: float) -> dict[str, float]:
    """How much to believe each expert about one metric: its prior, over its squared error in the past, squared.

    Args:
        past: the record, oldest first.
        name: the metric.
        priors: the experts, with their weights before there is a record.
        error: standard error that labels alone would give: differences below it tell nothing.
    """
    found = {}
    for expert, prior in priors.items():
        errors = [e for one in past[-LOOKED_AT:] if (e := one.error(name, expert)) is not None]
        squared = (error**2 + sum(e * e for e in errors)) / (1 + len(errors))
        found[expert] = prior if not errors else prior / max(squared, 1e-12) ** 2
    most = max(found.values()) or 1.0
    return {expert: weight / most for expert, weight in found.items()}


def stretch(past: Sequence[Matured], name: str) -> float:
    """How many times as wide the last intervals should have been; 1 where they were wide enough."""
    found = [s for one in past[-LOOKED_AT:] if (s := one.surprise(name)) is not None]
    return max(1.0, float(np.sqrt(np.mean(np.square(found))))) if found else 1.0


def withhold(estimate: Estimate, past: Sequence[Matured]) -> Estimate:
    """The estimate without the metrics that past labels forbid; what it would have said of them is kept apart.

    A kept estimate can be held against labels that came since; what it withheld stays withheld.
    """
    reasons = {name: reason for name in estimate.metrics if (reason := refuted(past, name)) is not None}
    withheld = {name: estimate.metrics[name] for name in reasons if estimate.metrics[name].value is not None}
    silent = {name: Measure(None, note=f"can't be estimated: {reasons[name]}") for name in withheld}
    return replace(estimate, metrics={**estimate.metrics, **silent}, withheld={**estimate.withheld, **withheld})


def refuted(past: Sequence[Matured], name: str) -> str | None:
    """Why past labels forbid an estimate of this metric, None where they don't."""
    errors = [e for one in past[-LOOKED_AT:] if (e := one.error(name)) is not None]
    if len(errors) < ENOUGH or stretch(past, name) < REFUTED:
        return None
    off = math.sqrt(sum(e * e for e in errors) / len(errors))
    return f"labels refuted the last {len(errors)} estimates: they were off by {off:.2g}, far outside their intervals"
