"""One column over groups of rows, for any slice of them."""

from __future__ import annotations

import numpy as np
import polars as pl
import pytest

from retrue.core.grid import CategoricalGrid, Grid, NumericGrid
from retrue.core.grouped import ordered

NUMBERS = pl.Series([3.0, None, 1.0, float("nan"), float("inf"), 2.0, float("-inf"), -0.0, 1e308, 1e308], strict=False)
TEXTS = pl.Series(["a", "b", None, "c", "a", "never", "b", "a", "c", "never"])
MIXED = pl.Series(["1.5", "x", None, "2", "nan", "7", "-3", "inf", "1", "0"])
GROUP = np.array([2, 0, 1, 2, 0, 1, 1, 2, 2, 0])


def column(grid: Grid, series: pl.Series, group: np.ndarray[tuple[int], np.dtype[np.int64]], mask: list[bool]):  # type: ignore[no-untyped-def]
    """The tensor of a slice of a column, and the rows of each of three groups in it."""
    order = np.argsort(group, kind="stable")
    held = np.array(mask)[order]
    starts = np.concatenate([[0], np.cumsum(np.bincount(group[mask], minlength=3))])
    places = None if all(mask) else np.flatnonzero(held)
    tensor = ordered(grid, series, order, np.empty(len(series))).tensor(grid, places, starts)
    return tensor, [np.flatnonzero((group == g) & np.array(mask)) for g in range(3)]


@pytest.mark.parametrize("mask", [[True] * 10, [True, False] * 5, [False] * 10], ids=["all", "half", "none"])
@pytest.mark.parametrize(
    ("grid", "series"),
    [
        (NumericGrid(np.array([0.0, 1.0, 2.5])), NUMBERS),
        (NumericGrid(np.array([0.0, 1.0, 2.5])), MIXED),
        (NumericGrid(np.array([0.0, 1.0, 2.5])), pl.Series(range(10))),
        (NumericGrid(np.empty(0)), NUMBERS),
        (CategoricalGrid(("a", "b"), ("c",)), TEXTS),
    ],
    ids=["specials", "mismatches", "integers", "no cuts", "texts"],
)
def test_each_group_is_what_counting_its_rows_gives(grid: Grid, series: pl.Series, mask: list[bool]) -> None:
    """Nulls, mismatches, NaN, infinities, sums beyond the largest float and empty groups included."""
    tensor, rows = column(grid, series, GROUP, mask)
    for group, own in enumerate(rows):
        assert tensor.profile(group).agrees(grid.count(series[own]))


def test_a_coarser_grid_counts_the_merged_bins() -> None:
    grid = CategoricalGrid(tuple("abcdef"))
    series, order = pl.Series(list("aabcdefz")), np.arange(8)
    coarse = grid.coarsen(4)
    tensor = ordered(grid, series, order, np.empty(8)).tensor(coarse, None, np.array([0, 4, 8]))
    assert tensor.counts.tolist() == [[2, 1, 1, 0], [0, 0, 3, 1]]
    assert tensor.profile(1).agrees(coarse.count(series[4:]))
