"""What a slice is asked to explain: where did the input change most, where did the loss rise most, where is it worst?

A question turns rows into a few numbers that add up (a sum over any set of bins is a sum of sums), and the sums of a
set into a score: a log-likelihood ratio in nats between "this set changed" and "nothing changed".
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]
Array = npt.NDArray[Any]

ENOUGH = 20
"""Rows of each side that a mean loss needs."""


class Question(ABC):
    """Abstract: numbers for each row of the window and the reference, and what their sums over a set are worth."""

    @abstractmethod
    def rows(self) -> tuple[list[Floats | None], list[Floats | None]]:
        """Give what to sum over the rows of the window and of the reference; None stands for ones."""

    @abstractmethod
    def size(self, sums: Array) -> Floats:
        """Give the rows of a set: those of the window or the reference, whichever are more."""

    @abstractmethod
    def score(self, sums: Array) -> Floats:
        """Give the gain in nats of each set from its sums [..., numbers of the window, then of the reference]."""

    @abstractmethod
    def order(self, sums: Array) -> Floats:
        """Give the key by which bins with these sums [..., bins, numbers] may be joined to sets, most changed last."""

    @abstractmethod
    def grew(self, sums: Array) -> npt.NDArray[np.bool_]:
        """Say whether the set's share or loss is higher in the window."""


@dataclass(frozen=True, slots=True)
class Share(Question):
    """Where did the input change most: n_w KL(p || m) + n_r KL(q || m), p and q a set's shares, m the pooled one.

    Args:
        window, reference: weights of the rows; None: ones. A raked reference is scaled to its effective size.
        n_window, n_reference: their totals.
    """

    window: Floats | None
    reference: Floats | None
    n_window: float
    n_reference: float

    def rows(self) -> tuple[list[Floats | None], list[Floats | None]]:
        """Give the weights: their sums are rows."""
        return [self.window], [self.reference]

    def size(self, sums: Array) -> Floats:
        """Give the larger of the two counts."""
        return np.asarray(np.maximum(sums[..., 0], sums[..., 1]))

    def score(self, sums: Array) -> Floats:
        """Give twice-two-table likelihood ratios (Woolf 1957, half of G); 0 for a majority that became smaller.

        What grew is then the minority around it, and that is what to act on: `c = 'v' OR x > 3` is no predicate of
        ours, and `c != 'v' AND x <= 3` would take the place of its two parts.
        """
        a, b = sums[..., 0], sums[..., 1]
        n, m = self.n_window, self.n_reference
        inside = xlogx(a) + xlogx(b) - xlogx(a + b)
        outside = xlogx(n - a) + xlogx(m - b) - xlogx(n + m - a - b)
        gain = inside + outside - xlogx_of(n) - xlogx_of(m) + xlogx_of(n + m)
        shrunk = (2 * a > n) & (2 * b > m) & (a * m < b * n)
        return np.asarray(np.where(shrunk, 0.0, gain))

    def order(self, sums: Array) -> Floats:
        """Order by the share of window rows among all rows of the bin."""
        a, b = sums[..., 0] / max(self.n_window, 1e-9), sums[..., 1] / max(self.n_reference, 1e-9)
        return np.asarray(a / np.maximum(a + b, 1e-300))

    def grew(self, sums: Array) -> npt.NDArray[np.bool_]:
        """Say whether the set's share is higher in the window."""
        return np.asarray(sums[..., 0] * self.n_reference > sums[..., 1] * self.n_window)


@dataclass(frozen=True, slots=True)
class Loss(Question):
    """Where did the loss rise most, row for row of the same kind.

    The reference is raked to the shares of the slices that the input's change consists of; else rows that were always
    hard would be blamed for being more.

    Args:
        window, reference: weights of the rows; None: ones.
        window_loss, reference_loss: each row's loss.
        spread: the variance of the loss over all rows, which steadies that of small sets.
        binary: every loss is 0 or 1: a Bernoulli ratio instead of a Gaussian one.
    """

    window: Floats | None
    reference: Floats | None
    window_loss: Floats
    reference_loss: Floats
    spread: float
    binary: bool

    def rows(self) -> tuple[list[Floats | None], list[Floats | None]]:
        """Give weight, loss and squared loss of each row."""
        return _moments(self.window, self.window_loss), _moments(self.reference, self.reference_loss)

    def size(self, sums: Array) -> Floats:
        """Give the larger of the two counts."""
        return np.asarray(np.maximum(sums[..., 0], sums[..., 3]))

    def score(self, sums: Array) -> Floats:
        """Give the likelihood ratio of two means against one; 0 where the loss fell or a side has too few rows."""
        gain = two_means(sums[..., :3], sums[..., 3:], self.spread, binary=self.binary)
        enough = np.minimum(sums[..., 0], sums[..., 3]) >= ENOUGH
        return np.asarray(np.where(enough & (self._rise(sums) > 0), gain, 0.0))

    def order(self, sums: Array) -> Floats:
        """Order by the rise of the mean, shrunk to none by ten rows."""
        size = np.minimum(sums[..., 0], sums[..., 3])
        return np.asarray(self._rise(sums) * size / (size + 10))

    def grew(self, sums: Array) -> npt.NDArray[np.bool_]:
        """Say whether the set's mean loss is higher in the window."""
        return np.asarray(self._rise(sums) > 0)

    @staticmethod
    def _rise(sums: Array) -> Floats:
        return _mean(sums[..., :3]) - _mean(sums[..., 3:])


