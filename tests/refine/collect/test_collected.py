"""Collecting takes the rows of a slice, the same ones in whatever order they lie."""

from __future__ import annotations

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from retrue.core.hashing import hash64
from retrue.errors import SliceError
from retrue.refine.collect import collect
from retrue.slices import Slice

IDS = pl.Series("id", range(200))
EVENTS = pl.DataFrame({"id": IDS, "_h": hash64(IDS), "x": [i % 10 for i in range(200)]})
LARGE = Slice.parse("x >= 5")


@given(st.integers(0, 2**32 - 1), st.integers(1, 120))
def test_a_budget_takes_the_same_rows_in_any_order(seed: int, budget: int) -> None:
    chosen = collect(EVENTS, LARGE, name="large", budget=budget)
    shuffled = collect(EVENTS.sample(fraction=1, shuffle=True, seed=seed), LARGE, name="large", budget=budget)
    assert chosen.rows.equals(shuffled.rows)
    assert chosen.rows.height == min(budget, 100)
    assert chosen.matched == 100


def test_a_larger_budget_keeps_the_rows_of_a_smaller_one() -> None:
    few, more = (set(collect(EVENTS, LARGE, name="large", budget=n).rows["id"]) for n in (10, 30))
    assert few < more


def test_no_budget_takes_all_rows_in_their_order() -> None:
    found = collect(EVENTS, LARGE, name="large")
    assert found.rows["id"].to_list() == [i for i in range(200) if i % 10 >= 5]
    assert found.frame is found.rows


def test_without_hashed_ids_rows_are_taken_by_their_place_and_not_the_first_ones() -> None:
    found = [collect(EVENTS.drop("_h"), LARGE, name="large", budget=3).rows["id"].to_list() for _ in range(2)]
    assert found[0] == found[1] != [5, 6, 7]


def test_the_slice_is_kept_as_sql_unless_it_was_an_expression() -> None:
    assert collect(EVENTS, LARGE, name="large").slice == "x >= 5"
    assert collect(EVENTS, Slice.of(pl.col("x") >= 5), name="large").slice is None


def test_rows_where_the_slice_is_unknown_are_left_out() -> None:
    frame = pl.DataFrame({"x": [None, 7, 1]})
    assert collect(frame, LARGE, name="large").rows["x"].to_list() == [7]


def test_a_budget_of_nothing_and_an_unknown_column_are_refused() -> None:
    with pytest.raises(SliceError, match="a budget of 0 rows"):
        collect(EVENTS, LARGE, name="large", budget=0)
    with pytest.raises(SliceError, match="'xx'"):
        collect(EVENTS, Slice.parse("xx > 1"), name="large")
