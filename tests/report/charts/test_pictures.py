"""Every picture is a valid Vega-Lite spec, tells its finding, and agrees with an independent computation."""

from __future__ import annotations

import json
import re
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from typing import Any

import altair as alt
import numpy as np
import polars as pl
import pytest
from sklearn.calibration import calibration_curve
from sklearn.metrics import recall_score, roc_auc_score

from retrue.core.grid import CategoricalGrid, NumericGrid
from retrue.core.outcome_grid import BinaryGrid, MulticlassGrid, RegressionGrid, error_grid, score_cuts
from retrue.errors import RetrueError
from retrue.report import charts
from retrue.report.charts import Picture
from retrue.report.charts.outcome import ends_higher
from retrue.report.charts.templates import TEMPLATES, made, template
from retrue.report.comparison import Comparison
from retrue.report.entries import Gallery, performance_pictures, sections

RANDOM = np.random.default_rng(11)


def binary(rows: int, sharpness: float) -> tuple[pl.DataFrame, BinaryGrid]:
    """Make labelled scores that keep what they promise (at sharpness 1), and a grid for them."""
    score = RANDOM.beta(2, 3, rows)
    label = RANDOM.random(rows) < score**sharpness
    frame = pl.DataFrame({"y": label.astype(int), "s": score})
    return frame, BinaryGrid("y", "s", None, "1", score_cuts(score))


def pictures(comparison: Comparison) -> list[Picture]:
    """List all pictures of a report."""
    gallery = Gallery()
    sections(comparison, gallery)
    performance_pictures(comparison, gallery)
    return list(gallery.pictures.values())


def test_every_picture_is_valid_vega_lite(troubled: Comparison, calm: Comparison, hostile: Comparison) -> None:
    """Altair checks a whole spec of each template against the Vega-Lite schema."""
    found = [p for c in (troubled, calm, hostile) for p in pictures(c)]
    assert all(picture.title and picture.rows for picture in found)
    for picture in {picture.template: picture for picture in found}.values():
        alt.Chart.from_dict(picture.vega()).to_dict()


@pytest.mark.parametrize("name", TEMPLATES)
def test_templates_hold_no_colours(name: str) -> None:
    """Colours come with the theme, so that one spec serves light and dark."""
    assert not re.search(r'"#[0-9a-f]{3,8}"|"(color|fill|stroke)": "', json.dumps(template(name)))


def test_an_unknown_template_is_an_error() -> None:
    with pytest.raises(RetrueError, match="unknown chart template 'pie'"):
        template("pie")


def test_light_and_dark_differ_only_in_their_configuration(troubled: Comparison) -> None:
    picture = pictures(troubled)[0]
    light, dark = picture.vega("light"), picture.vega("dark")
    assert light.pop("config") != dark.pop("config")
    assert light == dark


def test_a_picture_is_an_altair_chart_on_demand(troubled: Comparison) -> None:
    assert isinstance(pictures(troubled)[0].altair(), alt.LayerChart)


def test_the_area_under_the_roc_curve_is_sklearns() -> None:
    frame, grid = binary(4_000, 1.0)
    made = charts.roc(grid.count(frame), grid.count(frame))
    assert made is not None
    exact = roc_auc_score(frame["y"], frame["s"])
    named = [float(str(row["name"]).split()[1]) for row in made.rows if "name" in row]
    assert named == pytest.approx([exact, exact], abs=1e-3)


def test_calibration_groups_are_sklearns() -> None:
    """Ten groups of equal size: predicted and observed within what one score bin may move."""
    frame, grid = binary(20_000, 1.4)
    made = charts.calibration(grid.count(frame), grid.count(frame))
    assert made is not None
    assert made.title.startswith("Predictions are ")
    assert "too high" in made.title
    observed, predicted = calibration_curve(frame["y"], frame["s"], n_bins=10, strategy="quantile")
    drawn = [(row["x"], row["y"]) for row in made.rows if row["side"] == "window"]
    assert np.abs(np.array(drawn) - np.column_stack([predicted, observed])).max() < 0.02


def test_without_labels_there_is_no_curve() -> None:
    frame, grid = binary(100, 1.0)
    bare = grid.count(frame.with_columns(y=pl.lit(None, pl.Int64)))
    assert charts.roc(bare, grid.count(frame)) is None
    assert charts.calibration(bare, grid.count(frame)) is None


def test_scores_are_shown_by_label() -> None:
    frame, grid = binary(5_000, 1.0)
    made = charts.scores(grid.count(frame), grid.count(frame), 1)
    assert made is not None
    drawn = sum(row["window"] for row in made.rows if "x2" in row)
    assert drawn == pytest.approx(1, abs=1e-4)
    assert min(row["x"] for row in made.rows) >= 0


