"""The hierarchical null: false alarms stay near the budget when windows wander, and real changes are still seen."""

import time

import numpy as np
import pytest
from scipy import stats

from retrue.judge.distance import JS, KS, Counts, Distance
from retrue.judge.null import MIN_WINDOWS, Null

BINS = 64


def world(rng: np.random.Generator, windows: int, n: int, sd: float, rho: float = 0.0) -> Counts:
    """Windows of a normal column whose mean wanders by `sd`, on bins of equal mass."""
    mean, means = 0.0, []
    for step in rng.normal(size=windows):
        mean = rho * mean + np.sqrt(1 - rho**2) * step
        means.append(mean)
    cuts = stats.norm.ppf(np.arange(1, BINS) / BINS)
    cumulative = stats.norm.cdf(cuts[None, :] - sd * np.array(means)[:, None])
    edges = np.hstack([np.zeros((windows, 1)), cumulative, np.ones((windows, 1))])
    return np.asarray(rng.multinomial(n, np.diff(edges)))


def episodes(alarms: np.ndarray) -> int:
    return int((np.diff(np.r_[0, alarms.astype(int)]) == 1).sum())


@pytest.mark.parametrize("sd", [0.0, 0.03, 0.1])
@pytest.mark.parametrize("n", [2_000, 20_000])
def test_false_alarms_stay_near_a_budget_of_one(sd: float, n: int) -> None:
    rng = np.random.default_rng(11)
    false = 0
    for _ in range(10):
        history, month = world(rng, 100, n, sd), world(rng, 720, n, sd)
        null = Null.learn(KS, history)
        assert null is not None
        false += episodes(KS.counts(month, history.sum(axis=0)) > null.threshold(n, 1 / (10 * 720)))
    assert false <= 5  # a Poisson of mean 1 exceeds 5 once in 1,700; chance alone raised hundreds at sd 0.1


def test_chance_alone_would_alarm_hundreds_of_times_on_the_same_windows() -> None:
    rng = np.random.default_rng(11)
    history, month = world(rng, 100, 20_000, 0.1), world(rng, 720, 20_000, 0.1)
    reference = history.sum(axis=0)
    assert episodes(KS.counts(month, reference) > KS.chance(month[0], reference, 1 / 7200)) > 50


def test_a_shift_beyond_the_wander_is_seen() -> None:
    rng = np.random.default_rng(5)
    history = world(rng, 100, 5_000, 0.03)
    null = Null.learn(KS, history)
    moved = rng.multinomial(
        5_000, np.diff(stats.norm.cdf(np.r_[-9, stats.norm.ppf(np.arange(1, BINS) / BINS) - 0.3, 9]))
    )
    assert null is not None
    assert KS.counts(moved, history.sum(axis=0)) > null.threshold(5_000, 1e-4)


def test_categories_that_wander_keep_the_budget_too() -> None:
    rng = np.random.default_rng(2)
    shares = rng.dirichlet(np.full(30, 2.0))

    def draw(windows: int) -> Counts:
        return np.stack([rng.multinomial(3_000, p) for p in rng.dirichlet(shares * 300, size=windows)])

    history, month = draw(120), draw(720)
    null = Null.learn(JS, history)
    assert null is not None
    threshold = null.threshold(3_000, 1e-4)
    assert sum(JS.counts(null.fold(window), null.fold(history.sum(axis=0))) > threshold for window in month) <= 3


def test_similar_days_know_less_and_widen_the_threshold() -> None:
    rng = np.random.default_rng(4)
    free, bound = (Null.learn(KS, world(rng, 60, 20_000, 0.1, rho)) for rho in (0.0, 0.9))
    assert free is not None
    assert bound is not None
    assert bound.wander.effective < free.wander.effective / 2
    assert bound.threshold(20_000, 1e-4) > free.threshold(20_000, 1e-4)


def test_too_few_windows_teach_nothing() -> None:
    assert Null.learn(KS, np.ones((MIN_WINDOWS - 1, 4), int)) is None
    assert Null.learn(KS, np.zeros((50, 4), int)) is None


@pytest.mark.parametrize("distance", [KS, JS])
def test_constant_and_single_row_windows_are_no_trouble(distance: Distance) -> None:
    for history in (np.tile([0, 5, 0], (20, 1)), np.eye(3, dtype=int)[np.arange(20) % 3]):
        null = Null.learn(distance, history)
        assert null is not None
        assert 0 <= null.threshold(1, 1e-4) <= 1


