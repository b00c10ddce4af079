"""Early labels lie: measure how far the labels that are known so far are from those that will be.

A label that takes d to come is known of an event only if that is d old. So labels that come soon are over-represented
among those known by now. Each is weighed by one over the share of the events that are old enough for it to have come
(inverse probability of censoring weighting: Robins and Rotnitzky 1992), and what the known labels say is compared with
what they say so weighed. Where the label has nothing to do with its delay, both agree, however few are known.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from statistics import NormalDist
from typing import Any

import numpy as np

from retrue.core.state import Bools, Floats
from retrue.judge.words import percent

TOLERANCE = 0.01
"""How far known labels may be from weighted ones: a share of a class, or standard deviations of a number."""
AT_RISK = 20
"""So many events must be old enough for a delay, for it to tell anything."""
NUMBER = "the label"
"""What is measured of a regression, instead of classes."""
TOLD = 20
"""Classes that are kept of what was measured, the most bent ones."""


@dataclass(frozen=True)
class Bias:
    """What early labels bend.

    Attributes:
        what: the class, or `NUMBER` of a regression.
        known: its share (or the mean) among the labels that are known.
        weighted: the same, each weighed for how long it could have come.
        interval: of known - weighted, 95 % over all classes together.
        rows: events with a label.
        coverage: their share of all events.
        scale: what a difference is measured in: 1, or the standard deviation of a number.
    """

    what: str
    known: float
    weighted: float
    interval: tuple[float, float]
    rows: int
    coverage: float
    scale: float = 1.0

    @property
    def bent(self) -> bool:
        """Whether the difference is certainly more than what is tolerated."""
        least = TOLERANCE * self.scale
        return self.interval[0] > least or self.interval[1] < -least

    @property
    def said(self) -> str:
        """What was measured, in words."""
        have = f"of {self.rows:,} events whose label is known by now ({percent(self.coverage)} of all)"
        if self.what == NUMBER:
            apart = f"{self.known - self.weighted:+.3g} ({self.interval[0]:.3g} to {self.interval[1]:.3g})"
            return f"{have} the mean is {self.known:.4g}, and {self.weighted:.4g} {FAIR}: {apart}"
        low, high = (100 * end for end in self.interval)
        apart = f"{100 * (self.known - self.weighted):+.1f} points ({low:.1f} to {high:.1f})"
        said = f"{percent(self.known)} are {self.what!r}, and {percent(self.weighted)} {FAIR}"
        return f"{have} {said}: {apart}, where {100 * TOLERANCE:g} may be"

    def to_dict(self) -> dict[str, Any]:
        """Plain values, and what they say."""
        return {**asdict(self), "bent": self.bent, "said": self.said}


FAIR = "when each is weighed for how long it had to come"


@dataclass(frozen=True)
class Early:
    """What is known of early labels in a training set.

    Attributes:
        measured: what they bend of each class, the most bent first; nothing where they can bend nothing.
        why: why nothing was measured, in words; "" where something was.
    """

    measured: tuple[Bias, ...] = ()
    why: str = ""

    @property
    def bent(self) -> tuple[Bias, ...]:
        """What is certainly bent by more than is tolerated."""
        return tuple(one for one in self.measured if one.bent)

    def to_dict(self) -> dict[str, Any]:
        """Plain values; of many classes the most bent ones."""
        return {
            "measured": [one.to_dict() for one in self.measured[:TOLD]], "classes": len(self.measured),
            "why": self.why,
        }  # fmt: skip


def early_bias(values: dict[str, Floats], delay: Floats, age: Floats, *, regression: bool = False) -> list[Bias]:
    """Measure what early labels bend, the most bent first.

    Args:
        values: float64[events] for each class, 1 where the label is that class; of a regression one, the label itself.
        delay: seconds from each event to its label; NaN where there is none yet.
        age: seconds from each event to now.
        regression: whether the label is a number.

    Returns:
        one for each class; nothing where no label, or every label, is known, or too few events tell of any delay.
    """
    known = np.isfinite(delay)
    if not known.any() or known.all():
        return []
    age = np.maximum(age, np.where(known, delay, 0.0))
    weights, told = weights_of(delay[known], age)
    if not told.any():
        return []
    level = NormalDist().inv_cdf(1 - 0.025 / len(values))
    found = [
        bias_of(name, value[known][told], weights[told], float(known.mean()), level, regression=regression)
        for name, value in values.items()
    ]
    return sorted(found, key=lambda one: -abs(one.known - one.weighted))


def weights_of(delay: Floats, age: Floats) -> tuple[Floats, Bools]:
    """One over the share of events that are old enough for each delay, and whether enough of them are."""
    ages = np.sort(age)
    older = ages.size - np.searchsorted(ages, delay, "left")
    return ages.size / np.maximum(older, 1), older >= AT_RISK


def bias_of(what: str, value: Floats, weights: Floats, coverage: float, level: float, *, regression: bool) -> Bias:
    """Compare the plain with the weighted mean; the error of the difference by linearisation (ages as given)."""
    plain, fair = float(value.mean()), float(np.average(value, weights=weights))
    part = (value - plain) / value.size - weights * (value - fair) / weights.sum()
    error = level * float(np.sqrt((part**2).sum()))
    gap = plain - fair
    scale = (float(value.std()) or 1.0) if regression else 1.0
    return Bias(what, plain, fair, (gap - error, gap + error), value.size, coverage, scale)


def ripening(delay: Floats, age: Floats, share: float) -> float:
    """Seconds after which so large a share of the labels that ever come have come (Kaplan and Meier 1958).

    Events that are too young to have a label count for as long as they were seen: the plain quantile of the delays so
    far is too short as long as the log is young.

    Args:
        delay: seconds from each event to its label; NaN where there is none yet.
        age: seconds from each event to now.
        share: of those labels that come within the oldest event's age.

    >>> ripening(np.array([1.0, 2.0, np.nan, 4.0]), np.array([9.0, 9.0, 3.0, 9.0]), 0.99)
    4.0
    """
    known = np.isfinite(delay)
    if not known.any():
        return 0.0
    seen = np.maximum(np.where(known, delay, age), 0.0)
    order = np.lexsort((~known, seen))
    seen, came = seen[order], known[order]
    left = np.cumprod(1.0 - came / np.arange(seen.size, 0, -1))
    reached = (1.0 - left) >= share * (1.0 - left[-1])
    return float(seen[reached.argmax()])
