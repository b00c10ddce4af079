"""Cells: new mass stands alone, dust is swept together, and no row is lost."""

from __future__ import annotations

from typing import Any

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from retrue.core.grid import CategoricalGrid, NumericGrid
from retrue.metrics.drift.cells import LEAST, cells, fold, pool

COUNTS = st.integers(1, 10).flatmap(
    lambda k: st.tuples(*[st.lists(st.integers(0, 60), min_size=k, max_size=k).map(np.array)] * 2)
)


@given(COUNTS, st.integers(0, 10))
def test_no_row_is_lost_and_no_cell_is_dust(pair: tuple[np.ndarray, np.ndarray], new: int) -> None:
    """Every cell of several expects five rows in the smaller sample, or is new and holds five of them."""
    w, r = pair
    is_new = np.arange(w.size) >= w.size - min(new, w.size - 1)
    places, stand = pool(w, r, is_new)
    k = int(places.max()) + 1
    a, b = fold(w, places, k), fold(r, places, k)
    assert (a.sum(), b.sum()) == (w.sum(), r.sum())
    assert sorted(set(places.tolist())) == list(range(k))
    if k > 1:
        smaller = a if w.sum() <= r.sum() else b
        expected = (a + b) * (min(w.sum(), r.sum()) / (w.sum() + r.sum()))
        assert ((expected >= LEAST - 1e-9) | (smaller >= LEAST)).all()
        assert stand


def test_numbers_fall_into_deciles() -> None:
    values = pl.Series(np.random.default_rng(0).normal(size=10_000))
    grid = NumericGrid.fit(values)
    found = cells(grid.count(values), grid.count(values))
    assert found.reference.tolist() == pytest.approx([1_000] * 10, abs=15)


def test_few_rows_fall_into_fewer_quantiles() -> None:
    """23 rows allow four cells of five."""
    reference = pl.Series(np.random.default_rng(0).normal(size=10_000))
    grid = NumericGrid.fit(reference)
    assert cells(grid.count(reference[:23]), grid.count(reference)).window.size == 4


@pytest.mark.parametrize(
    ("odd", "rows"), [(None, 40), (float("nan"), 40), (99.0, 40), (-99.0, 40), (float("inf"), 40), (99.0, 1)]
)
def test_new_mass_has_a_cell_of_its_own_from_five_rows_on(odd: float | None, rows: int) -> None:
    reference = pl.Series(np.random.default_rng(0).normal(size=100_000))
    grid = NumericGrid.fit(reference)
    window = pl.Series([*reference[:1_000], *[odd] * rows])
    found = cells(grid.count(window), grid.count(reference))
    alone = (found.reference == 0) & (found.window == rows)
    assert alone.sum() == (1 if rows >= LEAST else 0)


def test_rare_categories_share_a_cell_and_unseen_ones_do_not_join_them() -> None:
    reference = pl.Series(["a"] * 500 + ["b"] * 480 + [f"rare {i}" for i in range(20)])
    window = pl.Series(["a"] * 50 + ["b"] * 40 + ["rare 3"] + ["new"] * 9)
    grid = CategoricalGrid.fit(reference)
    found = cells(grid.count(window), grid.count(reference))
    assert sorted(found.window.tolist()) == [9, 41, 50]


@pytest.mark.parametrize(
    ("window", "telling"), [(["a"] * 3, False), (["a"], False), (["a"] * 200, True), (["new"] * 9, True)]
)
def test_too_few_rows_are_told(window: list[Any], telling: bool) -> None:
    reference = pl.Series([name for name in "abcdefghij" for _ in range(10)])
    grid = CategoricalGrid.fit(reference)
    assert cells(grid.count(pl.Series(window)), grid.count(reference)).telling is telling


def test_one_value_on_both_sides_is_no_difference() -> None:
    grid = CategoricalGrid.fit(pl.Series(["a"]))
    found = cells(grid.count(pl.Series(["a"])), grid.count(pl.Series(["a"])))
    assert (found.window.tolist(), found.telling) == ([1], True)
