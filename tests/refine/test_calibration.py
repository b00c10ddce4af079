"""Calibration against what was put in, scikit-learn and SciPy."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats
from scipy.special import expit, logit
from sklearn.linear_model import LogisticRegression

from retrue.core.state import Floats
from retrue.refine.prove import calibrate


def drawn(rows: int, seed: int = 0, *, sharp: float = 1.0, shift: float = 0.0) -> tuple[Floats, Floats]:
    """Labels, and scores whose log odds are `sharp` times the true ones plus `shift`."""
    rng = np.random.default_rng(seed)
    truth = rng.beta(2, 3, rows)
    return (rng.random(rows) < truth).astype(float), expit(sharp * logit(truth) + shift)


def test_a_calibrated_model_is_called_so() -> None:
    """In 60 draws the interval of the error leaves 0 out seldom; the plain mean distance is never 0."""
    found = [calibrate(*drawn(2_000, seed), "binary") for seed in range(60)]
    assert all(one is not None and one.ece > 0 for one in found)
    off = [one for one in found if one is not None and one.interval[0] > 0]
    assert len(off) <= 9
    slopes = [one.slope_interval for one in found if one is not None and one.slope_interval is not None]
    assert sum(low <= 1 <= high for low, high in slopes) >= 51  # of 60 intervals of 95 %; six sigma


def test_a_shifted_model_is_off_by_what_it_was_shifted() -> None:
    label, scores = drawn(20_000, shift=0.8)
    found = calibrate(label, scores, "binary")
    assert found is not None
    true = float(np.sqrt(np.mean((expit(logit(scores) - 0.8) - scores) ** 2)))
    assert found.interval[0] <= true <= found.interval[1]
    assert found.error == pytest.approx(true, abs=0.01)
    assert found.intercept == pytest.approx(-0.8, abs=0.1)


def test_slope_and_intercept_are_those_of_sklearn() -> None:
    label, scores = drawn(3_000, sharp=2.0)
    found = calibrate(label, scores, "binary")
    fitted = LogisticRegression(C=np.inf, tol=1e-10).fit(logit(scores)[:, None], label)
    assert found is not None
    assert found.slope == pytest.approx(fitted.coef_[0, 0], abs=1e-4)
    assert found.intercept == pytest.approx(fitted.intercept_[0], abs=1e-4)
    assert found.slope_interval is not None
    assert found.slope_interval[1] < 1  # twice as sure as it should be


def test_a_model_that_says_the_opposite_has_a_slope_below_zero() -> None:
    label, scores = drawn(2_000)
    found = calibrate(1 - label, scores, "binary")
    assert found is not None
    assert found.slope == pytest.approx(-1, abs=0.15)


def test_the_brier_score_is_the_sum_of_its_parts() -> None:
    """Exactly, where the scores of a bin are equal (Murphy 1973)."""
    rng = np.random.default_rng(2)
    scores = rng.permutation(np.repeat([0.1, 0.5, 0.9], 400))
    label = (rng.random(1_200) < scores).astype(float)
    found = calibrate(label, scores, "binary")
    assert found is not None
    assert (found.reliability, found.resolution, found.uncertainty) != (None, None, None)
    # Bins cut a run of equal scores in no order, so the identity holds up to how those split.
    total = found.reliability - found.resolution + found.uncertainty  # type: ignore[operator]
    within = float(np.mean((scores - label) ** 2)) - total
    assert abs(within) < 0.02


def test_of_several_classes_the_chosen_one_is_judged() -> None:
    label, scores = drawn(2_000)
    sure = np.maximum(scores, 1 - scores)
    chosen = np.column_stack([1 - scores, scores])
    found = calibrate(label, chosen, "multiclass")
    right = ((scores > 0.5) == (label == 1)).astype(float)
    assert found == calibrate(right, sure, "binary")


def test_of_numbers_the_slope_is_that_of_scipy_and_the_error_is_in_deviations_of_the_label() -> None:
    rng = np.random.default_rng(4)
    truth = rng.normal(50, 10, 4_000)
    label, said = truth + rng.normal(0, 5, 4_000), truth + 3.0
    found = calibrate(label, said, "regression")
    line = stats.linregress(said, label)
    assert found is not None
    assert found.slope == pytest.approx(line.slope)
    assert found.intercept == pytest.approx(line.intercept)
    assert found.error == pytest.approx(3.0 / label.std(), rel=0.1)
    assert found.uncertainty is None


@pytest.mark.parametrize(
    ("label", "scores", "task"),
    [
        (np.ones(10), np.ones(10), "binary"),
        (np.ones(100), np.linspace(0, 2, 100), "binary"),
        (np.ones(100), np.linspace(0, 2, 100), "regression"),
        (np.ones(100), np.ones((100, 3)), "classes"),
    ],
)
def test_what_cannot_be_told_is_not(label: Floats, scores: Floats, task: str) -> None:
    """Few rows, scores that are no probabilities, labels that are all the same, classes without scores."""
    assert calibrate(label, scores, task) is None


def test_a_constant_score_has_an_error_and_no_slope() -> None:
    found = calibrate((np.arange(200) % 2).astype(float), np.full(200, 0.2), "binary")
    assert found is not None
    assert found.slope is None
    assert found.ece == pytest.approx(0.3, abs=0.05)
