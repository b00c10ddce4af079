"""A cube of windows and slices is what counting each group by itself gives."""

from __future__ import annotations

from typing import Any

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from retrue.core.cube import EVERYTHING, cube
from retrue.core.extra import RowRule
from retrue.core.grid import CategoricalGrid, NumericGrid
from retrue.core.grids import Grids, Source
from retrue.core.outcome_grid import BinaryGrid

EVENT = st.fixed_dictionaries(
    {
        "w": st.integers(-2, 3),
        "x": st.floats(-50, 50),
        "y": st.none() | st.floats(),
        "c": st.none() | st.sampled_from(["a", "b", "new", ""]),
        "score": st.none() | st.floats(0, 1),
        "label": st.sampled_from(["0", "1", None]),
        "s": st.booleans(),
    }
)
DTYPES = {"w": pl.Int64, "x": pl.Float64, "y": pl.Float64, "c": pl.String, "score": pl.Float64, "label": pl.String}
GRIDS = Grids(
    {
        "x": NumericGrid.fit(pl.Series(np.linspace(-40, 40, 300))),
        "y": NumericGrid.fit(pl.Series([1.0, 2.0])),
        "c": CategoricalGrid.fit(pl.Series(["a", "a", "b", ""])),
        "absent": NumericGrid.fit(pl.Series([1.0])),
    },
    {name: Source(name) for name in ("x", "y", "c", "absent")},
    BinaryGrid("label", "score", None, "1", np.linspace(0, 1, 9)),
    (RowRule("x", "<=", "y"),),
)


def check(frame: pl.DataFrame, slices: dict[str, np.ndarray]) -> None:
    """Compare each window and slice with its rows counted alone."""
    windows = frame["w"].to_numpy()
    found = dict(cube(GRIDS, frame, windows, slices).items())
    masks = {EVERYTHING: np.ones(frame.height, np.bool_)} | slices
    groups = {(int(w), name): mask & (windows == w) for name, mask in masks.items() for w in np.unique(windows)}
    assert found.keys() == {key for key, rows in groups.items() if rows.any()}
    for key, profile in found.items():
        grids = GRIDS if key[1] == EVERYTHING else GRIDS.coarse
        assert profile.agrees(grids.count(frame.filter(groups[key])))


@settings(max_examples=30)
@given(st.lists(EVENT, max_size=40))
def test_a_cube_counts_each_group(events: list[dict[str, Any]]) -> None:
    """Windows in any order, nulls and specials in some groups only, slices that overlap, slices without rows."""
    frame = pl.DataFrame(events, schema=DTYPES | {"s": pl.Boolean})
    mask = frame["s"].to_numpy()
    check(frame, {"chosen": mask, "all": np.ones(frame.height, np.bool_), "none": np.zeros(frame.height, np.bool_)})


@pytest.mark.parametrize("columns", [["w", "x"], ["w"], ["w", "c", "label"]])
def test_columns_that_did_not_come_count_as_null(columns: list[str]) -> None:
    """Rows without a score or a label are counted as such, also where neither column is there."""
    events = {"w": [0, 0, 1], "x": [1.0, 2.0, 3.0], "c": ["a", "new", None], "label": ["0", "1", None]}
    check(pl.DataFrame({name: events[name] for name in columns}), {})


def test_huge_values_are_counted_without_a_warning() -> None:
    largest = np.finfo(np.float64).max
    check(pl.DataFrame({"w": [0, 0, 1, 1], "x": [largest, largest, -largest, 1.0]}), {})


def test_a_frame_of_no_rows_has_no_windows() -> None:
    check(pl.DataFrame(schema=DTYPES), {"chosen": np.zeros(0, np.bool_)})
