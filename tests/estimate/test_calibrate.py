"""Calibration: from scores to chances, learned on the reference, never read in-sample."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.isotonic import IsotonicRegression
from sklearn.linear_model import LogisticRegression

from retrue.estimate.calibrate import calibrate, calibrate_bins, expits, isotonic, logits, platt, split, thinned
from retrue.metrics.performance.arrays import binary


def test_the_curve_is_that_of_scikit_learn() -> None:
    rng = np.random.default_rng(1)
    score, weight = rng.random(500), rng.random(500)
    label = (rng.random(500) < score**2).astype(float)
    at = np.linspace(-0.5, 1.5, 99)
    theirs = IsotonicRegression(out_of_bounds="clip").fit(score, label, sample_weight=weight).predict(at)
    assert isotonic(score, label, weight)(at) == pytest.approx(theirs)


def test_a_row_of_the_reference_is_never_judged_by_a_curve_that_saw_it() -> None:
    """Labels at random: in-sample a score of many values would seem to tell something, out of sample it doesn't."""
    rng = np.random.default_rng(2)
    score, label, folds = rng.random(3_000), rng.integers(0, 2, 3_000).astype(float), split(3_000)
    own = calibrate(score, label, folds).own(score, folds)
    seen = isotonic(score, label)(score)
    assert np.corrcoef(seen, label)[0, 1] > 0.02 > abs(np.corrcoef(own, label)[0, 1]) - 0.03
    for k in range(5):
        without = isotonic(score[folds != k], label[folds != k])
        assert own[folds == k] == pytest.approx(without(score[folds == k]))


@given(st.lists(st.integers(0, 500), min_size=1, max_size=20), st.integers(2, 8))
def test_folds_of_counts_add_up_and_are_always_the_same(counts: list[int], folds: int) -> None:
    parts = thinned(np.array(counts), folds)
    assert len(parts) == folds
    assert sum(parts).tolist() == counts  # type: ignore[union-attr]
    assert all((a == b).all() for a, b in zip(parts, thinned(np.array(counts), folds), strict=True))


def test_bins_calibrate_as_rows_do() -> None:
    rng = np.random.default_rng(3)
    score = rng.random(20_000)
    label = (rng.random(20_000) < score**2).astype(int)
    by_bins = calibrate_bins(binary(label, scores=score))
    at = np.linspace(0.05, 0.95, 50)
    assert by_bins(at) == pytest.approx(at**2, abs=0.08)
    by_rows = calibrate(score, label.astype(float), split(20_000))
    assert by_bins(at) == pytest.approx(by_rows(at), abs=0.05)


def test_the_line_is_that_of_a_logistic_regression() -> None:
    """With an offset z and a ridge of 2: scikit-learn on (1, z) with C = 1 / 2, its slope less 1."""
    rng = np.random.default_rng(4)
    z, weight = rng.normal(0, 1.5, 4_000), rng.random(4_000)
    label = (rng.random(4_000) < expits(0.4 + 0.7 * z)).astype(float)
    ours = platt(z, label, weight, ridge=1e-6)
    theirs = LogisticRegression(C=np.inf, tol=1e-10).fit(z[:, None], label, sample_weight=weight)
    assert (ours.shift, 1 + ours.slope) == pytest.approx((theirs.intercept_[0], theirs.coef_[0, 0]), abs=1e-4)
    assert abs(platt(z, label, weight, ridge=1e6).shift) < 1e-2, "a strong ridge holds the line where it was"


@given(st.floats(0.002, 0.998))
def test_logits_and_back(p: float) -> None:
    assert float(expits(logits(np.array([p])))[0]) == pytest.approx(p)
