"""Confidence sequences leave the truth out at some look with at most 5 %, and are no wider than is known for them."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from retrue.core.state import Floats
from retrue.refine.sequence import LEAST, Path, asymptotic, boundary, exact, rows_until, unit_reach

LOOKS = np.arange(LEAST, 3_001, 25)
TRIALS = 200


def ever_wrong(draw: Callable[[np.random.Generator], Floats], interval: Callable[[Floats], Path]) -> float:
    """How often a stream whose mean is 0 is ever said to have another, looked at 119 times."""
    rng = np.random.default_rng(7)
    return float(np.mean([interval(draw(rng)).excludes_zero.any() for _ in range(TRIALS)]))


def narrow(rng: np.random.Generator) -> Floats:
    """Small differences of like models, a few large."""
    return np.asarray(rng.choice([-1.0, -0.05, 0.05, 1.0], 3_000, p=[0.01, 0.49, 0.49, 0.01]))


def drifting(rng: np.random.Generator) -> Floats:
    """Means that go up and down, and are 0 over each turn."""
    return np.asarray(0.3 * np.sin(2 * np.pi * np.arange(3_000) / 25) + rng.choice([-0.5, 0.5], 3_000))


@pytest.mark.parametrize("draw", [narrow, drifting])
def test_peeking_at_bounded_values_is_wrong_at_most_5_percent(draw: Callable[[np.random.Generator], Floats]) -> None:
    assert ever_wrong(draw, lambda values: exact(values, LOOKS, 0.05)) <= 0.05


@pytest.mark.parametrize("name", ["normal", "student", "skewed"])
def test_peeking_at_other_values_is_wrong_at_most_5_percent(name: str) -> None:
    """With some room for 200 streams: a rate of 5 % shows 8 % or less in 97 of 100 tries."""
    draws: dict[str, Callable[[np.random.Generator], Floats]] = {
        "normal": lambda rng: rng.normal(size=3_000),
        "student": lambda rng: rng.standard_t(4, 3_000),
        "skewed": lambda rng: rng.exponential(1.0, 3_000) - 1,
    }
    assert ever_wrong(draws[name], lambda values: asymptotic(values, LOOKS, 0.05)) <= 0.08


def test_a_plain_interval_that_is_looked_at_often_is_wrong_far_more_often() -> None:
    """What the sequences are for: the same looks with 1.96 standard errors."""

    def naive(values: Floats) -> Path:
        mean = np.cumsum(values)[LOOKS - 1] / LOOKS
        reach = 1.96 / np.sqrt(LOOKS)
        return Path(LOOKS, mean, mean - reach, mean + reach)

    assert ever_wrong(lambda rng: rng.normal(size=3_000), naive) > 0.2


def test_what_is_there_is_found() -> None:
    """A gain of a fifth of a standard deviation, in 3,000 values."""
    rng = np.random.default_rng(1)
    assert asymptotic(rng.normal(0.2, 1.0, 3_000), LOOKS, 0.05).low[-1] > 0
    assert exact(rng.choice([-0.5, 0.5], 3_000, p=[0.4, 0.6]), LOOKS, 0.05).low[-1] > 0


def test_a_sequence_costs_no_more_than_is_known_of_one_look() -> None:
    """At its best place, half more than one look, and for bounded values, where no limit theorem helps, twice as much.

    One look's width is SciPy's normal quantile.
    """
    one = stats.norm.ppf(0.975) / np.sqrt(2_000)
    assert 1 < unit_reach(np.array([2_000.0]), 0.05)[0] / one < 1.6
    bounded = boundary(np.array([2_000 * 0.02]), 0.025, 2.0)[0] / 2_000
    assert 1 < bounded / (one * np.sqrt(0.02)) < 2.5


@given(st.integers(0, 10**6), st.floats(0.001, 1.0))
def test_fewer_errors_allowed_is_never_narrower(seed: int, size: float) -> None:
    values = size * np.random.default_rng(seed).choice([-1.0, 0.0, 1.0], 200)
    for interval in (exact, asymptotic):
        wide, close = (interval(values, np.array([60, 200]), alpha) for alpha in (0.01, 0.05))
        assert (wide.low <= close.low + 1e-12).all()
        assert (close.high <= wide.high + 1e-12).all()


@pytest.mark.parametrize("bounded", [True, False])
def test_how_many_rows_it_takes_is_told(bounded: bool) -> None:
    """After so many, half the width is what was asked for."""
    needed = rows_until(0.03, 0.09, 0.05, bounded=bounded)
    values = np.random.default_rng(0).choice([-0.3, 0.3], int(needed))
    looks = np.array([values.size])
    path = exact(values, looks, 0.05) if bounded else asymptotic(values, looks, 0.05)
    assert (path.high - path.low)[0] / 2 == pytest.approx(0.03, rel=0.12)
