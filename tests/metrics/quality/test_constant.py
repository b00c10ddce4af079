"""A column that stopped varying."""

from __future__ import annotations

from typing import Any

import polars as pl
import pytest

from retrue.core.grid import CategoricalGrid, Grid, NumericGrid
from retrue.metrics import get

NUMBERS = pl.Series([1.0, 2.0, 3.0, 4.0])
TEXTS = pl.Series(["a", "a", "b", "rare 1", "rare 2"])


@pytest.mark.parametrize(
    ("window", "value"),
    [
        ([2.0, 2.0, None], 1),
        ([2.0, 2.0, 3.0], 0),
        ([2.1, 2.2], 0),
        ([9.0, 9.0], 1),
        ([float("inf")] * 2, 1),
        ([float("inf"), 1.0], 0),
        ([float("inf"), float("-inf")], 0),
        ([float("nan"), 1.0], 1),
        ([None, None], None),
        ([], None),
    ],
)
def test_numbers_are_constant_when_all_values_are_one(window: list[Any], value: float | None) -> None:
    check(NumericGrid.fit(NUMBERS, 2), NUMBERS, pl.Series(window, dtype=pl.Float64), value)


@pytest.mark.parametrize(
    ("window", "value"),
    [
        (["a", "a", None], 1),
        (["a", "b"], 0),
        (["new", "new"], 1),
        (["new", "newer"], 0),
        (["rare 1"], 1),
        (["rare 1", "rare 2"], 0),
        ([None], None),
    ],
)
def test_categories_are_constant_when_all_are_one(window: list[Any], value: float | None) -> None:
    check(CategoricalGrid.fit(TEXTS, 2), TEXTS, pl.Series(window, dtype=pl.String), value)


def check(grid: Grid, reference: pl.Series, window: pl.Series, value: float | None) -> None:
    found = get("constant").compute(grid.count(window), grid.count(reference))
    assert found.value == value
    assert found.reference == (None if value is None else 0.0)