def test_recall_by_class_is_sklearns() -> None:
    classes = ("cat", "dog", "owl")
    truth, guess = RANDOM.choice(classes, 900), RANDOM.choice(classes, 900)
    frame = pl.DataFrame({"y": truth, "p": np.where(RANDOM.random(900) < 0.5, truth, guess)})
    outcome = MulticlassGrid("y", "p", {}, classes, score_cuts(np.empty(0))).count(frame)
    made = charts.confusion(outcome, outcome)
    assert made is not None
    exact = recall_score(frame["y"], frame["p"], average=None, labels=list(classes))
    assert [row["window"] for row in made.rows] == pytest.approx(list(exact), abs=1e-6)


def test_regression_errors_are_a_distribution() -> None:
    y = RANDOM.normal(0, 1, 3_000)
    p = y + RANDOM.normal(0.5, 0.3, 3_000)
    outcome = RegressionGrid("y", "p", error_grid(y, y + RANDOM.normal(0, 0.3, 3_000))).count(
        pl.DataFrame({"y": y, "p": p})
    )
    reference = RegressionGrid("y", "p", outcome.errors.grid).count(pl.DataFrame({"y": y, "p": y}))  # type: ignore[arg-type]
    made = charts.errors(outcome, reference)
    assert made is not None
    assert made.title.startswith("The error (prediction − label)")


def test_the_titles_of_distributions_are_findings() -> None:
    before = RANDOM.normal(0, 1, 10_000)
    grid = NumericGrid.fit(pl.Series(before))
    reference = grid.count(pl.Series(before))

    def title(values: Any) -> str:
        made = charts.distribution(grid.count(pl.Series(values)), reference, "age")
        return made.title if made else ""

    assert title(before).startswith("age lies where it did")
    assert title(before + 1).startswith("age rose: half of it is at most ")
    assert title(before - 1).startswith("age fell")
    assert title(before * 1.5).startswith("age spreads wider")
    assert title(before / 2).startswith("age is narrower")
    assert title(before + 9).startswith("age has left what the reference has shown")
    assert title([None]) == "age can't be compared: the window has no values on its grid"


def test_a_shift_that_no_quartile_shows_is_told() -> None:
    """Rain: nine hours of ten have none, and then six."""
    rain = np.where(RANDOM.random(10_000) < 0.9, 0.0, RANDOM.gamma(1, 1, 10_000))
    more = np.where(RANDOM.random(10_000) < 0.6, 0.0, RANDOM.gamma(1, 1, 10_000))
    grid = NumericGrid.fit(pl.Series(rain))
    made = charts.distribution(grid.count(pl.Series(more)), grid.count(pl.Series(rain)), "rain")
    assert made is not None
    assert re.fullmatch(r"rain (rose|moved|spreads).*", made.title), made.title
    near = np.where(RANDOM.random(10_000) < 0.8, 0.0, RANDOM.gamma(1, 1, 10_000))
    made = charts.distribution(grid.count(pl.Series(near)), grid.count(pl.Series(rain)), "rain")
    assert made is not None
    assert re.fullmatch(r"rain moved: 80 % of it is at most 0, in the reference 90 %", made.title), made.title


def test_categories_show_the_frequent_the_moved_and_the_never_seen() -> None:
    """Of 40 categories 12 have bars; one that is rare but grew is among them; the note tells the rest."""
    names = [f"c{i:02}" for i in range(40)]
    reference = pl.Series(RANDOM.choice(names, 10_000, p=np.arange(40, 0, -1) / 820))
    grid = CategoricalGrid.fit(reference)
    rare = grid.categories[-1]
    window = pl.concat([reference.head(4_000), pl.Series([rare] * 1_000), pl.Series(["new"] * 500)])
    made = charts.categories(grid.count(window), grid.count(reference), "brand")
    assert made is not None
    labels = [row["label"] for row in made.rows]
    assert rare in labels
    assert labels[-1] == "never seen, such as 'new'"
    assert made.title == "brand, never seen, such as 'new': 0 % before, 9.1 % now"
    told = sum(row["window"] for row in made.rows)
    assert made.note.startswith(f"Not shown: 28 others {100 * (1 - told):.0f} %")
    assert [row["label"] for row in made.rows if row["loud"]] == ["never seen, such as 'new'"]


def test_many_small_categories_are_a_note_and_no_bar() -> None:
    """A bar of 290 others would dwarf the twelve that are shown."""
    values = pl.Series([f"c{i}" for i in range(300)] * 3 + ["c0"] * 20)
    grid = CategoricalGrid.fit(values)
    made = charts.categories(grid.count(values), grid.count(values), "code")
    assert made is not None
    assert len(made.rows) == 12
    assert made.note == "Not shown: 288 others 94 % (94 % before)"


def test_long_categories_stay_apart() -> None:
    """A chart joins what is called the same, so two names that are cut alike are told apart."""
    values = ["x" * 60 + "1", "x" * 60 + "2", ""]
    grid = CategoricalGrid.fit(pl.Series(values))
    made = charts.categories(grid.count(pl.Series(values)), grid.count(pl.Series(values)), "text")
    assert made is not None
    assert len({row["label"] for row in made.rows}) == 3
    assert "(empty text)" in {row["label"] for row in made.rows}


