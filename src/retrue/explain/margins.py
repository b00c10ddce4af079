"""Margins: the reference's rows weighted to the window's shares of whole columns, and what a metric then is.

`retrue.explain.raking` weights to slices, which are single shares; here all bins of a column are matched at once, one
column after the other until all fit (iterative proportional fitting; Deming and Stephan 1940).
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import cached_property

import numpy as np

from retrue.core.count import bin_sums
from retrue.core.state import Ints
from retrue.estimate.impact import EVALUATED
from retrue.explain.coding import Coded
from retrue.explain.column import BINS, Floats

ROUNDS = 20
"""The most rounds of weighting for each column."""
CLOSE = 1e-3
"""It fits: all shares together are off by less than this."""
SURE = 2.6
"""How many standard errors an impact is from 0 where it is certain."""
STEP = 1e-6
"""By how much the share of a cell is moved to see how a metric moves."""


@dataclass(frozen=True, eq=False)
class EventScores:
    """What each labelled row of the reference adds to a metric.

    Args:
        metric: the metric.
        values: float64[n], per-event scores whose mean is the metric (or `of` of which); NaN where unknown.
        of: the metric of the mean score, [1], or of the shares of the cells, [k]; None where it is undefined.
        cells: int64[n], the row's cell of the confusion matrix, -1 where unknown; None for a mean of `values`.
        k: how many cells there are.
    """

    metric: str
    values: Floats
    of: Callable[[Floats], float | None] = field(default=lambda mean: float(mean[0]))
    cells: Ints | None = None
    k: int = 1

    @cached_property
    def known(self) -> Ints:
        """The rows that have a score."""
        return np.flatnonzero(np.isfinite(self.values) if self.cells is None else self.cells >= 0)

    @classmethod
    def of_cells(cls, metric: str, cells: Ints, k: int, of: Callable[[Floats], float | None]) -> EventScores:
        """A metric of the confusion matrix; a row's value is what it adds to the metric, to first order."""
        known = cells[cells >= 0]
        share = np.bincount(known, minlength=k) / max(known.size, 1)
        here, slope = of(share), np.zeros(k)
        for cell in range(k):
            there = of(share + STEP * (np.arange(k) == cell))
            slope[cell] = 0.0 if here is None or there is None else (there - here) / STEP
        return cls(metric, np.where(cells >= 0, slope[np.maximum(cells, 0)], np.nan), of, cells, k)


@dataclass(frozen=True, slots=True)
class Look:
    """What a column still costs at the present weights.

    Args:
        value: its impact.
        error: the standard error of that.
        news: how surprising its move is, in nats.
    """

    value: float
    error: float
    news: float

    @property
    def certain(self) -> bool:
        """Whether it costs or brings anything for certain."""
        return abs(self.value) > SURE * self.error


