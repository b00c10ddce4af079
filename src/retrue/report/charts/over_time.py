"""What draws pictures over time: timelines, and what is marked on every time axis."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from itertools import product

import altair as alt

from retrue.report.charts.heat import TIMES, Layers, drift_map, heat_strip
from retrue.report.charts.markers import SUFFIX

HEIGHT = 190
"""Pixels of a timeline."""
GAP = 7
"""Pixels between a marker's rule and its name."""
FLUSH = 24
"""Pixels from an end of the time axis within which a label stands wholly beside its tick: it would be cut off else."""
LEAST = 28
"""Pixels that a name on the plot needs; with fewer it isn't drawn."""


def timeline(*, level: bool, estimated: bool, incidents: bool, zero: bool) -> Layers:
    """A value by window with its interval; where there are any its estimate, the reference's level, incidents.

    The axis begins at zero, or where the values do.

    Rows: part (value, estimated, reference, incident or marker), t, t2, value, low, high, name; of an incident also
    told (what it is) and room (the share of the width that its name may take). Layers without rows would make Vega
    complain.
    """
    base = alt.Chart()
    x = alt.X("t", type="temporal", title=None).scale(type="utc", nice=False)
    x = x.axis(tickCount=6, labelFlush=FLUSH, labelOverlap="greedy", labelSeparation=8, labelExpr=TIMES)
    y = alt.Y("value", type="quantitative", title=None).scale(zero=zero).axis(grid=True, tickCount=4)
    layers = [
        *(incident_layers(base, x) if incidents else []),
        *(level_layers(base, y) if level else []),
        *(series_layers(base, x, y, "estimated", [4, 3]) if estimated else []),
        *series_layers(base, x, y, "value", None),
    ]
    return alt.layer(*layers).properties(height=HEIGHT)


SEEN = alt.condition("datum.alone", alt.value(1), alt.value(0))
"""Points are there to be pointed at; one that no line goes through is seen."""


def series_layers(base: alt.Chart, x: alt.X, y: alt.Y, part: str, dash: list[float] | None) -> list[alt.Chart]:
    """Draw a value over time with its interval as a band; what is written beside its end says which it is."""
    points = base.transform_filter(f"datum.part === '{part}'")
    told = [
        alt.Tooltip("t", type="temporal", title="from", format="%d %b %Y %H:%M"),
        *(alt.Tooltip(name, type="quantitative", format=".4~g") for name in ("value", "low", "high")),
    ]
    line = points.mark_line(style="window-line", strokeDash=dash) if dash else points.mark_line(style="window-line")
    named = base.transform_filter(f"datum.part === '{part}' && datum.name")
    name = named.mark_text(align="right", baseline="bottom", dx=-2, dy=-6, style="window-text")
    return [
        points.mark_area(style="window-area").encode(x, alt.Y("low", type="quantitative"), alt.Y2("high")),
        line.encode(x, y),
        *([name.encode(x, y, alt.Text("name", type="nominal"))] if dash else []),
        points.mark_point(size=70, style="window-point").encode(x, y, opacity=SEEN, tooltip=told),
    ]


def incident_layers(base: alt.Chart, x: alt.X) -> list[alt.Chart]:
    """Draw incidents as bands with their names, as far as these have room before the next; each says its own."""
    rows = base.transform_filter("datum.part === 'incident'")
    top, foot, told = alt.value(0), alt.value(HEIGHT), alt.Tooltip("told", type="nominal", title="incident")
    band = rows.mark_rect(style="warn-area").encode(x, alt.X2("t2"), y=top, y2=foot, tooltip=told)
    room = f"datum.room * width - {GAP}"
    name = rows.mark_text(
        align="left", baseline="top", dx=4, dy=4, style="warn-text",
        limit={"expr": f"max(1, {room})"}, opacity={"expr": f"{room} < {LEAST} ? 0 : 1"},
    )  # fmt: skip
    return [band, name.encode(x, alt.Text("name", type="nominal"), y=alt.value(0))]


