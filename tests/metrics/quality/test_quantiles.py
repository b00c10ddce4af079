"""Quantiles read from the grid against NumPy's of the values."""

from __future__ import annotations

from typing import Any

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from retrue.core.grid import NumericGrid
from retrue.metrics import get
from retrue.metrics.quality.quantiles import quantile

LEVELS = {"p05": 0.05, "p25": 0.25, "median": 0.5, "p75": 0.75, "p95": 0.95}
VALUES = st.lists(st.floats(-100, 100) | st.sampled_from([0.0, 7.0]), min_size=1, max_size=60)


@pytest.mark.parametrize(("name", "q"), LEVELS.items())
@given(reference=VALUES, window=VALUES, resolution=st.sampled_from([2, 6, 512]))
def test_the_exact_quantile_lies_within_the_stated_error(
    name: str, q: float, reference: list[float], window: list[float], resolution: int
) -> None:
    """On coarse grids and out of their range too. Expected: NumPy's linear quantile."""
    grid = NumericGrid.fit(pl.Series(reference), resolution)
    found = get(name).compute(grid.count(pl.Series(window)), grid.count(pl.Series(reference)))
    assert found.value is not None
    assert found.error is not None
    assert abs(found.value - np.quantile(window, q)) <= found.error + 1e-9


@pytest.mark.parametrize("q", [0.0, 0.01, 0.5, 0.9, 1.0])
def test_on_the_reference_itself_it_is_close(q: float) -> None:
    """512 bins of a normal: within a hundredth of a standard deviation, but in the outermost bins."""
    values = np.random.default_rng(0).normal(size=50_000)
    profile = NumericGrid.fit(pl.Series(values)).count(pl.Series(values))
    assert quantile(profile, q).value == pytest.approx(np.quantile(values, q), abs=0.01)


def test_at_an_atom_it_is_exact() -> None:
    values = pl.Series([0.0] * 70 + [float(i) for i in range(30)])
    found = get("median").compute(*[NumericGrid.fit(values).count(values)] * 2)
    assert (found.value, found.error, found.interval) == (0.0, 0.0, (0.0, 0.0))


@pytest.mark.parametrize(("name", "q"), LEVELS.items())
def test_the_interval_holds_the_true_quantile(name: str, q: float) -> None:
    """Of 300 exponential samples at least 93 % of the intervals hold -ln(1 - q)."""
    rng, truth = np.random.default_rng(5), -np.log(1 - q)
    reference = pl.Series(rng.exponential(size=5_000))
    grid = NumericGrid.fit(reference)
    base, held = grid.count(reference), 0
    for _ in range(300):
        low, high = get(name).compute(grid.count(pl.Series(rng.exponential(size=400))), base).interval or (1.0, 0.0)
        held += low <= truth <= high
    assert held >= 0.93 * 300


@pytest.mark.parametrize("window", [[], [None], [float("inf")]])
def test_no_values_have_no_quantile(window: list[Any]) -> None:
    grid = NumericGrid.fit(pl.Series([1.0, 2.0]))
    found = get("median").compute(grid.count(pl.Series(window, dtype=pl.Float64)), grid.count(pl.Series([1.0])))
    assert (found.value, found.note) == (None, "no rows to measure")
