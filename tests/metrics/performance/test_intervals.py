"""Intervals against SciPy and published figures."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from retrue.core.state import Sums
from retrue.metrics.performance.intervals import (
    of_difference,
    of_fraction,
    of_logit,
    of_mean,
    of_positive,
    student,
    wilson,
)


@pytest.mark.parametrize(("hits", "n"), [(0, 1), (1, 1), (0, 40), (40, 40), (3, 7), (50_000, 100_000)])
def test_a_share_has_wilsons_interval(hits: int, n: int) -> None:
    """Expected: scipy.stats.binomtest, method "wilson"."""
    expected = stats.binomtest(hits, n).proportion_ci(method="wilson")
    assert wilson(hits, n) == pytest.approx((expected.low, expected.high), abs=1e-12)


def test_a_share_of_nothing_has_no_interval() -> None:
    assert wilson(0, 0) is None


@pytest.mark.parametrize("degrees", [1, 2, 3, 4, 5, 8, 13, 30, 100, 10_000])
def test_students_quantile_is_right_to_a_thousandth(degrees: int) -> None:
    """Expected: scipy.stats.t; three degrees are the worst."""
    assert student(degrees) == pytest.approx(stats.t.ppf(0.975, degrees), rel=3e-3 if degrees == 3 else 1e-3)


def test_without_degrees_of_freedom_nothing_is_known() -> None:
    assert student(0) == float("inf")
    assert of_logit(0.7, 0.01, 1) == pytest.approx((0.0, 1.0), abs=1e-12)


def test_a_mean_has_students_interval() -> None:
    values = np.random.default_rng(1).normal(5, 2, 40)
    expected = stats.t.interval(0.95, 39, values.mean(), stats.sem(values))
    assert of_mean(Sums.of(values)) == pytest.approx(expected, rel=1e-4)


def test_a_mean_that_cannot_be_negative_has_no_negative_end() -> None:
    found = of_mean(Sums.of(np.array([0.0, 0.0, 5.0])), low=0.0)
    assert found is not None
    assert found[0] == 0.0


def test_one_value_has_no_interval() -> None:
    assert of_mean(Sums.of(np.array([3.0]))) is None
    assert of_positive(3.0, 0.0, 1) is None


def test_an_average_as_variable_as_a_share_has_the_shares_interval() -> None:
    assert of_fraction(0.3, 0.3 * 0.7 / 50, 50) == pytest.approx(wilson(15, 50))


def test_an_average_that_never_varied_is_not_certain() -> None:
    """30 lists that all score 1 have the interval of 30 hits of 30."""
    assert of_fraction(1.0, 0.0, 30) == wilson(30, 30)


def test_logit_intervals_stay_within_0_and_1() -> None:
    found = of_logit(0.99, 0.01, 20)
    assert found is not None
    assert 0 < found[0] < 0.99 < found[1] < 1


@pytest.mark.parametrize(
    ("a", "m", "b", "n", "low", "high"),
    [
        (56, 70, 48, 80, 0.0524, 0.3339),
        (9, 10, 3, 10, 0.1705, 0.8090),
        (6, 7, 2, 7, 0.0582, 0.8062),
        (5, 56, 0, 29, -0.0381, 0.1926),
        (0, 10, 0, 20, -0.1611, 0.2775),
        (10, 10, 0, 20, 0.6791, 1.0000),
    ],
)
def test_differences_of_shares_match_newcombe(a: int, m: int, b: int, n: int, low: float, high: float) -> None:
    """Expected: Newcombe (1998), "Interval estimation for the difference ...", table II, method 10."""
    of_a, of_b = wilson(a, m), wilson(b, n)
    assert of_a is not None
    assert of_b is not None
    assert of_difference(a / m, of_a, b / n, of_b) == pytest.approx((low, high), abs=6e-5)