def test_equal_histories_give_equal_thresholds_and_larger_windows_smaller_ones() -> None:
    history = world(np.random.default_rng(9), 50, 1_000, 0.02)
    one, two = Null.learn(KS, history), Null.learn(KS, history.copy())
    assert one is not None
    assert two is not None
    assert one.digest == two.digest
    assert one.threshold(777, 1e-4) == two.threshold(777, 1e-4)
    thresholds = [one.threshold(n, 1e-4) for n in (100, 150, 1_000, 1_100, 40_000)]
    assert thresholds == sorted(thresholds, reverse=True)


def test_a_threshold_costs_microseconds_once_it_is_known() -> None:
    null = Null.learn(KS, world(np.random.default_rng(9), 50, 1_000, 0.02))
    assert null is not None
    null.threshold(900, 1e-4)
    start = time.process_time()
    for n in range(600, 1_000):
        null.threshold(n, 1e-4)
    assert (time.process_time() - start) / 400 < 0.02  # learning one takes a second


@pytest.mark.parametrize("alpha", [1e-2, 1e-4, 3e-6])
def test_without_wander_the_simulation_gives_kolmogorov_s_law(alpha: float) -> None:
    """SciPy's law of the largest gap of a Brownian bridge, far beyond what 4,000 draws could show by themselves."""
    null = Null.learn(KS, world(np.random.default_rng(1), 200, 100_000, 0.0))
    assert null is not None
    assert len(null.wander.loadings) == 0
    expected = stats.kstwobign.isf(alpha) / np.sqrt(1_000)
    assert null.threshold(1_000, alpha) == pytest.approx(expected, rel=0.06)


@pytest.mark.parametrize("alpha", [1e-2, 1e-4, 3e-6])
def test_without_wander_categories_follow_a_chi_square(alpha: float) -> None:
    shares = np.array([0.4, 0.3, 0.2, 0.1])
    null = Null.learn(JS, np.random.default_rng(1).multinomial(100_000, shares, size=100))
    assert null is not None
    expected = np.sqrt(stats.chi2.isf(alpha, 3) / (8 * 10_000 * np.log(2)))
    assert null.threshold(10_000, alpha) == pytest.approx(expected, rel=0.05)


@pytest.mark.parametrize("alpha", [1e-2, 1e-4, 3e-6])
def test_where_windows_wander_by_more_than_chance_the_law_is_that_of_the_wander(alpha: float) -> None:
    """A mean that wanders by s moves the distribution function by at most s phi(0); 2,000 windows know s."""
    null = Null.learn(KS, world(np.random.default_rng(1), 2_000, 1_000_000, 0.1))
    assert null is not None
    expected = 0.1 * stats.norm.pdf(0) * stats.norm.isf(alpha / 2)
    assert null.threshold(1_000_000, alpha) == pytest.approx(expected, rel=0.1)


def days_of_weather(rng: np.random.Generator, days: int) -> Counts:
    """Days that fill a few bins of a season's 64 each, the more often the further out they are."""
    middle = rng.normal(32, 10, size=days).clip(2, 61)
    return np.stack([rng.multinomial(1000, stats.norm.pdf(np.arange(64), m, 1.5) / 1.0001) for m in middle])


@pytest.mark.parametrize("distance", [KS, JS])
def test_windows_that_fill_few_bins_keep_the_budget_too(distance: Distance) -> None:
    """Shares that leave 0 to 1 can't be simulated as effects: categories are held to their own distances."""
    rng = np.random.default_rng(3)
    history, month = days_of_weather(rng, 60), days_of_weather(rng, 300)
    null = Null.learn(distance, history)
    assert null is not None
    assert (null.usual is not None) is (distance is JS)
    distances = distance.counts(null.fold(month), null.fold(history.sum(axis=0)))
    assert (distances > null.threshold(1000, 1e-3)).sum() <= 3


def test_windows_that_wander_as_simulated_keep_the_simulated_threshold() -> None:
    null = Null.learn(KS, world(np.random.default_rng(1), 60, 2_000, 0.05))
    assert null is not None
    assert null.usual is None
    assert null.constant == 0


def test_it_remembers_how_often_windows_held_one_value() -> None:
    weekdays = np.eye(7, dtype=int)[np.arange(28) % 7] * 500
    null = Null.learn(JS, weekdays)
    assert null is not None
    assert null.constant == 1
