"""The smallest states: moments, sums and names."""

from __future__ import annotations

from collections import Counter

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from retrue.core.state import NAMES_KEPT, RELATIVE, Moments, Names, State, Sums, same
from retrue.errors import ProfileError

VALUES = st.lists(st.floats(-1e6, 1e6), min_size=1, max_size=50).map(np.array)
LARGEST = float(np.finfo(np.float64).max)


class TestMoments:
    @given(VALUES, VALUES)
    def test_parts_give_the_moments_of_the_whole(self, a: np.ndarray, b: np.ndarray) -> None:
        """NumPy's mean, variance, minimum and maximum of all values together."""
        found, whole = Moments.of(a) + Moments.of(b), np.concatenate([a, b])
        assert (found.n, found.min, found.max) == (whole.size, whole.min(), whole.max())
        assert found.mean == pytest.approx(whole.mean(), rel=1e-9, abs=1e-6)
        assert found.variance == pytest.approx(whole.var(), rel=1e-6, abs=1e-4)

    def test_a_large_offset_costs_no_precision(self) -> None:
        """A variance of 0.25 on values near 10^9: a naive sum of squares would have lost all of its digits."""
        values = 1e9 + np.tile([0.0, 1.0], 500)
        found = Moments.of(values[:300]) + Moments.of(values[300:])
        assert found.variance == pytest.approx(0.25, rel=1e-9)

    def test_nothing_has_no_mean(self) -> None:
        assert (Moments().variance, Moments().std, Moments.of(np.empty(0))) == (None, None, Moments())

    def test_subtracting_leaves_what_was_there(self) -> None:
        a, b = np.array([1.0, 5.0, 9.0]), np.array([2.0, 2.5])
        left = (Moments.of(a) + Moments.of(b)).subtract(Moments.of(b))
        assert left.n == 3
        assert left.mean == pytest.approx(5.0)
        assert left.variance == pytest.approx(a.var())

    def test_subtracting_everything_leaves_nothing(self) -> None:
        one = Moments.of(np.array([4.0, 4.5]))
        assert one.subtract(one) == Moments()

    def test_minus_zero_is_zero(self) -> None:
        assert str(Moments.of(np.array([-0.0])).min) == "0.0"

    def test_values_near_the_largest_float_have_a_mean(self) -> None:
        """Their sum and squares overflow, silently; the mean doesn't, in whatever parts they come."""
        both = Moments.of(np.array([LARGEST, -LARGEST / 2]))
        parts = Moments.of(np.array([LARGEST])) + Moments.of(np.array([-LARGEST / 2]))
        assert (both.mean, both.m2, parts.mean) == (LARGEST / 4, np.inf, LARGEST / 4)
        assert both.agrees(parts)

    def test_other_moments_do_not_agree(self) -> None:
        one = Moments.of(np.array([1.0, 2.0, 3.0]))
        assert not one.agrees(Moments.of(np.array([1.0, 2.1, 3.0])))
        assert not one.agrees(Sums.of(np.array([1.0, 2.0, 3.0])))


class TestSums:
    @given(VALUES)
    def test_mean_and_standard_error_are_scipys(self, values: np.ndarray) -> None:
        found = Sums.of(values)
        assert found.mean == pytest.approx(values.mean(), abs=1e-6)
        if values.size > 1:
            assert found.standard_error == pytest.approx(stats.sem(values), rel=1e-3, abs=0.05)

    def test_few_values_say_little(self) -> None:
        assert (Sums().mean, Sums().standard_error, Sums.of(np.array([3.0])).standard_error) == (None, None, None)


class TestNames:
    @given(st.lists(st.lists(st.sampled_from("abcdefgh"), max_size=30), max_size=6))
    def test_few_names_are_counted_exactly(self, parts: list[list[str]]) -> None:
        found = sum((Names() + Names(Counter(part)) for part in parts), Names())
        assert dict(found.counts) == dict(Counter(name for part in parts for name in part))
        assert found.lost == 0

    @given(st.lists(st.integers(0, 10_000), min_size=1, max_size=2_000))
    def test_many_names_are_too_low_by_at_most_what_was_lost(self, values: list[int]) -> None:
        """Agarwal et al. 2012: no count is too high, each is too low by at most `lost`, which is below n / 256."""
        exact = Counter(map(str, values + [7] * 500))
        items = list(exact.elements())
        parts = [items[i::5] for i in range(5)]
        found = sum((Names() + Names(Counter(part)) for part in parts), Names())
        assert len(found.counts) <= NAMES_KEPT
        assert found.lost <= len(items) / NAMES_KEPT
        assert all(0 <= exact[name] - found.counts.get(name, 0) <= found.lost for name in exact)

    def test_the_most_frequent_come_first_and_ties_by_name(self) -> None:
        assert list((Names() + Names({"b": 1, "c": 3, "a": 1})).counts) == ["c", "a", "b"]

    def test_a_name_that_was_taken_away_is_gone(self) -> None:
        assert (Names({"a": 2, "b": 1}).subtract(Names({"b": 1}))).counts == {"a": 2}


def test_two_states_of_one_name_are_refused() -> None:
    with pytest.raises(ProfileError, match="two states are called 'moments'"):
        type("Impostor", (State,), {"state": "moments"})


@pytest.mark.parametrize(
    ("a", "b", "alike"),
    [
        (np.array([1.0, 1e-12]), np.array([1.0, 0.0]), True),
        (np.array([1.0]), np.array([1.0 + 1e-6]), False),
        (np.array([1]), np.array([2]), False),
        (np.array([1.0]), np.array([1.0, 2.0]), False),
        (np.array([np.nan, np.inf]), np.array([np.nan, np.inf]), True),
        (["a"], ["a"], True),
        (["a"], ["b"], False),
        (["1"], np.array([1]), False),
    ],
)
def test_fields_compare_exactly_but_for_the_rounding_of_floats(a: object, b: object, *, alike: bool) -> None:
    assert same(a, b) is alike  # type: ignore[arg-type]
    assert RELATIVE == 1e-9


@given(VALUES, VALUES)
def test_minus_takes_away_what_plus_added(a: np.ndarray, b: np.ndarray) -> None:
    both = Sums.of(a) + Sums.of(b)
    assert (both - Sums.of(b)).agrees(both.subtract(Sums.of(b)))
    assert (both - Sums.of(b)).n == a.size
