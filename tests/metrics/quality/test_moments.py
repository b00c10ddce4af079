"""Least, greatest, mean and standard deviation: exact, whatever the grid."""

from __future__ import annotations

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from retrue.core.grid import NumericGrid
from retrue.metrics import get

GRID = NumericGrid.fit(pl.Series([0.0, 1.0]))
REFERENCE = GRID.count(pl.Series([1.0, 3.0]))


@given(st.lists(st.floats(-1e6, 1e6), min_size=2, max_size=50))
def test_they_are_numpys(values: list[float]) -> None:
    window = GRID.count(pl.Series(values))
    found = {name: get(name).compute(window, REFERENCE) for name in ("min", "max", "mean", "std")}
    array = np.array(values)
    for name, measure in found.items():
        assert measure.value == pytest.approx(getattr(array, name)(), rel=1e-9, abs=1e-6)
    assert [measure.reference for measure in found.values()] == [1.0, 3.0, 2.0, 1.0]


def test_the_mean_has_the_interval_of_the_central_limit_theorem() -> None:
    """Expected: SciPy's normal interval around the mean, by its standard error."""
    values = np.random.default_rng(1).exponential(size=200)
    low, high = stats.norm.interval(0.95, values.mean(), stats.sem(values))
    assert get("mean").compute(GRID.count(pl.Series(values)), REFERENCE).interval == pytest.approx((low, high))


def test_one_value_has_a_mean_and_no_interval() -> None:
    found = get("mean").compute(GRID.count(pl.Series([4.0])), REFERENCE)
    assert (found.value, found.interval) == (4.0, None)


def test_infinities_and_nan_are_left_out() -> None:
    window = GRID.count(pl.Series([1.0, float("inf"), float("nan"), 5.0]))
    assert [get(name).compute(window, REFERENCE).value for name in ("min", "max", "mean")] == [1.0, 5.0, 3.0]
