"""KS from the grid against SciPy's on the values."""

from __future__ import annotations

import warnings

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from retrue.core.column import ColumnProfile
from retrue.core.grid import NumericGrid
from retrue.metrics.drift.ks import ks, ks_counts

VALUES = st.lists(st.floats(-10, 10) | st.sampled_from([0.0, 1.0]), min_size=1, max_size=60)


def profiles(window: np.ndarray, reference: np.ndarray, resolution: int = 512) -> tuple[ColumnProfile, ColumnProfile]:
    grid = NumericGrid.fit(pl.Series(reference, dtype=pl.Float64), resolution)
    return grid.count(pl.Series(window, dtype=pl.Float64)), grid.count(pl.Series(reference, dtype=pl.Float64))


@given(VALUES, VALUES, st.sampled_from([2, 5, 512]))
def test_the_exact_distance_lies_within_the_stated_error(
    window: list[float], reference: list[float], resolution: int
) -> None:
    """Never above, never further below than the error says, on coarse grids too. Expected: SciPy on the values."""
    found = ks(*profiles(np.array(window), np.array(reference), resolution))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # SciPy's p value of a few ties; only the statistic is wanted
        exact = stats.ks_2samp(window, reference, method="asymp").statistic
    assert found.value is not None
    assert found.error is not None
    assert found.value - 1e-12 <= exact <= found.value + found.error + 1e-12


def test_on_atoms_the_distance_is_exact() -> None:
    rng = np.random.default_rng(0)
    reference, window = rng.choice([0.0, 1.0, 2.0], 4000), rng.choice([0.0, 1.0, 2.0, 3.0], 900)
    found = ks(*profiles(window, reference))
    assert found.value == pytest.approx(stats.ks_2samp(window, reference).statistic, abs=1e-12)
    assert found.error == 0


@pytest.mark.parametrize("missing", [None, float("nan"), "x", float("-inf")])
def test_rows_that_go_missing_move_so_much_mass(missing: float | str | None) -> None:
    """0 to 50 % missing is a distance of 0.5, whatever the rest does."""
    reference = pl.Series(np.random.default_rng(0).normal(size=5_000))
    grid = NumericGrid.fit(reference)
    window = pl.Series([str(v) for v in reference[:500]] + [None if missing is None else str(missing)] * 500)
    assert ks(grid.count(window), grid.count(reference)).value == pytest.approx(0.5, abs=0.03)


@pytest.mark.parametrize("shift", [0.0, 0.1, 1.0])
def test_the_interval_holds_the_true_distance(shift: float) -> None:
    """Of 300 pairs of normal samples about 95 % of the intervals, or more, hold 2 Phi(shift / 2) - 1."""
    rng, truth = np.random.default_rng(8), 2 * stats.norm.cdf(shift / 2) - 1
    held = 0
    for _ in range(300):
        reference = rng.normal(size=1_000)
        low, high = ks(*profiles(rng.normal(shift, 1, 400), reference)).interval or (1.0, 0.0)
        held += low <= truth <= high
    assert held >= 0.93 * 300


def test_many_windows_are_measured_at_once() -> None:
    """Counts of 7 x 5 windows broadcast over one reference."""
    rng = np.random.default_rng(2)
    windows, reference = rng.integers(0, 50, (7, 5, 20)), rng.integers(1, 50, 20)
    found = ks_counts(windows, reference)
    assert found.shape == (7, 5)
    assert found[3, 2] == pytest.approx(float(ks_counts(windows[3, 2], reference)))
