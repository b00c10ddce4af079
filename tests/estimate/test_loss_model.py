"""The loss model: right about known expectations, cross-fitted, and constant where there is nothing to learn."""

from __future__ import annotations

import numpy as np
import pytest

from retrue.core.state import Floats
from retrue.estimate.calibrate import split
from retrue.estimate.loss_model import LEAST, learn_loss


def rows(n: int, seed: int) -> tuple[Floats, Floats]:
    """Codes (a number, a category of four), and E|e| = (1 + x) (1 + category): a formula."""
    rng = np.random.default_rng(seed)
    codes = np.column_stack([rng.uniform(0, 2, n), rng.integers(0, 4, n)]).astype(np.float64)
    return codes, (1 + codes[:, 0]) * (1 + codes[:, 1])


def test_it_learns_the_expected_loss_of_numbers_and_categories() -> None:
    codes, mean = rows(5_000, 1)
    loss = mean * np.random.default_rng(2).exponential(1, mean.size)
    model, own = learn_loss(codes, loss, split(mean.size), [False, True])
    new, truth = rows(2_000, 3)
    said = model.each(new).mean(axis=0)
    assert np.abs(said / truth - 1).mean() < 0.15
    assert said.mean() == pytest.approx(truth.mean(), rel=0.05)
    assert own.mean() == pytest.approx(loss.mean())
    assert (said > 0).all()


def test_a_row_is_never_judged_by_trees_that_learned_it() -> None:
    """Pure noise: in-sample trees would explain some of it, cross-fitted ones explain nothing."""
    rng = np.random.default_rng(4)
    codes, loss = rng.normal(0, 1, (2_000, 3)), rng.exponential(1, 2_000)
    _, own = learn_loss(codes, loss, split(2_000), [False] * 3)
    assert np.corrcoef(own, loss)[0, 1] < 0.1


def test_errors_of_both_signs_are_learned() -> None:
    rng = np.random.default_rng(5)
    codes = rng.uniform(-1, 1, (3_000, 1))
    model, _ = learn_loss(codes, np.sign(codes[:, 0]) + rng.normal(0, 0.5, 3_000), split(3_000), [False])
    said = model.each(np.array([[-0.5], [0.5]])).mean(axis=0)
    assert said == pytest.approx([-1, 1], abs=0.15)


@pytest.mark.parametrize("loss", [np.zeros(2_000), np.full(2_000, 3.0), np.arange(LEAST - 1.0)])
def test_with_nothing_to_learn_every_row_has_the_mean_of_the_other_folds(loss: Floats) -> None:
    folds = split(loss.size)
    model, own = learn_loss(np.zeros((loss.size, 1)), loss, folds, [False])
    each = model.each(np.zeros((2, 1)))
    assert not model.trees
    assert each[:, 0] == pytest.approx([loss[folds != k].mean() for k in range(5)])
    assert own == pytest.approx(each[folds, 0])
