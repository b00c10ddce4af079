"""Coding: every row gets a bin, and the slice of some bins holds exactly their rows."""

import datetime as dt
import math

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from retrue.errors import SchemaError
from retrue.explain.coding import code
from retrue.explain.column import BINS, NOWHERE, CodedColumn
from retrue.explain.ranges import RangeColumn
from retrue.explain.sets import NAMED, SetColumn
from retrue.schema import Kind


def coded(window: pl.Series, reference: pl.Series, kind: Kind | None = None) -> tuple[CodedColumn, np.ndarray]:
    both = code(window.alias("x").to_frame(), reference.alias("x").to_frame(), kinds={"x": kind} if kind else None)
    return both.columns[0], both.window[0]


def bins(*places: int) -> np.ndarray:
    mask = np.zeros(BINS, bool)
    mask[list(places)] = True
    return mask


def check_slices(column: CodedColumn, codes: np.ndarray, window: pl.Series) -> None:
    """The rows of each single bin, and of the lower half of the bins, are those of its predicate."""
    places = [[place] for place in range(column.choices)] + [list(range(max(column.bins // 2, 1)))]
    for chosen in places:
        mask = np.zeros(BINS, bool)
        mask[chosen] = True
        rows = column.predicate(mask).mask(window.alias("x").to_frame()).to_numpy()
        known = codes != NOWHERE
        assert np.array_equal(rows[known], mask[codes][known]), column.predicate(mask).sql


numbers = st.none() | st.floats(-1e6, 1e6) | st.sampled_from([0.0, 1.0, math.inf, -math.inf])


@settings(deadline=None, max_examples=50)
@given(st.lists(numbers, min_size=2, max_size=80), st.lists(numbers, min_size=2, max_size=80))
def test_ranges_of_numbers_hold_their_rows(window: list[float | None], reference: list[float | None]) -> None:
    series = pl.Series(window, dtype=pl.Float64)
    both = code(series.alias("x").to_frame(), pl.Series("x", reference, dtype=pl.Float64).to_frame())
    if both.columns:
        check_slices(both.columns[0], both.window[0], series)


@settings(deadline=None, max_examples=50)
@given(
    st.lists(st.none() | st.text(max_size=2), min_size=2, max_size=80),
    st.lists(st.none() | st.text(max_size=2), min_size=2, max_size=80),
)
def test_sets_of_texts_hold_their_rows(window: list[str | None], reference: list[str | None]) -> None:
    series = pl.Series(window, dtype=pl.String)
    both = code(series.alias("x").to_frame(), pl.Series("x", reference, dtype=pl.String).to_frame())
    if both.columns and not any("\0" in value for value in (*window, *reference) if value):
        check_slices(both.columns[0], both.window[0], series)


rng = np.random.default_rng(3)


@pytest.mark.parametrize(
    "series",
    [
        pl.Series(rng.normal(size=3000)),
        pl.Series(rng.lognormal(size=3000)),
        pl.Series(rng.integers(0, 1000, 3000)),
        pl.Series(rng.integers(0, 40, 3000)),
        pl.Series(rng.integers(0, 8, 3000)),
        pl.Series(rng.random(3000) < 0.3),
        pl.Series(rng.choice([0.5, 1.5, 2.5], 3000)),
        pl.datetime_range(dt.datetime(2013, 1, 1), dt.datetime(2013, 5, 1), "1h", eager=True),
        pl.date_range(dt.date(2013, 1, 1), dt.date(2020, 1, 1), "1d", eager=True),
    ],
    ids=["float", "skewed", "many integers", "some integers", "few integers", "bool", "few floats", "datetime", "date"],
)
def test_every_type_is_coded_and_its_slices_hold_their_rows(series: pl.Series) -> None:
    column, codes = coded(series, series)
    assert column.bins <= BINS - 2
    check_slices(column, codes, series)


def test_few_integers_are_categories_unless_the_schema_says_otherwise() -> None:
    series = pl.Series(rng.integers(0, 8, 500))
    assert not coded(series, series)[0].ordered
    column, _ = coded(series, series, Kind.NUMERIC)
    mask = np.zeros(BINS, bool)
    mask[2:5] = True
    assert column.ordered
    assert column.predicate(mask).sql == "x >= 2 AND x <= 4"


def test_edges_are_round() -> None:
    column, _ = coded(pl.Series(rng.normal(size=5000)), pl.Series(rng.normal(size=5000)))
    assert isinstance(column, RangeColumn)
    assert max(len(f"{abs(mark)}") for mark in column.marks) <= 7


def test_what_only_the_window_shows_has_bins_of_its_own() -> None:
    column, codes = coded(pl.Series(["z"] * 20), pl.Series(["a", "b"] * 10))
    assert isinstance(column, SetColumn)
    assert column.marks == ("a", "b", "z")
    assert set(codes) == {2}
    column, codes = coded(pl.Series(rng.normal(100, 1, 500)), pl.Series(rng.normal(0, 1, 500)))
    assert len(np.unique(codes)) > 20


def test_nan_and_the_rarest_known_categories_are_nowhere() -> None:
    _, codes = coded(pl.Series([math.nan, 1.0, 2.0]), pl.Series([1.0, 2.0, 3.0]))
    assert codes[0] == NOWHERE
    many = pl.Series([f"c{i % 200}" for i in range(2000)])
    column, codes = coded(many, many)
    assert column.bins == NAMED
    assert column.choices == NAMED
    assert (codes == NOWHERE).sum() == 2000 - 10 * NAMED


def test_new_and_rare_categories_are_the_rest_and_named_as_new() -> None:
    known, new = [f"c{i:03}" for i in range(200)] * 10, [f"new {i}" for i in range(400)]
    window = pl.Series([*known, *new])
    column, codes = coded(window, pl.Series(known))
    assert isinstance(column, SetColumn)
    assert column.rest is not None
    assert (codes == column.rest).sum() == len(new)
    found = column.predicate(bins(column.rest))
    assert str(found) == "x never seen before"
    assert found.mask(window.alias("x").to_frame()).to_list() == [False] * len(known) + [True] * len(new)


def test_values_that_dont_repeat_are_never_called_new() -> None:
    now, before = pl.Series([f"id{i}" for i in range(900)]), pl.Series([f"id{i}" for i in range(1000, 1900)])
    assert code(now.alias("x").to_frame(), before.alias("x").to_frame()).columns == ()


def test_a_long_list_is_said_by_what_it_lacks_or_named_in_short() -> None:
    letters = [chr(97 + i) for i in range(20)]
    column, _ = coded(pl.Series(letters * 10), pl.Series(letters * 10))
    assert column.predicate(bins(*range(18))).sql == "x NOT IN ('s', 't')"
    assert str(column.predicate(bins(*range(8)))) == "x IN ('a', 'b', 'c', 'd' and 4 more)"


def test_consecutive_whole_numbers_are_said_as_a_range() -> None:
    column = SetColumn("hour", 24, tuple(range(24)))
    assert column.predicate(bins(*range(6))).sql == "hour >= 0 AND hour <= 5"
    assert column.predicate(bins(16, 17)).sql == "hour IN (16, 17)"
    assert column.predicate(bins(1, 2, 3, 5)).sql == "hour IN (1, 2, 3, 5)"


def test_null_may_belong_to_a_set() -> None:
    column = SetColumn("x", 4, ("a", "b", "c", "d"))
    assert column.predicate(bins(0, 1, 2)).sql == "x != 'd'"
    assert column.predicate(bins(0, 1, 2, 4)).sql == "x != 'd' OR x IS NULL"
    assert column.predicate(bins(0, 1, 2, 3)).sql == "x IS NOT NULL"
    assert column.predicate(bins(0, 4)).sql == "x = 'a' OR x IS NULL"


def test_columns_no_predicate_can_speak_about_are_left_out() -> None:
    table = pl.DataFrame({"l": [[1], [2]], "c": [1, 1], "s": [{"a": 1}, {"a": 2}], "t": ["x", "y"], "e": [None, None]})
    both = code(table, table, kinds={"t": Kind.TEXT})
    assert both.columns == ()
    assert both.window.shape == (0, 2)


def test_a_retyped_column_is_left_out_and_an_unknown_one_is_an_error() -> None:
    now, before = pl.DataFrame({"x": ["1", "2"]}), pl.DataFrame({"x": [1, 2]})
    assert code(now, before).columns == ()
    with pytest.raises(SchemaError, match=r"unknown column 'y'"):
        code(now, before, ["y"])
