"""Whether people agree beyond chance: Krippendorff's alpha, for any number of people and answers that are missing.

alpha = 1 - observed disagreement / expected disagreement (Krippendorff, Computing Krippendorff's Alpha-Reliability,
2011). Units are tasks with two answers or more; a unit of m answers counts each of its pairs 1 / (m - 1) times. Labels
that are classes differ or don't (nominal); numbers differ by the square of their distance (interval).
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from statistics import NormalDist
from typing import Any

import numpy as np

from retrue.core.state import Floats

RELIABLE, TENTATIVE = 0.8, 0.667
"""From these on conclusions can be relied on, or be tentative (Krippendorff, Content Analysis, 2004, p. 241)."""


@dataclass(frozen=True)
class Agreement:
    """How far people agree beyond chance.

    Attributes:
        alpha: 1 is perfect, 0 what chance gives, less is worse than chance; None where it can't be told.
        interval: of 95 %, by the jackknife over tasks (Efron 1982); None below ten tasks.
        tasks: with two answers or more.
        answers: in these tasks.
        note: why there is no value.
    """

    alpha: float | None
    interval: tuple[float, float] | None
    tasks: int
    answers: int
    note: str | None = None

    @property
    def word(self) -> str:
        """What it means: reliable, tentative, not reliable, or can't tell."""
        if self.alpha is None:
            return "can't tell"
        return "reliable" if self.alpha >= RELIABLE else "tentative" if self.alpha >= TENTATIVE else "not reliable"

    def to_dict(self) -> dict[str, Any]:
        """Plain values."""
        return {**asdict(self), "word": self.word}


FEWEST = 10
"""Tasks below which no interval is told."""


def agreement(units: Sequence[Sequence[str]], *, numbers: bool = False) -> Agreement:
    """Tell how far the answers to each task agree.

    Args:
        units: for each task, what each person said.
        numbers: whether labels are numbers, which can be nearly equal; otherwise they are classes.

    >>> round(agreement([["a", "a"], ["b", "b"], ["a", "b"], ["b", "b"]]).alpha or 0, 3)
    0.533
    """
    pairable = [unit for unit in units if len(unit) >= 2]
    answers = sum(map(len, pairable))
    if not pairable:
        return Agreement(None, None, 0, 0, "no task has two answers")
    sums, pairs = (squares(pairable), squared) if numbers else (counts(pairable), differing)
    sizes = np.array([len(unit) for unit in pairable], np.float64)
    observed = pairs(sums, sizes) / (sizes - 1)
    # One row for the whole, then one for each task left out: what the jackknife asks for.
    whole, total = sums.sum(axis=0), float(sizes.sum())
    alpha, *without = (
        1.0 - _ratio(observed.sum() - left, pairs(whole - own, total - size), total - size)
        for left, own, size in zip(
            np.append(0.0, observed), np.vstack([0 * whole, sums]), np.append(0.0, sizes), strict=True
        )
    )
    if not math.isfinite(alpha):
        return Agreement(None, None, len(pairable), answers, "everybody said the same of every task")
    return Agreement(alpha, _interval(alpha, np.array(without)), len(pairable), answers)


def _ratio(observed: float, expected: Floats, answers: float) -> float:
    """Observed disagreement by the expected one; not a number where nothing but one label was given."""
    return float(observed * (answers - 1) / expected) if expected > 0 else math.nan


def _interval(alpha: float, without: Floats) -> tuple[float, float] | None:
    """The jackknife's interval, from the values without each task."""
    n = without.size
    if n < FEWEST or not np.isfinite(without).all():
        return None
    reach = NormalDist().inv_cdf(0.975) * math.sqrt((n - 1) * float(without.var()))
    return max(alpha - reach, -1.0), min(alpha + reach, 1.0)


def counts(units: Sequence[Sequence[str]]) -> Floats:
    """float64[units, labels]: how often each label was given."""
    known = {label: i for i, label in enumerate(dict.fromkeys(label for unit in units for label in unit))}
    found = np.zeros((len(units), len(known)))
    for row, unit in zip(found, units, strict=True):
        for label, n in Counter(unit).items():
            row[known[label]] = n
    return found


def differing(sums: Floats, sizes: Floats | float) -> Floats:
    """Ordered pairs of answers that differ, from `counts`."""
    found: Floats = sizes**2 - (sums**2).sum(axis=-1)
    return found


def squares(units: Sequence[Sequence[str]]) -> Floats:
    """float64[units, 2]: sum and sum of squares of the numbers that were given."""
    values = [np.array(unit, np.float64) for unit in units]
    centre = float(np.concatenate(values).mean())  # distances stay, digits are saved
    return np.array([[(one - centre).sum(), ((one - centre) ** 2).sum()] for one in values])


def squared(sums: Floats, sizes: Floats | float) -> Floats:
    """Squared distances summed over ordered pairs of answers, from `squares`."""
    found: Floats = 2 * (sizes * sums[..., 1] - sums[..., 0] ** 2)
    return np.maximum(found, 0.0)