def level_layers(base: alt.Chart, y: alt.Y) -> list[alt.Chart]:
    """Draw the reference as a dotted line with its name."""
    rows = base.transform_filter("datum.part === 'reference'")
    name = rows.mark_text(align="right", baseline="bottom", dx=-2, dy=-4, style="reference-text")
    text = name.encode(y, alt.Text("name", type="nominal"), x=alt.value("width"))
    return [rows.mark_rule(style="zero").encode(y), text]


# --- markers --------------------------------------------------------------------------------------------------------


def with_markers(make: Callable[[], Layers], at: str, *, crossed: bool = False) -> Layers:
    """The same picture with what is marked on its time axis: a dotted rule each, its name above the plot.

    Rows: part (marker), `at` (t or x), its end (t2 or x2; the same where it doesn't last), name, told (the whole of
    it), room (the share of the width that the name may take), side (of the rule on which it stands), and y where
    `crossed`: time is on both axes.
    """
    drawn = make()
    rows = alt.Chart().transform_filter("datum.part === 'marker'")
    x, x2 = alt.X(at, type="temporal"), alt.X2(f"{at}2")
    told = [
        alt.Tooltip(at, type="temporal", title="at", format="%d %b %Y %H:%M"),
        alt.Tooltip("told", type="nominal", title="marked"),
    ]
    top, foot = alt.value(0), alt.value(drawn.height)
    rule = rows.mark_rule(style="marker")
    room = f"datum.room * width - {GAP + 4}"
    name = rows.mark_text(
        align={"expr": "datum.side"}, baseline="bottom", dy=-2, style="marker-text",
        dx={"expr": f"datum.side === 'right' ? -{GAP} : {GAP}"},
        limit={"expr": f"max(1, {room})"}, opacity={"expr": f"{room} < {LEAST} ? 0 : 1"},
    )  # fmt: skip
    sign = rows.mark_point(style="marker-point", shape="triangle-down", size=36, yOffset=-5)
    layers = [
        rows.mark_rect(style="marker-area").encode(x, x2, y=top, y2=foot, tooltip=told),
        rule.encode(x, y=top, y2=foot, tooltip=told),
        *([rule.encode(alt.Y("y", type="temporal"), tooltip=told)] if crossed else []),
        sign.encode(x, y=top, tooltip=told),
        name.encode(x, alt.Text("name", type="nominal"), y=top, tooltip=told),
    ]
    return alt.layer(*drawn.layer, *layers).properties(height=drawn.height)


def over_time() -> dict[str, Callable[[], Layers]]:
    """Every picture over time by name, with and without markers: `timeline-level-incidents-markers`."""
    parts = ("level", "estimated", "incidents", "zero")
    timelines: dict[str, Callable[[], Layers]] = {}
    for chosen in product((False, True), repeat=len(parts)):
        drawn = dict(zip(parts, chosen, strict=True))
        if drawn["estimated"] and drawn["zero"]:  # counts and shares aren't estimated
            continue
        timelines["-".join(["timeline", *(part for part in parts if drawn[part])])] = partial(timeline, **drawn)
    strips = {
        "heat-strip": partial(heat_strip, "linear"),
        "heat-strip-log": partial(heat_strip, "log"),
        "heat-strip-words": partial(heat_strip, "words"),
    }
    maps = {
        "drift-map" + "-reference" * reference + "-incident" * incident: partial(
            drift_map, reference=reference, incident=incident
        )
        for reference, incident in product((False, True), repeat=2)
    }
    marked = {
        **{name: partial(with_markers, make, "t") for name, make in timelines.items()},
        **{name: partial(with_markers, partial(make, marked=True), "x") for name, make in strips.items()},
        **{name: partial(with_markers, partial(make, marked=True), "x", crossed=True) for name, make in maps.items()},
    }
    return timelines | strips | maps | {f"{name}{SUFFIX}": make for name, make in marked.items()}
