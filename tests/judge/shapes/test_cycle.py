"""A cycle known from history explains the windows that follow it, and no others."""

from __future__ import annotations

import math
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray
from scipy import stats

from retrue.core.column import ColumnProfile
from retrue.core.grid import NumericGrid
from retrue.judge.shapes.cycle import learn_cycle

GRID = NumericGrid(np.concatenate([[-10.0], stats.norm.ppf(np.arange(1, 32) / 32), [10.0]]))
START = datetime(2026, 1, 5, tzinfo=UTC)  # a Monday
HOURS = 24 * 21


def windows(means: NDArray[np.float64], seed: int, rows: int = 800) -> list[ColumnProfile]:
    """Windows of a normal column with these means."""
    inner = stats.norm.cdf(GRID.cuts - means[:, None])
    shares = np.diff(np.hstack([np.zeros((means.size, 1)), inner, np.ones((means.size, 1))]))
    counts = np.random.default_rng(seed).multinomial(rows, shares)
    return [replace(GRID.empty(), counts=one) for one in counts]


def spans(first: int, count: int) -> list[tuple[str, str]]:
    """Hours from the start on."""
    ends = [(START + timedelta(hours=first + i)).isoformat() for i in range(count + 1)]
    return list(pairwise(ends))


def daily(first: int, count: int) -> NDArray[np.float64]:
    """A mean that is high at noon."""
    return np.asarray(0.4 * np.sin(2 * math.pi * (np.arange(first, first + count) - 6) / 24), np.float64)


def test_next_days_hours_are_explained() -> None:
    cycle = learn_cycle(windows(daily(0, HOURS), 0), spans(0, HOURS))
    assert cycle is not None
    assert cycle.periods == (86_400.0,)
    next_days = zip(windows(daily(HOURS, 96), 1), spans(HOURS, 96), strict=True)
    assert np.mean([cycle.explains(window, span) for window, span in next_days]) >= 0.9


def test_noon_at_midnight_is_not_explained() -> None:
    """The same values, half a day off."""
    cycle = learn_cycle(windows(daily(0, HOURS), 0), spans(0, HOURS))
    assert cycle is not None
    (noon,) = windows(daily(12, 1), 2)
    assert cycle.explains(noon, spans(HOURS + 12, 1)[0])
    assert not cycle.explains(noon, spans(HOURS, 1)[0])


def test_what_moves_on_top_of_the_cycle_is_not_explained() -> None:
    cycle = learn_cycle(windows(daily(0, HOURS), 0), spans(0, HOURS))
    assert cycle is not None
    shifted = zip(windows(daily(HOURS, 48) + 0.4, 3), spans(HOURS, 48), strict=True)
    assert np.mean([cycle.explains(window, span) for window, span in shifted]) <= 0.1


def test_too_few_rows_are_not_explained_away() -> None:
    cycle = learn_cycle(windows(daily(0, HOURS), 0), spans(0, HOURS))
    assert cycle is not None
    assert not cycle.explains(GRID.empty(), spans(HOURS, 1)[0])


def test_a_column_without_a_cycle_has_none() -> None:
    assert learn_cycle(windows(np.zeros(60), 0), spans(0, 60)) is None
    assert learn_cycle([], []) is None
