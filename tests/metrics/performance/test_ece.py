"""The expected calibration error."""

from __future__ import annotations

import numpy as np
import polars as pl
import pytest
from sklearn.calibration import calibration_curve

from retrue.core.outcome_grid import BinaryGrid, score_cuts
from retrue.metrics.performance.arrays import binary
from retrue.metrics.performance.ece import ece


@pytest.mark.parametrize("bent", [0.5, 1.0, 2.0])
def test_ten_equal_groups_are_exact(bent: float) -> None:
    """Expected: sklearn.calibration.calibration_curve with ten uniform bins, weighted by their rows."""
    rng = np.random.default_rng(8)
    scores = rng.random(3000)
    labels = rng.random(3000) < scores**bent
    rate, mean = calibration_curve(labels, scores, n_bins=10)
    weights = np.histogram(scores, 10, (0, 1))[0] / 3000
    assert ece(binary(labels, scores)).value == pytest.approx((weights * np.abs(rate - mean)).sum(), rel=1e-9)


def test_a_calibrated_score_may_have_no_error_at_all() -> None:
    """Noise alone gives 0.04 here, and the interval says that it may be nothing."""
    rng = np.random.default_rng(9)
    scores = rng.random(400)
    found = ece(binary(rng.random(400) < scores, scores))
    assert found.value is not None
    assert found.value > 0.02
    assert found.interval is not None
    assert found.interval[0] < 1e-6


def test_a_score_that_is_off_by_a_fifth_is_told_from_chance() -> None:
    rng = np.random.default_rng(10)
    scores = 0.2 + 0.6 * rng.random(1000)
    found = ece(binary(rng.random(1000) < scores - 0.2, scores))
    assert found.interval is not None
    assert 0.15 < found.interval[0] < 0.2 < found.interval[1] < 0.25


def test_the_same_counts_give_the_same_interval() -> None:
    outcome = binary([0, 1, 1, 0], scores=[0.1, 0.4, 0.7, 0.9])
    assert ece(outcome) == ece(outcome)


def test_scores_that_are_no_probabilities_are_left_out() -> None:
    grid = BinaryGrid("y", "p", None, "1", score_cuts(np.array([0.2, 0.8])))
    rows = {"y": [0, 1] * 100 + [1], "p": [0.25, 0.75] * 100 + [3.0]}
    found = ece(grid.count(pl.DataFrame(rows)))
    assert found.value == 0.25
    assert found.note == "1 of 201 rows have a score outside 0 to 1 and are left out"


def test_a_reference_without_probabilities_has_no_calibration() -> None:
    grid = BinaryGrid("y", "p", None, "1", score_cuts(np.array([-2.0, 5.0])))
    found = ece(grid.count(pl.DataFrame({"y": [0, 1], "p": [0.25, 0.75]})))
    assert found.value is None
    assert found.note == "the reference's scores are no probabilities: they reach outside 0 to 1"
