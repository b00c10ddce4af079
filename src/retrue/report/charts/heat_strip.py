"""The heat strip: how a column's distribution went over time, a column of cells for each window."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from retrue.core.column import ColumnProfile
from retrue.core.grid import CategoricalGrid, NumericGrid
from retrue.core.state import Floats
from retrue.judge.words import percent
from retrue.report.charts.bars import chosen_categories, short_labels
from retrue.report.charts.display import NOTED, display, is_date, mass_of, outside, strayed
from retrue.report.charts.drift_map import moment
from retrue.report.charts.picture import Field, Picture, position, share, short
from retrue.report.charts.timeline import millis

BINS = 24
"""The most cells of a window."""
NOTE = "The stronger a cell's colour, the more of its window's rows lie there; left: the reference"


def heat_strip(
    windows: Sequence[ColumnProfile], spans: Sequence[tuple[str, str]], reference: ColumnProfile, name: str
) -> Picture | None:
    """Show a column's distribution in each window beside the reference's; None where there is nothing to draw.

    Args:
        windows: its profiles on the reference's grid, oldest first.
        spans: start and end of each (ISO).
        reference: the reference's profile.
        name: what the title calls the column.
    """
    if not windows:
        return None
    whole = windows[0]
    for one in windows[1:]:
        whole += one
    if isinstance(reference.grid, CategoricalGrid):
        return of_words(windows, spans, reference, whole, name)
    return of_numbers(windows, spans, reference, whole, name)


def of_numbers(
    windows: Sequence[ColumnProfile],
    spans: Sequence[tuple[str, str]],
    reference: ColumnProfile,
    whole: ColumnProfile,
    name: str,
) -> Picture | None:
    """The strip of a numeric column; None of dates, whose place in time says all."""
    grid = reference.grid
    if not isinstance(grid, NumericGrid) or is_date(grid):
        return None
    shown = display(whole, reference, BINS)
    if shown.edges.size < 2:
        return None
    below, above = strayed(whole, grid, everything=False)
    filled = [mass_of(one, reference, grid, below, above).between(shown.edges) for one in windows]
    places = [{"y": position(a), "y2": position(b)} for a, b in zip(shown.edges[:-1], shown.edges[1:], strict=True)]
    rows = cells([filled[0][0], *(one[1] for one in filled)], spans, places)
    fields = (Field("x", "from", "time"), Field("y", "value from", "number"), Field("y2", "to", "number"), SHARE)
    template = "heat-strip-log" if shown.scale == "log" else "heat-strip"
    drawn = {"below": below is not None, "above": above is not None}
    return Picture(template, f"{short(name)} over time", rows, fields, NOTE + left_out(windows[-1], reference, **drawn))


def left_out(window: ColumnProfile, reference: ColumnProfile, *, below: bool, above: bool) -> str:
    """What of a window the strip doesn't show, in words; empty where that is next to nothing."""
    told = outside(window, reference, below=below, above=above)
    said = [f"{percent(one.window)} {one.label}" for one in told if not one.drawn and one.window >= NOTED]
    return f". Not drawn, of the newest window: {', '.join(said)}" if said else ""


def of_words(
    windows: Sequence[ColumnProfile],
    spans: Sequence[tuple[str, str]],
    reference: ColumnProfile,
    whole: ColumnProfile,
    name: str,
) -> Picture | None:
    """The strip of categories: those that matter, then what was never seen and what is missing."""
    grid = reference.grid
    if not isinstance(grid, CategoricalGrid):
        return None
    chosen, labels, known = (
        chosen_categories(whole, reference, len(grid.categories)),
        short_labels(grid),
        len(grid.categories),
    )
    places = [{"y": labels[i]} for i in chosen] + [{"y": "never seen"}, {"y": "missing"}]
    picks = [*chosen, known + 1, known + 2]
    rows = cells([one.shares[picks] for one in (reference, *windows)], spans, places)
    fields = (Field("x", "from", "time"), Field("y", "value"), SHARE)
    return Picture("heat-strip-words", f"{short(name)} over time", rows, fields, NOTE)


SHARE = Field("share", "share of rows", "share")


def cells(
    shares: Sequence[Floats], spans: Sequence[tuple[str, str]], places: Sequence[dict[str, Any]]
) -> list[dict[str, Any]]:
    """A row for each cell; the reference stands before the first window, a window's width apart."""
    times = [(millis(moment(start)), millis(moment(end))) for start, end in spans]
    wide = max((times[-1][1] - times[0][0]) // 24, times[0][1] - times[0][0])
    ends = [(times[0][0] - 2 * wide, times[0][0] - wide // 2), *times]
    rows: list[dict[str, Any]] = []
    for number, (held, (x, x2)) in enumerate(zip(shares, ends, strict=True)):
        for order, (place, value) in enumerate(zip(places, np.nan_to_num(held).tolist(), strict=True)):
            part = "cell" if number else "reference"
            rows.append({"part": part, "x": x, "x2": x2, **place, "order": order, "share": share(value)})
    return rows
