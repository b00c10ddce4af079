"""Templates: what each shape looks like, under every noise, against plain generalised least squares."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from retrue.judge.shapes.fit import explain, fit, likelihood, principal_scores
from retrue.judge.shapes.templates import PERIODS, ShapeKind, covariances, periods, templates_for

DAY = 86_400.0


def days(numbers: NDArray[np.int64]) -> NDArray[np.float64]:
    """The seconds at which days begin."""
    return numbers.astype(np.float64) * DAY


def test_what_a_template_explains_is_what_least_squares_explains() -> None:
    """Generalised least squares with the covariance written out, for a template of every family and three noises."""
    rng, count = np.random.default_rng(0), 40
    starts, rows = days(np.sort(rng.choice(60, count, replace=False))), rng.integers(300, 3_000, count).astype(float)
    templates = templates_for(starts, rows)
    score = rng.normal(size=(count, 1))
    times = (starts - starts[0]) / np.median(np.diff(starts))
    uneven = 2.0 ** (np.round(2 * np.log2(np.median(rows) / rows)) / 2)
    known = [v for v, _ in covariances(times, uneven)]
    for at in (0, 5, 12):
        noise, root = templates.noises[at], np.linalg.cholesky(np.linalg.inv(known[at])).T
        ones = np.ones((count, 1))
        before = np.linalg.lstsq(root @ ones, root @ score, rcond=None)[1][0]
        for i, family in enumerate(templates.families):
            place = family.size // 3
            columns = np.hstack([ones, templates.columns(i, place)])
            after = np.linalg.lstsq(root @ columns, root @ score, rcond=None)[1][0]
            found = explain(family, noise.grams[i], noise.projected.T @ score)[place, 0]
            assert found in (pytest.approx(before - after, rel=1e-6, abs=1e-9), 0.0)


def test_likelihoods_are_those_of_a_normal_distribution() -> None:
    """Up to the constant, with the variance estimated but not below the floor."""
    assert likelihood(np.array([8.0]), 9, 0.1, 2.0)[0] == pytest.approx(-4.0 + 2.0)
    assert likelihood(np.array([0.0]), 9, 1.0, 0.0)[0] == 0.0


def test_periods_need_three_turns_and_short_windows() -> None:
    hours, days, weeks = 3_600.0, DAY, 7 * DAY
    assert periods(np.arange(24 * 30.0), hours) == list(PERIODS)
    assert periods(np.arange(24 * 10.0), hours) == [PERIODS[0]]
    assert periods(np.arange(30.0), days) == [PERIODS[1]]
    assert periods(np.arange(15.0), days) == []
    assert periods(np.arange(100.0), weeks) == []


def test_templates_are_shared_by_the_columns_of_a_model() -> None:
    starts, rows = days(np.arange(30)), np.full(30, 1_000.0)
    assert templates_for(starts, rows) is templates_for(starts + 7 * DAY, rows * 1.05)


def test_a_step_is_placed_where_it_is() -> None:
    starts, rows = days(np.arange(60)), np.full(60, 1_000.0)
    vectors = np.random.default_rng(0).normal(scale=0.016, size=(60, 8))
    vectors[25:, 2] += 0.1
    found = fit(principal_scores(vectors, rows, 0.00025), templates_for(starts, rows), 0.00025)
    assert (found.kind, found.start, found.stop) == (ShapeKind.SUDDEN, 25, 60)


def test_scores_that_sampling_explains_are_left_out() -> None:
    rng, noise = np.random.default_rng(0), 0.0025
    vectors = rng.normal(scale=noise**0.5, size=(200, 10))
    assert principal_scores(vectors, np.ones(200), noise).shape == (200, 1)
    vectors[:, :2] += rng.normal(scale=0.2, size=(200, 2))
    assert principal_scores(vectors, np.ones(200), noise).shape == (200, 2)