class Raked:
    """The labelled rows of the reference with their weights, raked to the window column by column."""

    def __init__(self, codes: Ints, window: Floats, unseen: float, rows: int, scores: EventScores) -> None:
        self.codes, self.window, self.unseen, self.rows, self.scores = codes, window, unseen, rows, scores
        self.values = scores.values[scores.known]
        self.cells = None if scores.cells is None else scores.cells[scores.known]
        self.weights = np.full(self.values.size, 1 / self.values.size)
        self.margins: list[int] = []

    @classmethod
    def of(cls, coded: Coded, scores: EventScores) -> Raked:
        """Start with equal weights; the window's shares are those of the bins that the reference has rows in."""
        codes = coded.reference[:, scores.known].astype(np.int64)
        seen = np.stack([np.bincount(column, minlength=BINS) >= EVALUATED for column in codes])
        counts = np.stack([np.bincount(column, minlength=BINS) for column in coded.window]).astype(np.float64)
        missing = ~np.all([here[column] for here, column in zip(seen, coded.window, strict=True)], axis=0)
        covered = np.where(seen, counts, 0.0)
        shares = covered / np.maximum(covered.sum(axis=1, keepdims=True), 1.0)
        return cls(codes, shares, float(missing.mean()), coded.window.shape[1], scores)

    def value(self) -> float | None:
        """The metric at the present weights."""
        if self.cells is None:
            mean = np.array([self.weights @ self.values])
        else:
            mean = bin_sums(self.cells, self.weights, self.scores.k)
        found = self.scores.of(mean)
        return None if found is None or not math.isfinite(found) else float(found)

    def effective(self) -> float:
        """How many equal rows the weighted ones tell as much as (Kish 1965)."""
        return 1 / max(float(self.weights @ self.weights), 1e-300)

    def looks(self, before: Sequence[Look] = ()) -> list[Look]:
        """What each column still costs; what was never certain to cost anything isn't looked at again."""
        base, weighted, n = self.value() or 0.0, self.weights * self.values, self.effective()
        squared = weighted * self.values
        return [
            before[i] if before and not before[i].certain else self.look(i, base, weighted, squared, n)
            for i in range(len(self.codes))
        ]

    def look(self, column: int, base: float, weighted: Floats, squared: Floats, n: float) -> Look:
        """What one column still costs: its bins' means at the window's shares against those at the present ones."""
        codes, q = self.codes[column], self.window[column]
        p, total, squares = (bin_sums(codes, w, BINS) for w in (self.weights, weighted, squared))
        if q.sum() == 0:  # all of the window lies where nothing was evaluated
            return Look(0.0, 0.0, 0.0)
        held, q = np.maximum(p, 1e-300), np.where(p > 0, q, 0.0)
        q = q / max(float(q.sum()), 1e-300)
        mean = np.where(p > 0, total / held, 0.0)
        within = np.where(p > 0, np.maximum(squares / held - mean**2, 0.0), 0.0)
        noise = float(((q - p) ** 2 * within / np.maximum(p * n, 1.0)).sum())
        variance = spread(q, mean) / self.rows + spread(p, mean) / n + noise
        found = self.scores.of((q / held) @ self.by_bin(codes, total))
        value = 0.0 if found is None or not math.isfinite(found) else float(found - base)
        return Look(value, math.sqrt(max(variance, 0.0)), news(q, p, self.rows, n))

    def by_bin(self, codes: Ints, total: Floats) -> Floats:
        """float64[BINS, k]: the sums that the metric is a function of; `total` where they are those of the values."""
        if self.cells is None:
            return total[:, None]
        k = self.scores.k
        return bin_sums(codes * k + self.cells, self.weights, BINS * k).reshape(BINS, k)

    def take(self, column: int) -> None:
        """Rake to one more column's shares in the window, and again to those before it."""
        self.margins.append(column)
        for _ in range(ROUNDS if len(self.margins) > 1 else 1):
            off = 0.0
            for margin in self.margins:
                codes, q = self.codes[margin], self.window[margin]
                p = bin_sums(codes, self.weights, BINS)
                factors = np.where(p > 0, q / np.maximum(p, 1e-300), 0.0)
                self.weights = self.weights * factors[codes]
                self.weights /= max(float(self.weights.sum()), 1e-300)
                off = max(off, float(np.abs(p - q).sum()))
            if off < CLOSE:
                break

    def error(self, taken: Sequence[int]) -> float:
        """The standard error of what is explained: of the raked mean, and of the window's shares."""
        if not taken:
            return 0.0
        own = float(((self.weights * (self.values - self.weights @ self.values)) ** 2).sum())
        window = 0.0
        for column in taken:
            p, total = (bin_sums(self.codes[column], w, BINS) for w in (self.weights, self.weights * self.values))
            window += spread(self.window[column], total / np.maximum(p, 1e-300)) / self.rows
        return math.sqrt(own + float(self.values.var()) / self.values.size + window)


def spread(shares: Floats, mean: Floats) -> float:
    """The variance of bins' means at some shares."""
    return max(float(shares @ mean**2) - float(shares @ mean) ** 2, 0.0)


def news(q: Floats, p: Floats, rows: int, others: float) -> float:
    """How surprising a column's move is, in nats: the log-likelihood ratio of two distributions against one."""
    m = (rows * q + others * p) / (rows + others)
    with np.errstate(divide="ignore", invalid="ignore"):
        parts = rows * np.where(q > 0, q * np.log(q / m), 0.0) + others * np.where(p > 0, p * np.log(p / m), 0.0)
    return max(float(parts.sum()), 0.0)
