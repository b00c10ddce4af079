"""Expected losses: rows whose error isn't known but whose losses are expected, as a `RegressionOutcome`.

    predictions, E[loss | x] ──> an outcome of `TOTAL` counts ──registered metrics──> values and sampling errors

With a = E|e|, s = E e^2 and b = E e of a row (e = prediction - label), its label is expected at prediction - b, and its
square at prediction^2 - 2 b prediction + s: so the labels' variance, and R2, follow. What a row's loss varies by around
its expectation is in proportion to the expectation, as the reference's cross-fitted rows have it; that of e is s - b^2.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from retrue.core.outcome import RegressionOutcome
from retrue.core.outcome_grid import RegressionGrid
from retrue.core.state import Floats, Moments, Sums
from retrue.estimate.expected import TOTAL

LOSSES = ("mae", "mse", "bias", "mape", "nonzero")
"""The columns of expected losses: |e|, e^2, e, |e| / |label| (0 where the label is 0), and whether the label isn't."""
MAE, MSE, BIAS, MAPE, NONZERO = range(5)


def losses_of(prediction: Floats, label: Floats) -> Floats:
    """float64[n, 5]: the losses of rows whose label is known.

    >>> losses_of(np.array([3.0, 1.0]), np.array([2.0, 0.0])).tolist()
    [[1.0, 1.0, 1.0, 0.5, 1.0], [1.0, 1.0, 1.0, 0.0, 0.0]]
    """
    error, nonzero = prediction - label, label != 0
    size = np.abs(error)
    share = np.divide(size, np.abs(label), out=np.zeros_like(size), where=nonzero)
    return np.column_stack([size, error * error, error, share, nonzero.astype(np.float64)])


@dataclass(frozen=True, eq=False)
class LossCells:
    """Rows of a regression: all that an expected outcome needs.

    Attributes:
        grid: how outcomes are counted.
        prediction: float64[n].
        noise: float64[5], the variance of each loss of a row over the square of its expectation.
    """

    grid: RegressionGrid
    prediction: Floats
    noise: Floats

    def expect(self, chance: Floats) -> RegressionOutcome:
        """The expected outcome, in `TOTAL` counts; its errors are left empty: means tell no distribution.

        Args:
            chance: float64[n, 5], the expected losses.
        """
        a = np.maximum(chance[:, MAE], 0.0)
        b = np.clip(chance[:, BIAS], -a, a)
        s = np.maximum(chance[:, MSE], a * a)
        found = {name: self.sums(chance[:, k], k) for k, name in ((MAE, "mae"), (MAPE, "mape"))}
        found |= {"mse": self.sums(s, MSE), "bias": summed(b, s - b * b)}
        share = float(np.clip(chance[:, NONZERO], 0.0, 1.0).mean())
        found["mape"] = replace(found["mape"], n=TOTAL * share)
        first, second = self.prediction - b, self.prediction**2 - 2 * b * self.prediction + s
        mean = float(first.mean())
        spread = max(float(second.mean()) - mean**2, 0.0)
        labels = Moments(TOTAL, mean, TOTAL * spread, float(first.min()), float(first.max()))
        return RegressionOutcome(self.grid.errors.empty(), labels, found)

    def sums(self, loss: Floats, which: int) -> Sums:
        """The sums of a loss that is at least 0."""
        kept = np.maximum(loss, 0.0)
        return summed(kept, self.noise[which] * kept * kept)


def summed(expected: Floats, variance: Floats) -> Sums:
    """`TOTAL` counts with this mean, that vary by their noise alone: what rows are in the window is known."""
    mean = float(expected.mean())
    return Sums(TOTAL, TOTAL * mean, TOTAL * (mean * mean + float(variance.mean())))
