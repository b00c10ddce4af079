"""What draws pictures whose cells are pale or dark: the drift map, and the heat strip of a column."""

from __future__ import annotations

from typing import Any, Literal, TypeAlias

import altair as alt

Layers: TypeAlias = alt.LayerChart | alt.FacetChart

SHARE = ".2~p"
"""Two significant digits of a percentage."""
TIMES = (
    "utchours(datum.value) || utcminutes(datum.value) ? utcFormat(datum.value, '%H:%M') : "
    "utcdayofyear(datum.value) === 1 ? utcFormat(datum.value, '1 Jan %Y') : utcFormat(datum.value, '%-d %b')"
)
"""Labels of a time axis: days all in one form, whatever steps the axis takes; hours within a day."""
LANE = 22
"""Pixels above a plot that names of markers need."""


def drift_map(*, reference: bool, incident: bool, marked: bool = False) -> Layers:
    """How far windows lie apart; rows: part (cell, incident or reference), x, x2, y, y2, distance, name.

    Colour goes by the root of the distance: it is a square, and small moves should be seen beside large ones.
    """
    base = alt.Chart()
    axis: dict[str, Any] = {"tickCount": 5, "labelFlush": True, "labelOverlap": "greedy", "labelExpr": TIMES}
    x = alt.X("x", type="temporal", title=None).scale(type="utc", nice=False).axis(**axis)
    y = alt.Y("y", type="temporal", title=None).scale(type="utc", nice=False).axis(**axis)
    legend = gradient("apart (PSI)", marked=marked)
    colour = alt.Color("distance", type="quantitative", legend=legend).scale(type="sqrt", domainMin=0)
    told = [
        alt.Tooltip("x", type="temporal", title="from", format="%d %b %Y %H:%M"),
        alt.Tooltip("y", type="temporal", title="and from", format="%d %b %Y %H:%M"),
        alt.Tooltip("distance", type="quantitative", title="apart, about PSI", format=".2~g"),
    ]
    cells = base.transform_filter("datum.part === 'cell'").mark_rect(style="heat")
    marks = [cells.encode(x, y, alt.X2("x2"), alt.Y2("y2"), color=colour, tooltip=told)]
    if reference:
        ends = base.transform_filter("datum.part === 'reference'")
        marks += [ends.mark_rule(style="zero").encode(x), ends.mark_rule(style="zero").encode(y)]
    if incident:
        frame = base.transform_filter("datum.part === 'incident'").mark_rect(style="warn-frame")
        marks.append(frame.encode(x, y, alt.X2("x2"), alt.Y2("y2")))
    return alt.layer(*marks).properties(height=340)


def heat_strip(scale: Literal["linear", "log", "words"], *, marked: bool = False) -> Layers:
    """A column's distribution by window; rows: part (cell or reference), x, x2, y, y2 or words, order, share."""
    base = alt.Chart()
    if marked:  # what is marked has no value: the y-axis is that of the cells alone
        base = base.transform_filter("datum.part !== 'marker'")
    x = alt.X("x", type="temporal", title=None).scale(type="utc", nice=False)
    x = x.axis(tickCount=6, labelOverlap="greedy", labelExpr=TIMES)
    legend = gradient("share of rows", marked=marked, format="~p")
    colour = alt.Color("share", type="quantitative", legend=legend).scale(type="sqrt", domainMin=0)
    told = [
        alt.Tooltip("part", type="nominal", title="of"),
        alt.Tooltip("x", type="temporal", title="from", format="%d %b %Y %H:%M"),
        alt.Tooltip("y", type="nominal" if scale == "words" else "quantitative", title="value"),
        alt.Tooltip("share", type="quantitative", title="share of rows", format=SHARE),
    ]
    cells = base.mark_rect(style="heat")
    if scale == "words":
        words = alt.Y("y", type="nominal", title=None, sort=alt.EncodingSortField("order"))
        return alt.layer(cells.encode(x, words, alt.X2("x2"), color=colour, tooltip=told)).properties(height=260)
    y = alt.Y("y", type="quantitative", title=None).scale(type=scale, zero=False, nice=False).axis(tickCount=6)
    return alt.layer(cells.encode(x, y, alt.X2("x2"), alt.Y2("y2"), color=colour, tooltip=told)).properties(height=260)


def gradient(title: str, *, marked: bool, **more: Any) -> alt.Legend:
    """What pale and dark stand for, above the picture; names of markers have room between them."""
    return alt.Legend(
        orient="top", direction="horizontal", gradientLength=120, gradientThickness=8, tickCount=2, title=title,
        offset=LANE if marked else alt.Undefined, **more,
    )  # fmt: skip
