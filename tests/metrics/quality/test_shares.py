"""Shares of bad rows, with their intervals."""

from __future__ import annotations

from typing import Any

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from retrue.core.grid import CategoricalGrid, NumericGrid
from retrue.metrics import Measure, get
from retrue.metrics.quality.shares import share, wilson

REFERENCE = pl.Series([1.0, 2.0, 3.0, None, 4.0, 5.0, 6.0, 7.0, 8.0, 9.0])
GRID = NumericGrid.fit(REFERENCE)
CITIES = pl.Series(["a"] * 6 + ["b"] * 3 + [None])
CITY = CategoricalGrid.fit(CITIES)


def measured(name: str, window: list[Any]) -> Measure:
    """One metric of a window of numbers, or of texts, against its reference."""
    text = any(isinstance(value, str) for value in window)
    if text and name in {"unseen", "top"}:
        return get(name).compute(CITY.count(pl.Series(window)), CITY.count(CITIES))
    series = pl.Series([None if v is None else str(v) for v in window]) if text else pl.Series(window, dtype=pl.Float64)
    return get(name).compute(GRID.count(series), GRID.count(REFERENCE))


@given(st.integers(0, 500), st.integers(1, 500))
def test_wilsons_interval_is_scipys(hits: int, rows: int) -> None:
    hits = min(hits, rows)
    expected = stats.binomtest(hits, rows).proportion_ci(method="wilson")
    assert wilson(hits, rows) == pytest.approx((expected.low, expected.high), abs=1e-9)


@pytest.mark.parametrize(
    ("name", "window", "value", "before"),
    [
        ("missing", [1.0, None, None, 2.0], 0.5, 0.1),
        ("mismatch", ["1.0", "x", "2.0", None], 0.25, 0.0),
        ("nan", [1.0, float("nan"), None, 2.0], 0.25, 0.0),
        ("infinite", [float("inf"), float("-inf"), 1.0, None], 0.5, 0.0),
        ("out_of_range", [0.5, 9.5, 5.0, None], 0.5, 0.0),
        ("out_of_range", [float("inf"), 5.0, 5.0, float("-inf")], 0.5, 0.0),
        ("unseen", ["a", "x", "y", "x"], 0.75, 0.0),
        ("top", ["b", "b", "a", None], 0.5, 0.3),
        ("top", ["new", "new", "a", "b"], 0.5, 0.0),
    ],
)
def test_a_share_is_of_all_rows(name: str, window: list[Any], value: float, before: float) -> None:
    """Expected by counting on one's fingers."""
    found = measured(name, window)
    assert (found.value, found.reference) == (value, before)
    assert found.interval == pytest.approx(wilson(value * 4, 4))


def test_unseen_categories_are_named_most_frequent_first() -> None:
    assert measured("unseen", ["x", "y", "x", "a", None]).names == (("x", 2), ("y", 1))


def test_no_more_than_ten_unseen_categories_are_named() -> None:
    found = measured("unseen", [f"n{i}" for i in range(40)])
    assert (found.value, len(found.names)) == (1.0, 10)


def test_the_most_frequent_category_is_named() -> None:
    assert measured("top", ["b", "b", "a"]).names == (("b", 2),)
    assert measured("top", ["new", "new", "a"]).names == (("new", 2),)


def test_no_rows_have_no_share() -> None:
    found = share(0, 0, 1, 2)
    assert (found.value, found.note) == (None, "no rows to measure")
    assert share(1, 2, 0, 0).reference is None


def test_a_grid_of_the_other_kind_says_so() -> None:
    numbers, texts = GRID.count(REFERENCE), CITY.count(CITIES)
    assert get("unseen").compute(numbers, numbers).note == "for categories only"
    assert get("top").compute(numbers, numbers).note == "for categories only"
    assert get("out_of_range").compute(texts, texts).note == "for numbers only"


def test_about_two_fresh_rows_lie_outside_of_any_reference() -> None:
    """Order statistics: of m + 1 rows each is as likely to be the least; 400 references of 50 rows."""
    rng = np.random.default_rng(3)
    outside = 0.0
    for _ in range(400):
        reference = pl.Series(rng.normal(size=50))
        grid = NumericGrid.fit(reference)
        window = pl.Series(rng.normal(size=10))
        outside += get("out_of_range").compute(grid.count(window), grid.count(reference)).value or 0.0
    assert outside / 400 == pytest.approx(2 / 51, abs=0.01)
