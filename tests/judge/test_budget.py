"""From a budget to thresholds: they follow from sizes, numbers of tests, and what the reference does by itself."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from retrue.errors import ConfigError
from retrue.judge.budget import Budget, drift_threshold, share_threshold, surprise, wander_reach
from retrue.judge.distance import KS
from retrue.judge.null import Null


def test_the_budget_is_shared_by_all_tests() -> None:
    assert Budget(alarms=2).alpha(tests=1000) == 0.002


def test_one_lonely_test_is_still_held_to_five_percent() -> None:
    assert Budget(alarms=10).alpha(tests=1) == 0.05


@pytest.mark.parametrize(
    ("text", "budget"),
    [("1 per 30d", Budget(1, 30)), ("2 per week", Budget(2, 7)), (" 0.5 per 1 day ", Budget(0.5, 1))],
)
def test_a_budget_is_read_from_text(text: str, budget: Budget) -> None:
    assert Budget.parse(text) == budget
    assert Budget.parse(str(budget)) == budget


@pytest.mark.parametrize("text", ["", "often", "1", "-1 per 30d", "1 per month", "0 per 30d", "1 per 30d; x"])
def test_other_budgets_are_refused(text: str) -> None:
    with pytest.raises(ConfigError, match="budget"):
        Budget.parse(text)


@given(st.integers(1, 500), st.integers(1, 500), st.data())
def test_the_surprise_of_two_shares_is_scipys_likelihood_ratio(n: int, m: int, data: st.DataObject) -> None:
    x, y = data.draw(st.integers(0, n)), data.draw(st.integers(0, m))
    if x + y == 0 or x + y == n + m:
        assert surprise(x, n, y, m) == 0
        return
    table = [[x, n - x], [y, m - y]]
    expected = stats.chi2_contingency(table, correction=False, lambda_="log-likelihood").statistic
    assert surprise(x, n, y, m) ** 2 == pytest.approx(expected, abs=1e-6)


def test_the_share_threshold_lies_where_the_surprise_reaches_alpha() -> None:
    share = share_threshold(20, 10_000, 2_000, 1e-4)
    assert surprise(share * 2_000, 2_000, 20, 10_000) == pytest.approx(stats.norm.isf(1e-4), abs=0.01)


def test_a_share_of_a_tiny_reference_is_never_surprising() -> None:
    assert share_threshold(0, 1, 5, 1e-4) > 1
    assert share_threshold(0, 0, 5, 1e-4) > 1


def test_between_two_tables_the_floor_holds_for_large_ones_and_chance_for_small_ones() -> None:
    reference = np.full(50, 20_000)
    large = drift_threshold(KS, np.full(50, 20_000), reference, 1e-4)
    small = drift_threshold(KS, np.full(50, 4), reference, 1e-4)
    assert large.value == large.floor == 0.05
    assert small.value == small.chance > 0.1
    assert large.because == "the smallest change worth telling"
    assert small.because == "chance explains"


def test_a_wandering_reference_widens_the_threshold_and_says_so() -> None:
    rng = np.random.default_rng(1)
    history = np.stack([rng.multinomial(5000, p) for p in rng.dirichlet(np.full(10, 50), size=60)])
    reference = history.sum(axis=0)
    threshold = drift_threshold(KS, history[0], reference, 1e-4, null=Null.learn(KS, history))
    assert threshold.value == threshold.wander
    assert threshold.value > 2 * threshold.chance
    assert "own variation" in threshold.because


def test_the_reach_of_a_calm_figure_is_the_normal_quantile() -> None:
    rng = np.random.default_rng(0)
    values = rng.normal(0.8, 0.005, size=60)
    reach = wander_reach(values, np.full(60, 0.02), 0.02, 1e-3)
    assert reach == pytest.approx(0.02 * stats.norm.isf(1e-3))


def test_a_restless_figure_reaches_further() -> None:
    values = np.random.default_rng(0).normal(0.8, 0.05, size=60)
    reach = wander_reach(values, np.full(60, 0.005), 0.005, 1e-3)
    assert reach is not None
    assert reach > 0.05 * stats.norm.isf(1e-3) * 0.8


def test_a_handful_of_windows_says_nothing_about_habits() -> None:
    assert wander_reach(np.ones(5), np.ones(5), 1.0, 0.01) is None
    assert wander_reach(np.full(20, math.nan), np.ones(20), 1.0, 0.01) is None
