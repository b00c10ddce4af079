"""Expected losses become an expected outcome: closed forms, and what known labels say."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from retrue.core.outcome_grid import RegressionGrid, error_grid
from retrue.estimate.expected import read, read_values
from retrue.estimate.loss_cells import LossCells, losses_of
from retrue.metrics import get

NAMES = ("mae", "rmse", "bias", "mape", "r2")


def grid() -> RegressionGrid:
    return RegressionGrid("y", "f", error_grid(np.linspace(-1, 1, 50), np.zeros(50)))


@given(st.integers(0, 10_000), st.integers(2, 60), st.booleans())
def test_losses_that_are_known_give_the_metrics_of_the_labels(seed: int, n: int, zeros: bool) -> None:
    """What is expected of a row is what happened to it: sklearn's formulas, computed directly."""
    rng = np.random.default_rng(seed)
    y, e = rng.normal(3, 2, n), rng.normal(0.5, 1, n)
    y[0] = 0.0 if zeros else y[0]
    found = read_values(LossCells(grid(), y + e, np.zeros(5)).expect(losses_of(y + e, y)), NAMES)
    held = y != 0
    assert found["mae"] == pytest.approx(np.abs(e).mean())
    assert found["rmse"] == pytest.approx(np.sqrt((e**2).mean()))
    assert found["bias"] == pytest.approx(e.mean())
    assert found["mape"] == pytest.approx((np.abs(e[held]) / np.abs(y[held])).mean())
    assert found["r2"] == pytest.approx(1 - (e**2).sum() / ((y - y.mean()) ** 2).sum(), rel=1e-6)


def test_the_sampling_error_is_that_of_the_noise_alone() -> None:
    """E|e| = 2 or 4 and Var|e| = .5 (E|e|)^2: the variance of the mean is .5 x 10 / 1,000, of its logarithm / 3^2."""
    size = np.tile([2.0, 4.0], 500)
    means = np.column_stack([size, 2 * size**2, np.zeros(1000), size, np.ones(1000)])
    outcome = LossCells(grid(), np.zeros(1000), np.full(5, 0.5)).expect(means)
    found = read(outcome, "mae", 1_000)
    assert found.value == pytest.approx(3)
    assert found.error == pytest.approx(np.sqrt(0.5 * 10 / 1_000) / 3, rel=0.01)
    assert read(outcome, "bias", 1_000).error == pytest.approx(np.sqrt(20 / 1_000), rel=0.01)  # E e^2 = 2 x 10


def test_impossible_expectations_are_made_possible() -> None:
    """Models err by themselves: E e^2 is at least (E|e|)^2, and |E e| at most E|e|."""
    outcome = LossCells(grid(), np.zeros(2), np.zeros(5)).expect(np.array([[2.0, 1.0, 5.0, -1.0, 2.0]] * 2))
    assert get("rmse").compute(outcome).value == pytest.approx(2)
    assert get("bias").compute(outcome).value == pytest.approx(2)
    assert get("mape").compute(outcome).value == 0