def test_the_forest_is_orange_where_a_metric_is_worse(troubled: Comparison, calm: Comparison) -> None:
    worse, same = (charts.forest(c.performance.values()) for c in (troubled, calm))
    assert worse is not None
    assert same is not None
    assert (worse.template, worse.title) == ("forest-worse", "ROC AUC is worse than the reference")
    assert (same.template, same.title) == ("forest", "No metric is worse than the reference beyond noise")
    assert charts.forest([]) is None


def test_a_ranking_keeps_its_order_and_marks_what_is_loud() -> None:
    made = charts.ranking([("age", -7.0, "−7.0 points"), ("income", 0.2, "+0.2 points")], "age costs most", ["age"])
    assert made is not None
    assert [row["label"] for row in made.rows] == ["age", "income"]
    assert [row["loud"] for row in made.rows] == [-7.0, 0]
    assert [(row["left"], row["right"]) for row in made.rows] == [("−7.0 points", ""), ("", "+0.2 points")]
    assert charts.ranking([], "nothing") is None


def test_the_names_of_incidents_have_room_until_the_next_begins() -> None:
    """Those that begin together share one place; nothing is written over another."""
    start = datetime(2026, 1, 1, tzinfo=UTC)
    day = timedelta(days=1)
    points = [charts.Point(start + i * day, 0.8) for i in range(9)]
    spans = [
        charts.IncidentSpan(start + 6 * day, start + 10 * day, "drifting"),
        charts.IncidentSpan(start + 4 * day, start + 10 * day, "broken"),
        charts.IncidentSpan(start + 4 * day, start + 7 * day, "degraded"),
    ]
    made = charts.timeline(points, "Accuracy held", incidents=spans)
    assert made is not None
    rows = [(row["told"], row["name"], row["room"]) for row in made.rows if row["part"] == "incident"]
    assert rows == [("drifting", "drifting", 0.4), ("broken", "broken, degraded", 0.2), ("degraded", "", 0.2)]


def test_a_timeline_has_gaps_incidents_and_the_reference() -> None:
    start = datetime(2024, 3, 1, tzinfo=UTC)
    points = [
        charts.Point(start + timedelta(days=d), None if d == 2 else 0.8, (0.78, 0.82) if d else None) for d in range(5)
    ]
    span = charts.IncidentSpan(start, start + timedelta(days=1), "incident 17")
    made = charts.timeline(points, "Accuracy held", reference=0.81, incidents=[span])
    assert made is not None
    assert made.template == "timeline-level-incidents"
    assert [row["part"] for row in made.rows] == ["value"] * 5 + ["incident", "reference"]
    assert made.rows[2]["value"] is None
    alt.Chart.from_dict(made.vega()).to_dict()
    assert charts.timeline([], "nothing") is None


def test_a_timeline_draws_an_estimate_where_there_is_any() -> None:
    """An estimate is named at its end; one without any value is not there."""
    start = datetime(2024, 3, 1, tzinfo=UTC)
    points = [charts.Point(start + timedelta(days=d), 0.8) for d in range(3)]
    made = charts.timeline(points[:2], "Accuracy held", estimated=points)
    assert made is not None
    assert made.template == "timeline-estimated"
    assert [row["part"] for row in made.rows] == ["value"] * 2 + ["estimated"] * 3
    assert made.rows[4]["name"] == "estimated"
    empty = charts.timeline(points, "Accuracy held", estimated=[charts.Point(start, None)])
    assert empty is not None
    assert empty.template == "timeline"


def test_the_axis_of_counts_and_shares_begins_at_zero() -> None:
    """180 rows a day, each day: not a line in the middle of nothing."""
    start = datetime(2024, 3, 1, tzinfo=UTC)
    points = [charts.Point(start + timedelta(days=d), 180.0) for d in range(3)]
    made = charts.timeline(points, "180 rows", zero=True)
    assert made is not None
    assert made.template == "timeline-zero"
    line = next(one for one in made.vega()["layer"] if one["mark"]["type"] == "line")
    assert line["encoding"]["y"]["scale"] == {"zero": True}


def test_templates_made_in_many_threads_are_those_made_alone() -> None:
    """Altair mixes up fields of charts that are made at the same time: pages ask for several at once."""
    names = [name for name in TEMPLATES if name.startswith(("drift-map", "heat-strip", "forest", "embedding"))]
    made.cache_clear()
    with ThreadPoolExecutor(8) as pool:
        together = list(pool.map(template, names))
    made.cache_clear()
    assert together == [template(name) for name in names]


def test_names_stand_where_curves_keep_apart() -> None:
    """A curve that ends early above one that ends later and higher has its name above."""
    early, late = [{"x": 0.1, "y": 0.2}, {"x": 0.6, "y": 0.76}], [{"x": 0.1, "y": 0.1}, {"x": 0.8, "y": 0.77}]
    assert ends_higher(early, late)
    assert not ends_higher(late, early)
    assert not ends_higher([], late)
