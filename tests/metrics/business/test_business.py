"""Rates and totals, by window and slice."""

from __future__ import annotations

import numpy as np
import polars as pl
import pytest

from retrue.core.cube import cube
from retrue.core.grid import CategoricalGrid, NumericGrid
from retrue.core.grids import Grids, Source
from retrue.metrics import get
from retrue.metrics.quality.shares import wilson


@pytest.mark.parametrize(
    ("reference", "window"),
    [
        (pl.Series([True, False]), pl.Series([True, True, False, None])),
        (pl.Series(["yes", "no"]), pl.Series(["yes", "yes", "no", None])),
        (pl.Series([0, 1]), pl.Series([1.0, 1.0, 0.0, None])),
        (pl.Series([False, False]), pl.Series([True, True, False, None])),
    ],
    ids=["booleans", "texts", "integers that became floats", "yes was never seen"],
)
def test_a_rate_is_the_share_of_yes_among_those_that_say(reference: pl.Series, window: pl.Series) -> None:
    grid = CategoricalGrid.fit(reference)
    found = get("rate").compute(grid.count(window), grid.count(reference))
    assert found.value == 2 / 3
    assert found.interval == wilson(2, 3)


def test_a_total_is_the_sum() -> None:
    values, reference = pl.Series([10.5, 2.0, None, -3.0]), pl.Series([1.0, 2.0])
    grid = NumericGrid.fit(reference)
    found = get("total").compute(grid.count(values), grid.count(reference))
    assert found.value == pytest.approx(9.5)
    assert found.reference == pytest.approx(3.0)


def test_the_totals_interval_holds_when_the_number_of_events_varies() -> None:
    """Of 400 windows with a Poisson number of exponential values at least 93 % of the intervals hold 200 x 3."""
    rng, held = np.random.default_rng(1), 0
    grid = NumericGrid.fit(pl.Series([1.0, 2.0]))
    for _ in range(400):
        window = grid.count(pl.Series(rng.exponential(3, rng.poisson(200))))
        low, high = get("total").compute(window, window).interval or (1.0, 0.0)
        held += low <= 600 <= high
    assert held >= 0.93 * 400


def test_feedback_that_few_give_counts_where_it_is_given() -> None:
    """Of 1,000 events 40 got a thumb, 30 of them up: a rate of 0.75, and 96 % missing."""
    thumbs = pl.Series([True] * 30 + [False] * 10 + [None] * 960)
    profile = CategoricalGrid.fit(thumbs).count(thumbs)
    assert get("rate").compute(profile, profile).value == 0.75
    assert get("missing").compute(profile, profile).value == 0.96


def test_any_figure_is_a_metric_by_window_and_slice() -> None:
    """Revenue by day, all and from one country, out of one pass. Expected: Polars' group_by."""
    frame = pl.DataFrame({"day": [0, 0, 1, 1, 1], "country": ["x", "y", "x", "x", "y"], "revenue": [1.0, 2, 3, 4, 5]})
    grids = Grids({"revenue": NumericGrid.fit(frame["revenue"])}, {"revenue": Source("revenue")})
    slices = {"from x": (frame["country"] == "x").to_numpy()}
    found = {
        key: get("total").compute(profile.columns["revenue"], profile.columns["revenue"]).value
        for key, profile in cube(grids, frame, frame["day"].to_numpy(), slices).items()
    }
    assert found == pytest.approx({(0, ""): 3.0, (1, ""): 12.0, (0, "from x"): 1.0, (1, "from x"): 7.0})
