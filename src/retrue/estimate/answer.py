"""From what is believed of each row to an answer for each metric: value, interval, and what widens it.

    interval = value -+ sqrt(sampling^2 + calibration^2 + disagreement^2 + correction^2),
               then stretched by what the past has refuted,
               then extended to what would be if the rows without neighbours were all wrong, or all right

Sampling is the registered metric's own error at this number of rows; calibration the jackknife over the reference's
folds (Kott 2001, "The delete-a-group jackknife"); disagreement that of the experts of a blend; correction half of how
far they moved from the calibrated score: where much had to be corrected, much may be left.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from retrue.core.state import Bools, Floats
from retrue.estimate.expected import Expecting, Judged, Reading, Scale, read, read_values
from retrue.metrics import Measure
from retrue.metrics.measure import Interval
from retrue.metrics.performance.intervals import Z, student

CORRECTED = 0.5
"""The part of a correction that counts as its standard error."""


@dataclass(frozen=True, eq=False)
class Belief:
    """What one expert believes of the window's rows.

    Attributes:
        chance: float64[n] P(y = 1), or float64[n, C] of each class; of a regression float64[n, 5], expected losses.
        each: float64[folds, ...], the same with each fold of the reference left out.
    """

    chance: Floats
    each: Floats

    @classmethod
    def of(cls, each: Floats) -> Belief:
        """The mean of what was learned without each fold."""
        return cls(each.mean(axis=0), each)


@dataclass(frozen=True)
class Answer:
    """One metric by one expert: its reading, and its value with each fold left out."""

    reading: Reading
    each: tuple[float, ...] = ()


@dataclass(frozen=True)
class Widening:
    """What an interval must hold besides.

    Attributes:
        bounds: by metric, values that can't be ruled out.
        stretch: by metric, how many times its intervals were too narrow in the past.
    """

    bounds: Mapping[str, Sequence[float]] = field(default_factory=dict)
    stretch: Mapping[str, float] = field(default_factory=dict)


def ask(cells: Expecting, belief: Belief, names: Sequence[str], rows: float) -> dict[str, Answer]:
    """Read every metric off what is believed, at `rows` rows."""
    expected = cells.expect(belief.chance)
    parts = [read_values(cells.expect(chance), names) for chance in belief.each]
    return {
        name: Answer(read(expected, name, rows), tuple(part[name] for part in parts if name in part)) for name in names
    }


def blend(
    name: str,
    answers: Sequence[Answer],
    weights: Sequence[float],
    widening: Widening,
    uncorrected: Answer | None = None,
) -> Measure:
    """One metric from the experts' answers: their weighted mean with its interval.

    Args:
        name: the metric.
        answers: one for each expert that counts.
        weights: how much each counts.
        widening: what the interval must hold besides.
        uncorrected: the answer of the calibrated score, where the experts correct it.
    """
    silent = next((answer.reading for answer in answers if answer.reading.value is None), None)
    if silent is not None:
        return Measure(None, note=f"can't be estimated: {silent.note}")
    share = np.asarray(weights) / np.sum(weights)
    values = np.array([answer.reading.value for answer in answers], np.float64)
    scale, value = Scale.of(name), float(share @ values)
    sampling = Z * float(share @ [answer.reading.error for answer in answers])
    places = np.array([scale.to(one) for one in values])
    apart = Z * math.sqrt(float(share @ (places - share @ places) ** 2))
    middle = scale.to(value)
    plain = None if uncorrected is None else uncorrected.reading.value
    moved = 0.0 if plain is None else Z * CORRECTED * abs(middle - scale.to(plain))
    reach = math.hypot(sampling, calibration(scale, answers, share), apart, moved) * widening.stretch.get(name, 1.0)
    ends = scale.back(middle - reach), scale.back(middle + reach)
    return Measure(value, interval=extended((min(ends[0], value), max(ends[1], value)), widening.bounds.get(name, ())))


def calibration(scale: Scale, answers: Sequence[Answer], share: Floats) -> float:
    """Half of the 95 % interval that the folds of the reference leave open."""
    folds = min(len(answer.each) for answer in answers)
    if folds < 2:
        return 0.0
    together = share @ np.array([answer.each[:folds] for answer in answers])
    places = np.array([scale.to(float(one)) for one in together])
    variance = (folds - 1) / folds * float(((places - places.mean()) ** 2).sum())
    return student(folds - 1) * math.sqrt(variance)


def extended(interval: Interval, bounds: Sequence[float]) -> Interval:
    """The interval with values in it that can't be ruled out."""
    return min(interval[0], *bounds, interval[1]), max(interval[0], *bounds, interval[1])


def extremes(cells: Judged, chance: Floats, alone: Bools, names: Sequence[str]) -> dict[str, list[float]]:
    """Every metric if the rows marked `alone` were all predicted wrong, and if they were all predicted right."""
    found: dict[str, list[float]] = {name: [] for name in names}
    for right in (False, True):
        there = np.where(marks(chance, alone), cells.truth(chance, right=right), chance)
        values = read_values(cells.expect(there), names)
        for name, value in values.items():
            found[name].append(value)
    return found


def marks(chance: Floats, alone: Bools) -> Bools:
    """The rows, in the shape of the chances."""
    return alone if chance.ndim == 1 else alone[:, None]
