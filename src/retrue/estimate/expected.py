"""Expected outcomes: rows whose label is a probability, counted like rows whose label is known.

    scores, predictions, P(y | x) ──> an `Outcome` of `TOTAL` counts ──registered metrics──> values

An expected confusion matrix has fractions, and outcomes count in integers: here all rows together are `TOTAL` counts.
Every registered metric is a ratio of counts or a mean, so its value doesn't see the total; its interval does, and is
brought back to the real number of rows: sampling variance goes with 1 / n.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Protocol

import numpy as np

from retrue.core.losses import losses_of_probability
from retrue.core.outcome import BinaryOutcome, MulticlassOutcome, Outcome
from retrue.core.state import Floats, Ints, Sums
from retrue.metrics import Measure, get
from retrue.metrics.performance.intervals import Z, wilson

TOTAL = 10_000_000
"""How many counts all rows together are."""


class Expecting(Protocol):
    """Events, or groups of them, that become an outcome once it is said what is believed of them."""

    def expect(self, chance: Floats) -> Outcome:
        """The expected outcome, in `TOTAL` counts; `chance` is what is believed of each, along the first axis."""


class Judged(Expecting, Protocol):
    """Events, or groups of them, whose predictions are right or wrong."""

    def truth(self, chance: Floats, *, right: bool) -> Floats:
        """Certain labels that make every prediction right, or wrong; as likely as believed where there is none."""


@dataclass(frozen=True, eq=False)
class Cells:
    """Events of a binary task, or groups of them: all that an expected outcome needs.

    Attributes:
        cuts: float64[m] of the score.
        bins: int64[n], the score's bin.
        scores: float64[n].
        predicted: int64[n]: 1, 0, or 2 where there is no prediction.
        weight: float64[n], how many rows each stands for.
    """

    cuts: Floats
    bins: Ints
    scores: Floats
    predicted: Ints
    weight: Floats

    @cached_property
    def counts(self) -> Floats:
        """float64[n]: how many of all counts each is."""
        return self.weight * (TOTAL / float(self.weight.sum()))

    def expect(self, chance: Floats) -> BinaryOutcome:
        """The expected outcome, in `TOTAL` counts.

        Args:
            chance: float64[n], P(y = 1).
        """
        halves = (self.counts * (1 - chance), self.counts * chance)
        width = self.cuts.size + 2
        counts = [np.bincount(self.bins, half, width) for half in halves]
        matrix = [np.bincount(self.predicted, half, 3)[:2] for half in halves]
        return BinaryOutcome(
            self.cuts,
            whole(np.column_stack([*counts, np.zeros(width)])),
            np.zeros((width, 3)),
            whole(np.stack(matrix)),
            self.losses(*halves),
        )

    def truth(self, chance: Floats, *, right: bool) -> Floats:
        """Labels that make every prediction right, or wrong."""
        said = self.predicted == 1 if right else self.predicted == 0
        return np.where(self.predicted < 2, said.astype(np.float64), chance)

    def losses(self, negative: Floats, positive: Floats) -> dict[str, Sums]:
        """Expected log loss and Brier score, over the cells whose score is a probability."""
        valid = (self.scores >= 0) & (self.scores <= 1)
        s, n0, n1 = self.scores[valid], negative[valid], positive[valid]
        return {
            "log_loss": mean_of((losses_of_probability(1 - s), losses_of_probability(s)), (n0, n1)),
            "brier": mean_of((s * s, (1 - s) ** 2), (n0, n1)),
        }


@dataclass(frozen=True, eq=False)
class ClassCells:
    """Events of a multiclass task with C classes.

    Attributes:
        classes: the C class names.
        cuts: float64[m] of every class's score.
        scores: float64[n, C].
        predicted: int64[n]: the class, C for any other, C + 1 where there is no prediction.
        weight: float64[n], how many rows each stands for.
    """

    classes: tuple[str, ...]
    cuts: Floats
    scores: Floats
    predicted: Ints
    weight: Floats

    @cached_property
    def counts(self) -> Floats:
        """float64[n]: how many of all counts each is."""
        return self.weight * (TOTAL / float(self.weight.sum()))

    def expect(self, chance: Floats) -> MulticlassOutcome:
        """The expected outcome, in `TOTAL` counts.

        Args:
            chance: float64[n, C], P(y = each class).
        """
        c = len(self.classes)
        matrix = np.zeros((c + 1, c + 1))
        for k in range(c):
            matrix[k] = np.bincount(self.predicted, self.counts * chance[:, k], c + 2)[: c + 1]
        given = losses_of_probability(self.scores / self.scores.sum(axis=1, keepdims=True))
        loss = mean_of(tuple(given.T), tuple((chance * self.counts[:, None]).T))
        rest = whole(np.stack([self.against_rest(chance[:, k], k) for k in range(c)]))
        return MulticlassOutcome(self.classes, self.cuts, whole(matrix), rest, {"log_loss": loss}, np.zeros(2, int))

    def truth(self, chance: Floats, *, right: bool) -> Floats:
        """Labels that make every prediction right, or wrong."""
        c = len(self.classes)
        found = np.eye(c + 2)[self.predicted if right else self.scores.argmin(axis=1)][:, :c]
        found[self.predicted > c] = chance[self.predicted > c]
        return found

    def against_rest(self, chance: Floats, which: int) -> Floats:
        """float64[m + 1, 2]: the score bins of one class, by its chance."""
        bins, width = np.searchsorted(self.cuts, self.scores[:, which], side="right"), self.cuts.size + 1
        halves = (self.counts * (1 - chance), self.counts * chance)
        return np.column_stack([np.bincount(bins, half, width) for half in halves])


def whole(counts: Floats) -> Ints:
    """Counts without fractions."""
    return np.rint(counts).astype(np.int64)


def mean_of(values: tuple[Floats, ...], weights: tuple[Floats, ...]) -> Sums:
    """The sums of values that each stand for some counts."""
    n = sum(float(w.sum()) for w in weights)
    total = sum(float((v * w).sum()) for v, w in zip(values, weights, strict=True))
    squares = sum(float((v * v * w).sum()) for v, w in zip(values, weights, strict=True))
    return Sums(round(n), total, squares)


@dataclass(frozen=True)
class Scale:
    """Where a metric's errors are symmetric: the logit of a share, the logarithm of a loss, else the metric itself.

    Attributes:
        to, back: there and back again.
        slope: how far a value moves for a small step on the scale.
    """

    to: Callable[[float], float]
    back: Callable[[float], float]
    slope: Callable[[float], float]

    @classmethod
    def of(cls, name: str) -> Scale:
        """The scale of a registered metric.

        >>> scale = Scale.of("accuracy"); round(scale.back(scale.to(0.9)), 6)
        0.9
        """
        low, high = get(name).range
        if (low, high) == (0, 1):
            return cls(logit, expit, lambda value: value * (1 - value))
        return cls(log, math.exp, float) if low == 0 else cls(float, float, lambda _: 1.0)


def logit(share: float) -> float:
    """ln(p / (1 - p)), kept finite."""
    p = min(max(share, 1e-12), 1 - 1e-12)
    return math.log(p / (1 - p))


def expit(x: float) -> float:
    """The inverse of `logit`."""
    return 1 / (1 + math.exp(-min(max(x, -700.0), 700.0)))


def log(value: float) -> float:
    """The logarithm, kept finite."""
    return math.log(max(value, 1e-12))


@dataclass(frozen=True)
class Reading:
    """One metric of an expected outcome.

    Attributes:
        value: what it is; None where it can't be told.
        error: standard error by sampling alone, on the metric's `Scale`.
        note: why there is no value.
    """

    value: float | None
    error: float = 0.0
    note: str | None = None


def read(outcome: Outcome, name: str, rows: float) -> Reading:
    """Read a metric off an expected outcome, with its sampling error at `rows` rows."""
    measure: Measure = get(name).compute(outcome)
    if measure.value is None:
        return Reading(None, note=in_words(measure.note))
    scale, interval = Scale.of(name), measure.interval
    if get(name).range == (0, 1) and not 0 < measure.value < 1:  # nothing to tell a variance from: Wilson's rule
        interval = wilson(measure.value * rows, rows)
        ends = [expit(logit(min(max(end, 1e-6), 1 - 1e-6))) for end in interval or (0.0, 1.0)]
        return Reading(measure.value, (logit(ends[1]) - logit(ends[0])) / (2 * Z))
    if interval is None:
        return Reading(measure.value)
    width = scale.to(interval[1]) - scale.to(interval[0])
    return Reading(measure.value, width / (2 * Z) * math.sqrt(TOTAL / rows))


def in_words(note: str | None) -> str:
    """Why there is no value; the metric's own note, unless it counts in the wrong unit."""
    return "the expected outcome doesn't tell it" if note is None or "among" in note else note


def read_values(outcome: Outcome, names: Iterable[str]) -> dict[str, float]:
    """The values of metrics of an expected outcome, where they can be told."""
    found: dict[str, Any] = {name: get(name).compute(outcome).value for name in names}
    return {name: float(value) for name, value in found.items() if value is not None}
