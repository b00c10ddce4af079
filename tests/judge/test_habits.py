"""Habits: windows that are compared with others than their pool show how far they lie from those."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from retrue.core.column import ColumnProfile
from retrue.core.grid import NumericGrid
from retrue.core.profile import Profile
from retrue.judge.habits import Habits

N = 20_000
GRID = NumericGrid(np.concatenate([[-9.0], stats.norm.ppf(np.arange(1, 64) / 64), [9.0]]))


def window(rng: np.random.Generator, mean: float, n: int = N) -> Profile:
    """Normal numbers around a mean."""
    cumulative = stats.norm.cdf(np.concatenate([[-np.inf], GRID.cuts, [np.inf]]) - mean)
    empty = GRID.empty()
    counts = rng.multinomial(n, np.diff(cumulative))
    return Profile(n, {"x": ColumnProfile(GRID, counts, empty.special, empty.sums, empty.moments, empty.names)})


def limit(habits: Habits) -> float:
    return habits.nulls["x"].threshold(N, 1e-3)


def test_a_cycle_is_normal_against_the_training_data_and_no_excuse_against_yesterday() -> None:
    """Hours differ by half a standard deviation over the day; from one day to the next hardly at all."""
    rng = np.random.default_rng(1)
    hours = [window(rng, 0.5 * np.sin(2 * np.pi * hour / 24)) for hour in range(240)]
    yesterday = Habits(hours[24:], hours[:-24])
    assert limit(Habits(hours)) > 0.15
    assert limit(yesterday) == pytest.approx(stats.kstwobign.isf(1e-3) / np.sqrt(N / 2), rel=0.15)


def test_good_windows_off_the_reference_widen_the_threshold() -> None:
    """Production lies 0.2 standard deviations above training, and is known to be good."""
    rng = np.random.default_rng(2)
    own, good = [window(rng, 0.0) for _ in range(30)], [window(rng, 0.2) for _ in range(30)]
    reference = window(rng, 0.0, 30 * N)
    refined = Habits([*own, *good], [reference] * 60)
    assert limit(Habits(own)) < 0.03
    assert limit(refined) > 0.2 * stats.norm.pdf(0)


def test_columns_that_not_all_have_and_too_few_windows_teach_nothing() -> None:
    rng = np.random.default_rng(3)
    assert Habits([]).nulls == {}
    assert Habits([]).bad_shares == {}
    assert Habits([window(rng, 0.0)] * 3).nulls == {}
    assert Habits([window(rng, 0.0), Profile(0, {})]).bad_shares == {}
