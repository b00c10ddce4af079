"""Display bins hide nothing, agree with a histogram of the raw values, and land on round numbers."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from retrue.core.grid import CategoricalGrid, NumericGrid
from retrue.report.charts.display import Display, display

RANDOM = np.random.default_rng(7)


def shown(reference: pl.Series, window: pl.Series) -> Display:
    """Display a window against a reference."""
    grid = NumericGrid.fit(reference)
    return display(grid.count(window), grid.count(reference))


def total(made: Display, side: str) -> float:
    """Sum all shares of a side, drawn or apart; what is both counts once."""
    return float(getattr(made, side).sum()) + sum(float(getattr(row, side)) for row in made.apart if not row.drawn)


values = st.lists(
    st.none() | st.floats(-1e6, 1e6) | st.sampled_from([0.0, 1.0, float("inf"), float("nan")]), max_size=60
)


@given(values, values)
def test_every_row_is_drawn_or_told(reference: list[float | None], window: list[float | None]) -> None:
    """Bins, what stands apart and what lies beyond the picture add up to all rows."""
    made = shown(pl.Series(reference, dtype=pl.Float64), pl.Series(window, dtype=pl.Float64))
    if window:
        assert total(made, "window") + made.beyond == pytest.approx(1, abs=1e-9)
    assert (np.diff(made.edges) > 0).all()
    assert (made.reference >= -1e-12).all()


@pytest.mark.parametrize("name", ["normal", "skewed", "rounded"])
def test_shares_agree_with_a_histogram_of_the_values(name: str) -> None:
    """NumPy's histogram of the raw values on the same edges: off by at most two grid bins' mass."""
    raw = {
        "normal": RANDOM.normal(10, 3, 50_000),
        "skewed": RANDOM.lognormal(0, 1.5, 50_000),
        "rounded": np.round(RANDOM.normal(0, 1, 50_000), 1),
    }[name]
    made = shown(pl.Series(raw), pl.Series(raw[:5_000]))
    exact, _ = np.histogram(raw, made.edges)
    assert np.abs(made.reference - exact / raw.size).max() < 2 / 512


def test_a_skewed_column_is_shown_by_ratio() -> None:
    made = shown(pl.Series(RANDOM.lognormal(3, 1.2, 5_000)), pl.Series(RANDOM.lognormal(3, 1.2, 5_000)))
    assert made.scale == "log"
    assert np.ptp(np.diff(np.log(made.edges[1:-1]))) < 1e-6


def test_hours_get_a_bin_each() -> None:
    """A column that steps has its values in the middle of bins, never two in one and one in the next."""
    hours = pl.Series(RANDOM.integers(0, 24, 10_000))
    made = shown(hours, hours)
    assert made.edges.tolist() == [h - 0.5 for h in range(25)]


def test_uneven_steps_make_no_comb() -> None:
    """Celsius written as Fahrenheit steps by 0.9 and 1.08: bins hold as many values each, and look smooth."""
    celsius = np.round(RANDOM.normal(10, 3, 50_000) * 10 / 5) * 5 / 10
    fahrenheit = pl.Series(np.round(celsius * 1.8 + 32, 1) + 0.02 * (np.round(celsius * 2) % 2))
    made = shown(fahrenheit, fahrenheit)
    middle = made.reference[made.reference > 0.2 * made.reference.max()]
    turns = np.diff(np.sign(np.diff(middle)))
    assert (turns != 0).sum() <= 3


def test_a_value_that_holds_most_rows_stands_apart() -> None:
    """Rain is mostly zero; the other 20 % would be a flat line beside it."""
    rain = np.where(RANDOM.random(20_000) < 0.8, 0.0, RANDOM.exponential(1, 20_000))
    made = shown(pl.Series(rain), pl.Series(rain))
    assert [row.label for row in made.apart] == ["exactly 0"]
    assert made.apart[0].window == pytest.approx((rain == 0).mean())


def test_a_step_that_holds_most_rows_stands_apart_too() -> None:
    """Visibility is 10 miles on most days; the other steps would be flat beside it."""
    miles = pl.Series([10] * 800 + [*range(10)] * 20)
    made = shown(miles, miles)
    assert [row.label for row in made.apart] == ["exactly 10"]


def test_what_the_reference_never_showed_is_told_with_its_side() -> None:
    made = shown(pl.Series(range(100)), pl.Series([*range(50), *[500] * 50]))
    assert [(row.label, row.window, row.drawn) for row in made.apart] == [("above 99, the most seen", 0.5, False)]


def test_what_strayed_near_is_drawn_where_it_lies() -> None:
    """Summer after a winter's reference: half of the window lies above, up to 150, and the axis reaches there."""
    made = shown(pl.Series(range(100)), pl.Series([*range(50), *range(100, 150)]))
    assert [(row.label, row.window, row.drawn) for row in made.apart] == [("above 99, the most seen", 0.5, True)]
    assert made.edges[-1] >= 149
    assert made.window[made.edges[:-1] >= 100].sum() == pytest.approx(0.5, abs=0.02)


def test_missing_and_the_like_are_told() -> None:
    made = shown(pl.Series([1.0, 2.0]), pl.Series([None, float("nan"), float("inf"), 1.0]))
    assert {row.label for row in made.apart} == {"missing", "NaN", "+infinity"}


def test_later_dates_are_on_the_axis() -> None:
    """A window comes after its reference: that is no fault, and both are seen."""
    start = datetime(2024, 1, 1, tzinfo=UTC)
    days = pl.Series([start + timedelta(days=d) for d in range(60)])
    made = shown(days, days + timedelta(days=60))
    assert made.scale == "time"
    assert made.apart == ()
    assert made.edges[-1] >= (start + timedelta(days=119)).timestamp()
    assert made.window.sum() == pytest.approx(1)


def test_edges_are_round_numbers() -> None:
    made = shown(pl.Series(RANDOM.uniform(0, 1, 10_000)), pl.Series(RANDOM.uniform(0, 1, 10_000)))
    assert np.allclose(made.edges[1:-1] / 0.025, np.rint(made.edges[1:-1] / 0.025))


@pytest.mark.parametrize("series", [pl.Series([], dtype=pl.Float64), pl.Series([None, None], dtype=pl.Float64)])
def test_a_reference_without_values_draws_nothing(series: pl.Series) -> None:
    assert shown(series, pl.Series([1.0])).edges.size == 0


def test_a_constant_is_one_bar() -> None:
    made = shown(pl.Series([5.0] * 10), pl.Series([5.0] * 10))
    assert made.reference.sum() == pytest.approx(1)


def test_categories_have_no_display_bins() -> None:
    grid = CategoricalGrid.fit(pl.Series(["a"]))
    assert display(grid.count(pl.Series(["a"])), grid.empty()).edges.size == 0
