"""The forest plot: differences with their intervals, a row each, names beside or above them."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from itertools import product

import altair as alt

from retrue.report.charts.heat import Layers
from retrue.report.charts.outcome import ABOVE

LINE_HEIGHT = 14
"""Pixels of a line of a name, as Vega has it for 12 pixel text."""


def forest(*, worse: bool, above: int = 0) -> Layers:
    """Differences from the reference with intervals, worse ones orange; rows: label, value, low, high, text, change.

    Where names are above, rows have them as `name`: the label, with empty lines before it where others have more.

    Args:
        worse: whether any row is.
        above: lines of a row's name above its interval, where names are long; 0: short ones beside it.
    """
    base, place = alt.Chart(), names_above() if above else labels()
    x = alt.X("value", type="quantitative", title=None).scale(zero=True, padding=12)
    x = x.axis(grid=True, tickCount=6, labelExpr="datum.value === 0 ? '0' : format(datum.value, '+~g')")
    marks: list[alt.Chart] = []
    orange = [(base.transform_filter("datum.change === 'worse'"), "warn")] if worse else []
    for rows, name in [(base, "window"), *orange]:
        told = [alt.Tooltip("label", type="nominal", title=" "), alt.Tooltip("text", type="nominal", title=" ")]
        marks.append(
            rows.mark_rule(style=f"{name}-line").encode(place, alt.X("low", type="quantitative"), alt.X2("high"))
        )
        marks.append(rows.mark_point(size=60, opacity=1, style=f"{name}-point").encode(place, x, tooltip=told))
    marks.append(base.mark_rule(style="zero").encode(x=alt.datum(0)))
    if above:
        up = -8 - LINE_HEIGHT * (above - 1)  # the first line stands there, and the others below it
        text = base.mark_text(align="left", baseline="bottom", dy=up, lineBreak="\n", fontSize=12, style="ink-text")
        marks.append(text.encode(place, alt.Text("name", type="nominal"), x=alt.value(0)))
    return alt.layer(*marks).properties(height=alt.Step(28 + 16 * above))


def names_above() -> alt.Y:
    """Leave the rows' labels to marks of their own."""
    return alt.Y("label", type="nominal", title=None, sort=None).axis(None)


def labels() -> alt.Y:
    """Write the rows' labels on the y-axis, in the order of the rows: a chart's first layer must have them all."""
    return alt.Y("label", type="nominal", title=None, sort=None).axis(labelLimit=170)


def forests() -> dict[str, Callable[[], Layers]]:
    """The forest plot with names beside the rows, or in so many lines above: `forest`, `forest-worse-above-2`."""
    return {
        f"forest{'-worse' if worse else ''}{f'-above-{above}' if above else ''}": partial(
            forest, worse=worse, above=above
        )
        for worse, above in product((False, True), range(ABOVE + 1))
    }
