"""What one would say without a model: nothing that wasn't known at the time; and how long answers take."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from retrue.core.state import Floats
from retrue.refine.prove import Past, baselines, pace
from retrue.refine.prove.baselines import DAY, HOUR, last_label, season_before
from retrue.refine.prove.pace import median_interval


def numbers(*values: float) -> Floats:
    """An array."""
    return np.array(values, np.float64)


def test_the_usual_is_the_share_the_shares_or_the_median() -> None:
    none = Past(numbers(), numbers(), numbers())
    assert baselines(numbers(0, 0, 1), none, numbers(5, 6), 2)["the usual"].tolist() == pytest.approx([1 / 3] * 2)
    assert baselines(numbers(0, 2, 2, 1), none, numbers(5), 3)["the usual"].tolist() == [[0.25, 0.25, 0.5]]
    assert baselines(numbers(1, 2, 30), none, numbers(5), 0)["the usual"].tolist() == [2.0]


def test_the_last_label_is_the_one_that_came_last_before_the_event() -> None:
    """The label of the event at 2 came at 9, after that of the event at 3."""
    past = Past(numbers(1, 2, 3), numbers(4, 9, 5), numbers(10, 20, 30))
    said = last_label(past, numbers(3, 4, 4.5, 6, 10), 0)
    np.testing.assert_array_equal(said, [np.nan, np.nan, 10, 30, 20])


@given(st.integers(0, 1_000), st.integers(1, 40))
def test_no_baseline_uses_a_label_that_came_later(seed: int, n: int) -> None:
    """Whatever labels come at or after the last event that is asked about, the answers stay."""
    rng = np.random.default_rng(seed)
    time = np.sort(rng.uniform(0, 5 * DAY, n))
    known, label, asked = time + rng.exponential(DAY / 4, n), rng.normal(size=n), np.sort(rng.uniform(0, 6 * DAY, 5))
    changed = np.where(known >= asked.max(), 1e9, label)
    before, after = Past(time, known, label), Past(time, known, changed)
    np.testing.assert_allclose(last_label(before, asked, 0), last_label(after, asked, 0))
    np.testing.assert_allclose(season_before(before, asked, DAY, 0), season_before(after, asked, DAY, 0), atol=1e-6)


def test_a_day_before_is_the_mean_of_the_hour_then() -> None:
    """Half an hour to either side."""
    time = numbers(10 * HOUR, 10.4 * HOUR, 11 * HOUR)
    past = Past(time, time + HOUR, numbers(1, 3, 100))
    said = season_before(past, numbers(DAY + 10.2 * HOUR, DAY + 20 * HOUR), DAY, 0)
    np.testing.assert_allclose(said, [2.0, np.nan])


@pytest.mark.parametrize(
    ("late", "names"),
    [(1, "a day before"), (30, "a week before"), (24 * 20, "four weeks before"), (24 * 40, None)],
)
def test_the_season_is_the_shortest_in_which_labels_come(late: float, names: str | None) -> None:
    time = np.arange(100.0) * HOUR
    found = baselines(numbers(1), Past(time, np.asarray(time + late * HOUR), np.ones(100)), time, 0)
    assert list(found)[2:] == ([] if names is None else [names])


def test_the_ratio_is_taken_turn_by_turn() -> None:
    """A machine that is ten times slower in some turns slows both."""
    slow = np.where(np.arange(40) % 3 == 0, 10.0, 1.0)
    found = pace((slow.tolist(), (2 * slow).tolist()), ([1.0], [3.0]), batch=100, sizes=(5, 7))
    assert (found.ratio, found.interval, found.turns) == (2.0, (2.0, 2.0), 40)
    assert (found.champion_batch, found.challenger_batch) == (1.0, 3.0)
    assert pace(([], [1.0]), ([], [1.0]), batch=1, sizes=(None, 7)).ratio is None


def test_the_interval_of_a_median_holds_it_as_often_as_it_says() -> None:
    """By the binomial distribution: the median lies below the k-th of n values as often as a coin says so."""
    low, high = median_interval([float(i) for i in range(41)])
    inside = stats.binom(41, 0.5).cdf(high) - stats.binom(41, 0.5).cdf(low)
    assert 0.94 < inside < 0.99
