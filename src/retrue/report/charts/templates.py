"""What draws each kind of picture: Altair charts without data or colours, each made once.

Rows hold plain fields; styles are named here and coloured by `retrue.report.theme`, so that one spec serves light and
dark.
"""

from __future__ import annotations

import importlib
import json
import sys
from collections.abc import Callable
from functools import cache
from threading import Lock
from typing import Any, Literal, TypeAlias

import altair as alt

from retrue.errors import RetrueError
from retrue.report.charts.forests import forests, labels
from retrue.report.charts.heat import SHARE, TIMES, Layers
from retrue.report.charts.over_time import over_time
from retrue.report.theme import REFERENCE, WINDOW

Align: TypeAlias = Literal["left", "right"]

ROW = 38
"""Pixels for each category of a bar chart: two bars of `BAR` pixels and air."""
BAR = 11
LABELS = 84
"""Pixels kept free beside bars for their figures."""
RATIOS = (
    "indexof([1, 2, 5], round(datum.value / pow(10, floor(log(datum.value) / LN10 + 1e-9)))) < 0 ? '' : "
    "format(datum.value, datum.value < 1 ? '.2~g' : '~s')"
)
"""Labels of a log axis: 1, 2 and 5 of each power of ten."""


MAKING = Lock()
"""Altair mixes up the fields of charts that are made in two threads at a time."""


def template(name: str) -> dict[str, Any]:
    """Give a template's Vega-Lite spec; don't change it. Any thread may ask.

    Raises:
        RetrueError: there is none of that name.
    """
    if name not in TEMPLATES:
        raise RetrueError(f"unknown chart template {name!r}", expected=", ".join(TEMPLATES))
    with MAKING:
        return made(name)


@cache
def made(name: str) -> dict[str, Any]:
    """Make a template, once.

    Altair looks for pandas among what is loaded: where another thread is just loading it, it is waited for.
    """
    if "pandas" in sys.modules:
        importlib.import_module("pandas")
    chart = TEMPLATES[name]()
    spec: dict[str, Any] = json.loads(chart.properties(data=alt.InlineData(values=[])).to_json(indent=None))
    for unwanted in ("config", "datasets"):
        spec.pop(unwanted, None)
    return spec


# --- distributions -------------------------------------------------------------------------------------------------


def distribution(scale: str) -> Layers:
    """Two histograms on shared bins, laid over each other; rows are bins: x, x2, reference, window, label_of."""
    kind: Any = "temporal" if scale == "time" else "quantitative"
    scales = {"log": alt.Scale(type="log", nice=False), "time": alt.Scale(type="utc", nice=False)}
    x = alt.X("x", type=kind, title=None).scale(scales.get(scale, alt.Scale(zero=False, nice=False)))
    x = x.axis(
        tickCount=6,
        labelFlush=True,
        labelOverlap="greedy",
        labelSeparation=8,
        labelExpr={"log": RATIOS, "time": TIMES}.get(scale, alt.Undefined),
    )
    base = alt.Chart()
    bins = base.transform_filter("isValid(datum.share_of)")
    marks = [
        bins.mark_area(interpolate="step-after", clip=True, style="reference-area").encode(x, share_axis(REFERENCE)),
        bins.mark_area(interpolate="step-after", clip=True, style="window-area").encode(x, share_axis(WINDOW)),
        bins.mark_line(interpolate="step-after", clip=True, style="window-line").encode(x, share_axis(WINDOW)),
        names(base, x, REFERENCE),
        names(base, x, WINDOW),
        hover(base, kind, scale),
    ]
    return alt.layer(*marks).properties(height=170)


def share_axis(field: str) -> alt.Y:
    """Draw shares of rows on the y-axis."""
    axis = alt.Axis(labelExpr="format(datum.value * 100, '~g') + ' %'", tickCount=3, grid=True, gridOpacity=0.7)
    return alt.Y(field, type="quantitative", title=None, axis=axis)


def names(base: alt.Chart, x: alt.X, side: str) -> alt.Chart:
    """Write a side's name where its histogram stands out."""
    named = base.transform_filter(f"datum.label_of === '{side}'")
    mark: alt.Chart = named.mark_text(baseline="bottom", dy=-5, fontSize=12, fontWeight=600, style=f"{side}-text")
    return mark.encode(x, alt.Y("at", type="quantitative"), alt.Text("name", type="nominal"))


