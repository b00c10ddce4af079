"""Wasserstein from counts and bin sums against SciPy's on the values."""

from __future__ import annotations

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from retrue.core.column import ColumnProfile
from retrue.core.grid import NumericGrid
from retrue.metrics import Measure
from retrue.metrics.drift.wasserstein import wasserstein, wasserstein_counts

VALUES = st.lists(st.floats(-10, 10).map(lambda v: round(v, 3)), min_size=2, max_size=60)


def profiles(window: np.ndarray, reference: np.ndarray, resolution: int = 512) -> tuple[ColumnProfile, ColumnProfile]:
    grid = NumericGrid.fit(pl.Series(reference, dtype=pl.Float64), resolution)
    return grid.count(pl.Series(window, dtype=pl.Float64)), grid.count(pl.Series(reference, dtype=pl.Float64))


def exact(window: np.ndarray, reference: np.ndarray) -> float:
    return float(stats.wasserstein_distance(window, reference) / np.std(reference))


@given(VALUES, VALUES, st.sampled_from([2, 5, 512]))
def test_the_exact_distance_lies_between_the_value_and_its_error(
    window: list[float], reference: list[float], resolution: int
) -> None:
    """A lower bound with a stated error, whatever the values and however coarse the grid. Expected: SciPy."""
    found = wasserstein(*profiles(np.array(window), np.array(reference), resolution))
    if np.std(reference) == 0:
        return
    truth = exact(np.array(window), np.array(reference))
    assert found.value is not None
    assert found.error is not None
    assert found.value <= truth * (1 + 1e-9) + 1e-9
    assert truth <= (found.value + found.error) * (1 + 1e-9) + 1e-9


@pytest.mark.parametrize("shift", [0.1, 0.5, 2.0])
@pytest.mark.parametrize("offset", [0.0, 1.7e9])
def test_a_shift_on_light_tails_is_exact_to_a_thousandth(shift: float, offset: float) -> None:
    """Also for values as far from zero as dates in seconds are."""
    rng = np.random.default_rng(4)
    reference, window = rng.normal(offset, 1, 50_000), rng.normal(offset + shift, 1, 50_000)
    found = wasserstein(*profiles(window, reference)).value
    assert found == pytest.approx(exact(window, reference), rel=1e-3)


def test_out_of_range_values_count_with_their_true_distance() -> None:
    """A tenth of the rows at 1,000 standard deviations: SciPy's hundred, although the grid ends at four."""
    reference = np.random.default_rng(4).normal(size=10_000)
    window = np.concatenate([reference[:9_000], np.full(500, 1_000.0), np.full(500, -1_000.0)])
    assert wasserstein(*profiles(window, reference)).value == pytest.approx(exact(window, reference), rel=1e-6)


def test_heavy_tails_are_told() -> None:
    """The widest bins of a lognormal hold much of its spread: the value says that it is a lower bound."""
    rng = np.random.default_rng(4)
    found = wasserstein(*profiles(rng.lognormal(0.02, 1.5, 20_000), rng.lognormal(0, 1.5, 20_000)))
    assert found.note is not None
    assert "a lower bound: heavy tails" in found.note


@pytest.mark.parametrize(
    ("reference", "window", "value", "note"),
    [
        ([3.0, 3.0], [3.0], 0.0, None),
        ([3.0, 3.0], [4.0], None, "the reference is constant; values moved by 1"),
        ([3.0, 4.0], [], None, "no rows to measure"),
        ([], [1.0], None, "no rows to measure"),
        ([1e308, -1e308], [1e308], None, "values too large for sums"),
    ],
)
def test_what_has_no_unit_has_no_value(
    reference: list[float], window: list[float], value: float | None, note: str | None
) -> None:
    found = wasserstein(*profiles(np.array(window), np.array(reference)))
    assert isinstance(found, Measure)
    assert (found.value, found.note) == (value, note)


def test_many_windows_are_measured_at_once() -> None:
    rng = np.random.default_rng(2)
    reference = rng.normal(size=1_000)
    grid = NumericGrid.fit(pl.Series(reference), 16)
    parts = [grid.count(pl.Series(rng.normal(mean, 1, 300))) for mean in (0, 0.5, 1)]
    counts, sums = np.stack([p.counts for p in parts]), np.stack([p.sums for p in parts])
    base = grid.count(pl.Series(reference))
    together = wasserstein_counts(grid.cuts, counts, sums, base.counts, base.sums)
    alone = [float(wasserstein_counts(grid.cuts, p.counts, p.sums, base.counts, base.sums)) for p in parts]
    assert together.tolist() == pytest.approx(alone)
