"""The word-sized picture: plain SVG that says nothing but shape."""

from __future__ import annotations

import re

import numpy as np
import polars as pl

from retrue.core.grid import CategoricalGrid
from retrue.report.sparkline import sparkline, svg


def test_it_holds_numbers_only() -> None:
    """Whatever a category is called, none of it reaches the markup."""
    values = pl.Series(["<script>", "b", "b"])
    grid = CategoricalGrid.fit(values)
    drawn = str(sparkline(grid.count(values), grid.count(values), None))
    assert "script" not in drawn
    assert re.fullmatch(r'<svg class="spark"[^<>]*>(<path class="s[rw]" d="[ML\d.,e\-Z]*"/>){2}</svg>', drawn)


def test_both_sides_share_one_scale() -> None:
    """A window with half the mass is half as high."""
    drawn = str(svg(np.array([1.0, 1.0]), np.array([0.5, 0.5])))
    heights = [28 - float(y) for y in re.findall(r"M0,([\d.]+)L", drawn)[-1:]]
    assert heights == [13.5]


def test_nothing_is_drawn_where_nothing_is() -> None:
    assert str(svg(np.zeros(3), np.zeros(3))) == ""