def hover(base: alt.Chart, kind: Any, scale: str) -> alt.Chart:
    """Tell a bin's figures under the pointer, over the whole height."""
    bins = base.transform_filter("isValid(datum.x2) && isValid(datum.share_of)")
    form = "%d %b %Y %H:%M" if scale == "time" else ".6~g"
    told = [
        alt.Tooltip("x", type=kind, title="from", format=form),
        alt.Tooltip("x2", type=kind, title="to", format=form),
        alt.Tooltip(REFERENCE, type="quantitative", format=SHARE),
        alt.Tooltip(WINDOW, type="quantitative", format=SHARE),
    ]
    mark: alt.Chart = bins.mark_bar(style="hover")
    return mark.encode(alt.X("x", type=kind), alt.X2("x2"), y=alt.value(0), y2=alt.value(170), tooltip=told)


# --- bars ----------------------------------------------------------------------------------------------------------


def bars(*, whole: bool) -> Layers:
    """Two bars for each category, on a scale that ends at the longest one, or at all rows (`whole`).

    Rows: label, reference, window, reference_text, window_text, loud (the window's share where it is loud, or 0).
    """
    base = alt.Chart()
    x = free_right(alt.Scale(domain=[0, 1]) if whole else alt.Scale(zero=True, nice=False))
    marks = []
    for side, place in ((REFERENCE, -1), (WINDOW, 1)):
        offset = place * (BAR / 2 + 0.5)
        bar = base.mark_bar(height=BAR, yOffset=offset, style=f"{side}-bar")
        marks.append(bar.encode(labels(), share_x(side, x), tooltip=bar_tooltip()))
    loud = base.mark_bar(height=BAR, yOffset=BAR / 2 + 0.5, style="warn-bar")
    marks.append(loud.encode(labels(), share_x("loud", x), tooltip=bar_tooltip()))
    for side, place in ((REFERENCE, -1), (WINDOW, 1)):
        text = base.mark_text(align="left", dx=5, yOffset=place * (BAR / 2 + 0.5), fontSize=11, style=f"{side}-text")
        marks.append(text.encode(labels(), share_x(side, x), alt.Text(f"{side}_text", type="nominal")))
    return alt.layer(*marks).properties(height=alt.Step(ROW))


def free_right(scale: alt.Scale) -> alt.Scale:
    """Keep room for figures on the right."""
    scale["range"] = [0, {"expr": f"width - {LABELS}"}]
    return scale


def share_x(field: str, scale: alt.Scale) -> alt.X:
    """Draw shares along an x-axis that needs no labels."""
    return alt.X(field, type="quantitative", axis=None, scale=scale)


def bar_tooltip() -> list[alt.Tooltip]:
    """Tell a category's two shares."""
    return [
        alt.Tooltip("label", type="nominal", title=" "),
        alt.Tooltip(REFERENCE, type="quantitative", format=SHARE),
        alt.Tooltip(WINDOW, type="quantitative", format=SHARE),
    ]


def ranking() -> Layers:
    """One bar from zero for each row; rows: label, value, left or right (its text), loud (the value, or 0)."""
    base = alt.Chart()
    scale = alt.Scale(zero=True, nice=False)
    scale["range"] = [{"expr": f"{LABELS}"}, {"expr": f"width - {LABELS}"}]
    x = alt.X("value", type="quantitative", axis=None, scale=scale)
    marks = []
    for field, name in (("value", "window-bar"), ("loud", "warn-bar")):
        along = alt.X(field, type="quantitative", axis=None, scale=scale)
        marks.append(base.mark_bar(height=10, style=name).encode(labels(), along))
    sides: list[tuple[str, Align, int]] = [("left", "right", -6), ("right", "left", 6)]
    for side, align, dx in sides:
        text = base.mark_text(align=align, dx=dx, style="ink-text")
        marks.append(text.encode(labels(), x, alt.Text(side, type="nominal")))
    return alt.layer(*marks).properties(height=alt.Step(24))


# --- outcomes ------------------------------------------------------------------------------------------------------


def square(x_title: str, y_title: str) -> tuple[alt.X, alt.Y]:
    """Draw both axes from 0 to 1."""
    axis: dict[str, Any] = {"grid": True, "tickCount": 5, "format": "~g"}
    x = alt.X("x", type="quantitative", title=x_title).axis(**axis).scale(domain=[0, 1])
    return x, alt.Y("y", type="quantitative", title=y_title).axis(**axis).scale(domain=[0, 1])


