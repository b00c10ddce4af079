"""Markers on time axes: where they stand, which have room for their names, on every kind of picture over time."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from itertools import pairwise

import altair as alt
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.conftest import needed
from tests.report.charts.test_drift_map import at, drawn, spans

from retrue.core.grid import CategoricalGrid, Grid, NumericGrid
from retrue.report.charts import Marker, Picture, Point, timeline, with_markers
from retrue.report.charts.heat_strip import heat_strip
from retrue.report.charts.markers import NEAR, axis_of, placed_on
from retrue.report.charts.templates import TEMPLATES, template

START = datetime(2026, 1, 1, tzinfo=UTC)
DAY = 86_400_000


def line(days: int = 10) -> Picture:
    """A metric of some days."""
    made = timeline([Point(START + timedelta(days=day), 0.8) for day in range(days)], "Accuracy held")
    assert made is not None
    return made


def names(picture: Picture) -> list[str]:
    """What is marked on a picture."""
    return [row["name"] for row in picture.rows if row["part"] == "marker"]


def test_a_marker_stands_on_the_axis_and_others_are_left_out() -> None:
    """What was marked since the newest window began lengthens the axis; what was before the first isn't shown."""
    said = {"before": -1.0, "first": 0.0, "inside": 4.5, "since": 9.5}
    made = with_markers(line(), [Marker(START + timedelta(days=day), name) for name, day in said.items()])
    assert names(made) == ["first", "inside", "since"]
    assert made.template == "timeline-markers"
    assert axis_of(made) == axis_of(line())


def test_one_that_lasts_is_cut_to_the_axis() -> None:
    weeks = Marker(START - timedelta(days=7), "holiday", START + timedelta(days=2))
    (row,) = [row for row in with_markers(line(), [weeks]).rows if row["part"] == "marker"]
    first = round(START.timestamp() * 1000)
    assert (row["t"], row["t2"]) == (first, first + 2 * DAY)


def test_markers_take_the_place_of_earlier_ones() -> None:
    """A picture that is kept is marked anew for each reader; without markers it is as it was."""
    once = with_markers(line(), [Marker(START, "a")])
    assert names(with_markers(once, [Marker(START, "b")])) == ["b"]
    assert with_markers(once, []) == line()


def test_a_map_has_time_on_both_axes_and_other_pictures_have_none() -> None:
    made = with_markers(drawn(6), [Marker(at(3), "version 2"), Marker(at(7), "later")])
    (row,) = [row for row in made.rows if row["part"] == "marker"]
    assert (made.template, row["x"], row["y"]) == ("drift-map-markers", row["y"], row["x"])
    bars = Picture("bars", "Regions", [{"label": "north"}], ())
    assert with_markers(bars, [Marker(at(3), "version 2")]) is bars


def axes_of(grid: Grid, values: pl.Series) -> list[str]:
    """What the y-axis of a column's heat strip says of itself, as it is drawn, without a marker and with one."""
    plain = heat_strip([grid.count(values)] * 4, spans(4), grid.count(values), "x")
    assert plain is not None
    both = [plain, with_markers(plain, [Marker(at(2.5), "version 2")])]
    drawn = [needed("vl_convert").vegalite_to_svg(one.vega(), allowed_base_urls=[]) for one in both]
    assert ["version 2" in one for one in drawn] == [False, True]
    return [found[0] for one in drawn if (found := re.findall(r'aria-label="(Y-axis .*?)"', one))]


@pytest.mark.slow
def test_a_marker_is_no_value_of_a_column() -> None:
    """The y-axis of a strip holds the column's categories, or its range, whatever was marked."""
    words = pl.Series(["north", "south", "east"] * 30)
    plain, marked = axes_of(CategoricalGrid.fit(words), words)
    assert "5 values: " in plain
    assert marked == plain
    numbers = pl.Series([float(i % 17) for i in range(300)])
    plain, marked = axes_of(NumericGrid.fit(numbers), numbers)
    assert "values from −1 to 17" in plain
    assert marked == plain


def test_every_picture_over_time_has_a_template_with_markers() -> None:
    """They are valid Vega-Lite: what the plain one draws, then the markers."""
    over_time = [one for one in TEMPLATES if one.startswith(("timeline", "heat", "drift"))]
    assert {one for one in over_time if f"{one}-markers" not in TEMPLATES} == {
        one for one in over_time if one.endswith("-markers")
    }
    marked = template("drift-map-markers")
    assert len(marked["layer"]) == len(template("drift-map")["layer"]) + 5
    alt.Chart.from_dict({**marked, "data": {"values": []}})


@given(st.lists(st.floats(-0.5, 1.5), max_size=30))
def test_names_never_overlap(places: list[float]) -> None:
    """The stretches of the axis that names may take are apart from each other, and within the axis."""
    width = 1_000_000
    markers = [Marker(datetime.fromtimestamp(place * width / 1000, UTC), f"{place}") for place in places]
    placed = placed_on(markers, 0, width)
    assert len(placed) <= 1 / NEAR + 2
    taken = sorted(
        (one.at / width - one.room, one.at / width)
        if one.side == "right"
        else (one.at / width, one.at / width + one.room)
        for one in placed
    )
    assert all(before[1] <= after[0] + 1e-9 for before, after in pairwise(taken))
    assert all(low >= -1e-9 and high <= 1 + 1e-9 for low, high in taken)
