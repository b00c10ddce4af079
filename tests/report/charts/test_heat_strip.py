"""The heat strip says what of its newest window it leaves out."""

from __future__ import annotations

import numpy as np
import polars as pl
import pytest

from retrue.core.grid import NumericGrid
from retrue.report.charts.heat_strip import NOTE, heat_strip

SEEN = pl.Series(np.linspace(1.0, 2.0, 1_000))
REFERENCE = NumericGrid.learn(SEEN)
SPANS = [(f"2026-01-0{day}T00:00:00+00:00", f"2026-01-0{day + 1}T00:00:00+00:00") for day in (1, 2)]


@pytest.mark.parametrize(
    ("newest", "said"),
    [
        (SEEN, ""),
        (1_000 * SEEN, ". Not drawn, of the newest window: 100 % above 2, the most seen"),
        (pl.concat([SEEN.head(750), 1_000 * SEEN.head(200), pl.Series([None] * 50, dtype=pl.Float64)]),
         ". Not drawn, of the newest window: 20 % above 2, the most seen, 5 % missing"),
        (SEEN + 0.5, ""),
    ],
    ids=["as ever", "far away", "in part", "near enough to be drawn"],
)  # fmt: skip
def test_what_is_not_drawn_is_told(newest: pl.Series, said: str) -> None:
    windows = [REFERENCE.grid.count(values) for values in (SEEN, newest)]
    made = heat_strip(windows, SPANS, REFERENCE, "x")
    assert made is not None
    assert made.note == NOTE + said