def diagonal(base: alt.Chart, x: alt.X, y: alt.Y) -> alt.Chart:
    """Draw the diagonal, from the rows of side `diagonal`."""
    mark: alt.Chart = base.transform_filter("datum.side === 'diagonal'").mark_line(style="zero")
    return mark.encode(x, y)


def curve_names(base: alt.Chart, x: alt.X, y: alt.Y, side: str) -> list[alt.Chart]:
    """Write a curve's name at the row that holds one: above it on the left, or below it on the right."""
    found = []
    places: list[tuple[str, Align, int, int]] = [("above", "right", -8, -8), ("below", "left", 8, 12)]
    for place, align, dx, dy in places:
        rows = base.transform_filter(f"datum.side === '{side}' && datum.place === '{place}'")
        mark = rows.mark_text(align=align, dx=dx, dy=dy, fontSize=12, fontWeight=600, style=f"{side}-text")
        found.append(mark.encode(x, y, alt.Text("name", type="nominal")))
    return found


def calibration() -> Layers:
    """Observed share against predicted, with intervals; rows: side, x, y, low, high, n, name, place."""
    base = alt.Chart()
    x, y = square("predicted", "observed")
    marks = [diagonal(base, x, y)]
    told = [
        alt.Tooltip("x", type="quantitative", title="predicted", format=".3~g"),
        alt.Tooltip("y", type="quantitative", title="observed", format=".3~g"),
        alt.Tooltip("n", type="quantitative", title="rows", format=","),
    ]
    for side in (REFERENCE, WINDOW):
        rows = base.transform_filter(f"datum.side === '{side}'")
        band = rows.mark_rule(opacity=0.55, style=f"{side}-line")
        marks.append(band.encode(x, alt.Y("low", type="quantitative"), alt.Y2("high")))
        marks.append(rows.mark_line(style=f"{side}-line").encode(x, y))
        marks.append(rows.mark_point(size=30, opacity=1, style=f"{side}-point").encode(x, y, tooltip=told))
        marks += curve_names(base, x, y, side)
    return alt.layer(*marks).properties(height=280)


def roc() -> Layers:
    """True against false positives; rows: side, x, y, order, name, place."""
    base = alt.Chart()
    x, y = square("false positive rate", "true positive rate")
    marks = [diagonal(base, x, y)]
    for side in (REFERENCE, WINDOW):
        rows = base.transform_filter(f"datum.side === '{side}'")
        marks.append(
            rows.mark_line(interpolate="linear", style=f"{side}-line").encode(
                x, y, alt.Order("order", type="quantitative")
            )
        )
        marks += curve_names(base, x, y, side)
    return alt.layer(*marks).properties(height=280)


# --- maps -----------------------------------------------------------------------------------------------------------


def embedding_map(*, grown: bool) -> Layers:
    """Points of both sides, and the names of clusters that grew; rows: side (or none), x, y, at, name."""
    base = alt.Chart()
    x, y = (alt.X("x", type="quantitative", axis=None), alt.Y("y", type="quantitative", axis=None))
    x, y = x.scale(zero=False, padding=12), y.scale(zero=False, padding=12)
    marks = []
    for side in (REFERENCE, WINDOW):
        points = base.transform_filter(f"datum.side === '{side}'")
        marks.append(points.mark_point(size=14, filled=True, opacity=0.45, style=f"{side}-point").encode(x, y))
    if grown:
        rows = base.transform_filter("datum.side === 'grown'")
        marks.append(rows.mark_point(size=160, filled=False, strokeWidth=2, style="warn-point").encode(x, y))
        name = rows.mark_text(baseline="bottom", fontSize=12, fontWeight=600, style="warn-text")
        marks.append(name.encode(x, alt.Y("at", type="quantitative"), alt.Text("name", type="nominal")))
    return alt.layer(*marks).properties(height=320)


TEMPLATES: dict[str, Callable[[], Layers]] = {
    **over_time(),
    "distribution": lambda: distribution("linear"),
    "distribution-log": lambda: distribution("log"),
    "distribution-time": lambda: distribution("time"),
    "bars": lambda: bars(whole=False),
    "bars-of-all": lambda: bars(whole=True),
    "ranking": ranking,
    **forests(),
    "calibration": calibration,
    "roc": roc,
    "embedding-map": lambda: embedding_map(grown=False),
    "embedding-map-grown": lambda: embedding_map(grown=True),
}
"""Every template by name."""
