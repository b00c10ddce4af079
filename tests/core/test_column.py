"""Column profiles add up, subtract, and refuse what doesn't belong to them."""

from __future__ import annotations

import numpy as np
import polars as pl
import pytest

from retrue.core.column import ColumnProfile, prefixed, within
from retrue.core.grid import CategoricalGrid, NumericGrid
from retrue.core.state import Floats, Ints, Moments
from retrue.errors import ProfileError

GRID = NumericGrid.fit(pl.Series(np.arange(10.0)))


def test_hours_make_a_day() -> None:
    """Counts to the last bit, sums to rounding: 24 parts of 10,000 values against all of them at once."""
    values = pl.Series(np.random.default_rng(3).normal(4, 3, 10_000))
    hours = [GRID.count(values[i::24]) for i in range(24)]
    day = sum(hours[1:], hours[0])
    assert day.agrees(GRID.count(values))
    np.testing.assert_array_equal(day.counts, GRID.count(values).counts)


def test_shares_are_of_all_rows_and_add_up_to_one() -> None:
    profile = GRID.count(pl.Series([1.0, None, 2.0, 99.0]))
    assert profile.shares.sum() == pytest.approx(1)
    assert profile.shares[GRID.bins] == 0.25
    assert GRID.empty().shares.sum() == 0


def test_a_window_that_is_taken_away_is_gone() -> None:
    a, b = GRID.count(pl.Series([1.0, 2.0, None])), GRID.count(pl.Series([3.0, np.nan, 42.0]))
    left = (a + b).subtract(b)
    np.testing.assert_array_equal(left.counts, a.counts)
    np.testing.assert_array_equal(left.special, a.special)
    assert left.moments.n == 2
    assert left.moments.mean == pytest.approx(1.5)


def test_profiles_on_different_grids_do_not_add_up() -> None:
    other = NumericGrid.fit(pl.Series([1.0, 5.0])).empty()
    with pytest.raises(ProfileError, match="different grids"):
        GRID.empty() + other
    with pytest.raises(ProfileError, match="different grids"):
        GRID.empty().subtract(other)


def test_equal_grids_are_one_grid() -> None:
    again = NumericGrid(GRID.cuts.copy())
    assert (GRID.count(pl.Series([1.0])) + again.count(pl.Series([2.0]))).n == 2


def test_the_wrong_number_of_counts_is_refused() -> None:
    fields = GRID.empty().content() | {"counts": np.zeros(3, np.int64)}
    with pytest.raises(ProfileError, match="3 counts: expected 21"):
        ColumnProfile.from_content(GRID, fields)


def test_profiles_agree_only_where_everything_does() -> None:
    one = GRID.count(pl.Series([1.0, 2.0]))
    assert one.agrees(GRID.count(pl.Series([2.0, 1.0])))
    assert not one.agrees(GRID.count(pl.Series([1.0, 3.0])))
    assert not one.agrees(GRID.count(pl.Series([1.0, 2.0, None])))
    assert not one.agrees(Moments())
    category = CategoricalGrid.fit(pl.Series(["a"]))
    assert not category.count(pl.Series(["x"])).agrees(category.count(pl.Series(["y"])))


def test_huge_values_agree_with_themselves() -> None:
    """Their sums overflow to infinity, and are still the same."""
    largest = np.finfo(np.float64).max
    assert GRID.count(pl.Series([largest, largest])).agrees(GRID.count(pl.Series([largest, largest])))


def test_a_prefix_is_put_on_and_taken_off() -> None:
    fields: dict[str, Ints | Floats | list[str]] = {"counts": np.array([1]), "a/b": ["x"]}
    assert within("p/q", prefixed("p/q", fields)) == fields
