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


def drift_map(*, reference: bool, marked: bool) -> Layers:
    """How far windows lie apart; rows: part (cell, mark or reference), x, x2, y, y2, distance, name.

    Colour goes by the root of the distance: it is a square, and small moves should be seen beside large ones.
    """
    base = alt.Chart()
    axis: dict[str, Any] = {"tickCount": 5, "labelFlush": True, "labelOverlap": "greedy", "labelExpr": TIMES}
    x = alt.X("x", type="temporal", title=None).scale(type="utc", nice=False).axis(**axis)
    y = alt.Y("y", type="temporal", title=None).scale(type="utc", nice=False).axis(**axis)
    legend = alt.Legend(
        orient="top", direction="horizontal", gradientLength=120, gradientThickness=8, tickCount=2, title="apart (PSI)"
    )
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
    if marked:
        frame = base.transform_filter("datum.part === 'mark'").mark_rect(style="warn-frame")
        marks.append(frame.encode(x, y, alt.X2("x2"), alt.Y2("y2")))
    return alt.layer(*marks).properties(height=340)


def heat_strip(scale: Literal["linear", "log", "words"]) -> Layers:
    """A column's distribution by window; rows: part (cell or reference), x, x2, y, y2 or words, order, share."""
    base = alt.Chart()
    x = alt.X("x", type="temporal", title=None).scale(type="utc", nice=False)
    x = x.axis(tickCount=6, labelOverlap="greedy", labelExpr=TIMES)
    legend = alt.Legend(
        orient="top", direction="horizontal", gradientLength=120, gradientThickness=8, tickCount=2, format="~p",
        title="share of rows",
    )  # fmt: skip
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
