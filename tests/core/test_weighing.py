"""Weighted counting: against the unweighted pass over rows repeated as often as they weigh, and NumPy's averages."""

from __future__ import annotations

import numpy as np
import polars as pl
import pytest

from retrue.core.column import SPECIALS
from retrue.core.grid import CategoricalGrid, Grid, NumericGrid
from retrue.core.state import Ints, Names
from retrue.core.weighing import weigh

RNG = np.random.default_rng(5)
N = 600
NUMBERS = np.where(RNG.random(N) < 0.2, 0.0, RNG.lognormal(size=N))
NUMBERS[:8] = [np.nan, np.inf, -np.inf, -0.0, -5.0, 99.0, np.nan, 1.5]
NUMERIC = pl.Series(NUMBERS).scatter([20, 21], None)
CATEGORIES = pl.Series(RNG.choice(["a", "b", "c", "new", "newer"], N)).scatter([3, 4], None)
GRIDS: dict[str, tuple[Grid, pl.Series]] = {
    "numeric": (NumericGrid.fit(pl.Series(RNG.lognormal(size=300))), NUMERIC),
    "categorical": (CategoricalGrid.fit(pl.Series(["a", "a", "b", "c"])), CATEGORIES),
}


def repeated(series: pl.Series, times: Ints) -> pl.Series:
    return series.gather(np.repeat(np.arange(len(series)), times))


@pytest.mark.parametrize("kind", GRIDS)
def test_whole_weights_count_like_repeated_rows(kind: str) -> None:
    grid, series = GRIDS[kind]
    times = RNG.integers(1, 6, N)
    found, expected = weigh(grid, series, times.astype(np.float64)), grid.count(repeated(series, times))
    assert found.weights.counts.tolist() == expected.counts.tolist()
    assert found.weights.special.tolist() == expected.special.tolist()
    assert found.weights.agrees(expected)
    assert found.shares == pytest.approx(expected.shares, rel=1e-12)


@pytest.mark.parametrize("kind", GRIDS)
def test_weights_of_one_read_like_none(kind: str) -> None:
    grid, series = GRIDS[kind]
    found, expected = weigh(grid, series, np.ones(N)), grid.count(series)
    assert (found.counts.tolist(), found.special.tolist()) == (expected.counts.tolist(), expected.special.tolist())
    assert (found.rows, found.n, found.stands_for, found.names) == (expected.rows, expected.n, 1.0, expected.names)
    assert found.moments.agrees(expected.moments)


@pytest.mark.parametrize("kind", GRIDS)
@pytest.mark.parametrize("scale", [1e-3, 7.5, 1e6])
def test_only_the_proportions_of_weights_are_read(kind: str, scale: float) -> None:
    grid, series = GRIDS[kind]
    weights = RNG.exponential(size=N)
    one, other = weigh(grid, series, weights), weigh(grid, series, weights * scale)
    assert other.counts == pytest.approx(one.counts, rel=1e-9)
    assert (other.n, other.moments.m2) == pytest.approx((one.n, one.moments.m2), rel=1e-9)
    assert other.stands_for == pytest.approx(one.stands_for * scale, rel=1e-9)


def test_moments_are_numpys_weighted_ones() -> None:
    weights = RNG.exponential(size=N)
    values = RNG.normal(1e6, 2.0, N)
    found = weigh(NumericGrid.fit(pl.Series(values)), pl.Series(values), weights).weights.moments
    mean = np.average(values, weights=weights)
    assert (found.n, found.mean) == pytest.approx((weights.sum(), mean), rel=1e-12)
    assert found.variance == pytest.approx(np.average((values - mean) ** 2, weights=weights), rel=1e-9)
    assert (found.min, found.max) == (values.min(), values.max())


def test_the_effective_n_is_kishs_over_all_rows() -> None:
    """Without nulls it is that of all rows."""
    weights = RNG.exponential(size=N)
    values = pl.Series(RNG.normal(size=N))
    found = weigh(NumericGrid.fit(values), values, weights)
    assert found.rows == pytest.approx(weights.sum() ** 2 / (weights**2).sum(), rel=1e-12)
    assert (found.events.sum(), found.by_event().n) == pytest.approx((N, N))


@pytest.mark.parametrize("heavy", [0, 1])
def test_a_heavy_row_makes_the_column_tell_little_whether_it_is_null_or_not(heavy: int) -> None:
    """One of 101 rows has the weight of ten others; only the smaller effective n of rows and of values is honest."""
    values = pl.Series([None, *np.linspace(0, 1, 100)])
    weights = np.ones(101)
    weights[heavy] = 1000.0
    found = weigh(NumericGrid.fit(values), values, weights)
    assert found.n < 2
    assert found.rows < 2


def test_unseen_names_are_weighed() -> None:
    grid = CategoricalGrid.fit(pl.Series(["a"]))
    found = weigh(grid, pl.Series(["a", "x", "y", "x"]), np.array([1.0, 2.0, 0.5, 1.0]))
    assert found.weights.names == Names({"x": 3.0, "y": 0.5})
    assert found.special_count(SPECIALS[0]) == 0
