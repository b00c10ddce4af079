"""The counting pass gives what NumPy gives, a value at a time."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from retrue.core import count
from retrue.core.count import count_numbers, segment_sums

ANY = st.lists(st.floats(-100, 100) | st.sampled_from([np.nan, np.inf, -np.inf, -0.0]), max_size=200).map(np.array)
CUTS = st.lists(st.floats(-100, 100), max_size=20, unique=True).map(lambda c: np.unique(np.array(c, np.float64) + 0.0))


@given(ANY, CUTS)
def test_counts_and_sums_are_those_of_each_value_by_itself(values: np.ndarray, cuts: np.ndarray) -> None:
    """Expected: NumPy's searchsorted and bincount of the single values."""
    values = values.astype(np.float64)
    finite = values[np.isfinite(values)]
    bins = np.searchsorted(cuts, finite, side="right")
    found = count_numbers(values, cuts)
    np.testing.assert_array_equal(found.counts, np.bincount(bins, minlength=cuts.size + 1))
    np.testing.assert_allclose(found.sums, np.bincount(bins, finite, minlength=cuts.size + 1), atol=1e-9)
    assert (found.nan, found.plus, found.minus) == (
        np.isnan(values).sum(),
        (values == np.inf).sum(),
        (values == -np.inf).sum(),
    )
    assert found.moments.n == finite.size


def test_blocks_change_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    """Values of three and a half blocks, specials among them, counted in blocks and at once."""
    rng = np.random.default_rng(1)
    values = rng.normal(size=3 * count.BLOCK + count.BLOCK // 2)
    values[::1000], values[1::1000], values[2::1000] = np.nan, np.inf, -np.inf
    cuts = np.linspace(-2, 2, 50)
    parts = count_numbers(values, cuts)
    monkeypatch.setattr(count, "BLOCK", values.size)
    whole = count_numbers(values, cuts)
    np.testing.assert_array_equal(parts.counts, whole.counts)
    np.testing.assert_allclose(parts.sums, whole.sums, rtol=1e-9, atol=1e-9)
    assert parts.moments.agrees(whole.moments)
    assert parts[3:] == whole[3:]


def test_a_value_on_a_cut_belongs_above_it() -> None:
    assert count_numbers(np.array([1.0, np.nextafter(1.0, 0)]), np.array([1.0])).counts.tolist() == [1, 1]


def test_minus_zero_lies_where_zero_lies() -> None:
    assert count_numbers(np.array([-0.0, 0.0]), np.array([0.0, 1.0])).counts.tolist() == [0, 2, 0]


def test_the_values_are_left_in_their_order() -> None:
    values = np.array([3.0, 1.0, 2.0])
    count_numbers(values, np.array([1.5]))
    assert values.tolist() == [3.0, 1.0, 2.0]


def test_no_cuts_are_one_bin() -> None:
    assert count_numbers(np.array([1.0, 2.0]), np.empty(0)).counts.tolist() == [2]


def test_no_segments_have_no_sums() -> None:
    empty = np.zeros(2, np.int64)
    assert segment_sums(np.empty(0), empty, empty).tolist() == [0.0, 0.0]