@dataclass(frozen=True, slots=True)
class Worst(Question):
    """Where in one table is the loss worst: a set against all other rows.

    Args:
        weights: of the rows; 0 leaves a row out.
        loss: each row's loss, realised or expected, or how far two model versions are apart on it.
        total: the sums of weight, loss and squared loss over all rows, [3].
        spread, binary: as in `Loss`.
    """

    weights: Floats
    loss: Floats
    total: Floats
    spread: float
    binary: bool

    def rows(self) -> tuple[list[Floats | None], list[Floats | None]]:
        """Give weight, loss and squared loss of each row; of a reference nothing."""
        return _moments(self.weights, self.loss), []

    def size(self, sums: Array) -> Floats:
        """Give the rows of the set."""
        return np.asarray(sums[..., 0])

    def score(self, sums: Array) -> Floats:
        """Give the likelihood ratio of two means against one; 0 where the set isn't worse or a side is too small."""
        others = self.total - sums
        gain = two_means(sums, others, self.spread, binary=self.binary)
        enough = np.minimum(sums[..., 0], others[..., 0]) >= ENOUGH
        return np.asarray(np.where(enough & (_mean(sums) > _mean(others)), gain, 0.0))

    def order(self, sums: Array) -> Floats:
        """Order by the mean, shrunk to that of all rows by ten of them."""
        overall = float(_mean(self.total))
        return np.asarray((sums[..., 1] + 10 * overall) / (sums[..., 0] + 10))

    def grew(self, sums: Array) -> npt.NDArray[np.bool_]:
        """Say whether the set's mean loss is above the others'."""
        return np.asarray(_mean(sums) > _mean(self.total - sums))


def two_means(one: Array, other: Array, spread: float, *, binary: bool) -> Floats:
    """Give the log-likelihood ratio of two means against one, from sums of weight, value and squared value, [..., 3].

    Binary: the Bernoulli ratio (Woolf 1957). Else Gaussian with an unknown variance: N / 2 ln(1 + between / within),
    the variance within steadied by ten rows of the overall one, `spread`.
    """
    (n, a, _), (m, b, _) = np.moveaxis(one, -1, 0), np.moveaxis(other, -1, 0)
    if binary:
        apart = xlogx(a) + xlogx(n - a) - xlogx(n) + xlogx(b) + xlogx(m - b) - xlogx(m)
        return np.asarray(apart - xlogx(a + b) - xlogx(n + m - a - b) + xlogx(n + m))
    between = n * m / np.maximum(n + m, 1e-300) * (_mean(one) - _mean(other)) ** 2
    squares = [side[..., 2] - side[..., 1] ** 2 / np.maximum(side[..., 0], 1e-9) for side in (one, other)]
    within = np.maximum(squares[0] + squares[1], 0.0) + 10 * spread
    return np.asarray((n + m) / 2 * np.log1p(between / np.maximum(within, 1e-300)))


def _mean(sums: Array) -> Floats:
    return np.asarray(sums[..., 1] / np.maximum(sums[..., 0], 1e-9))


def _moments(weights: Floats | None, loss: Floats) -> list[Floats | None]:
    if weights is None:
        return [None, loss, loss * loss]
    return [weights, weights * loss, weights * loss * loss]


def xlogx(x: Array) -> Floats:
    """Give x ln x, 0 where x isn't positive.

    >>> bool(xlogx(np.array([0.0, 1.0, np.e])).sum().round(2) == 2.72)
    True
    """
    safe = np.maximum(x, 1e-300)
    return np.asarray(x * np.log(safe) * (x > 0))


@lru_cache(maxsize=64)
def xlogx_of(x: float) -> float:
    """Give x ln x of one number, once: a search asks for those of all rows thousands of times."""
    return float(xlogx(np.array(x)))
