"""The drift map: how far every two windows of a column lie apart, so that one sees since when it is another column.

Pale is alike. A jump leaves two pale squares on the diagonal, a slope fades away from it, a period draws stripes, and
what was temporary is a cross.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

import numpy as np

from retrue.core.column import ColumnProfile
from retrue.judge.shapes.series import Series, distances, series_of
from retrue.report.charts.picture import Field, Picture, short
from retrue.report.charts.timeline import IncidentSpan, millis

SHOWN = 48
"""More windows than this are added up to longer ones: the eye sees no more, and cells are the square of it."""
LEAST = 3
"""Fewer windows than this are no map."""


def drift_map(
    windows: Sequence[ColumnProfile],
    spans: Sequence[tuple[str, str]],
    title: str,
    *,
    incident: IncidentSpan | None = None,
    reference_ends: datetime | None = None,
) -> Picture | None:
    """Show how far every two windows of a column lie apart; None for fewer than three with rows enough.

    Args:
        windows: profiles of one column on one grid.
        spans: start and end of each (ISO).
        title: the finding.
        incident: what to frame on the diagonal.
        reference_ends: where the reference's own windows end, drawn as dotted lines.
    """
    series = series_of(windows, spans, most=SHOWN)
    if len(series.spans) < LEAST:
        return None
    rows = cell_rows(series)
    first, last = millis(moment(series.spans[0][0])), millis(moment(series.spans[-1][1]))
    if incident is not None:
        start, end = max(millis(incident.start), first), min(millis(incident.end), last)
        if start < end:
            rows.append({"part": "incident", "x": start, "x2": end, "y": start, "y2": end, "name": incident.name})
    if reference_ends is not None and first < millis(reference_ends) < last:
        rows.append({"part": "reference", "x": millis(reference_ends), "y": millis(reference_ends)})
    parts = {row["part"] for row in rows}
    template = "drift-map" + "-reference" * ("reference" in parts) + "-incident" * ("incident" in parts)
    fields = (
        Field("x", "from", "time"),
        Field("y", "and from", "time"),
        Field("distance", "apart, about PSI", "number"),
    )
    return Picture(template, short(title, 120), rows, fields, note_of(parts))


def note_of(parts: set[str]) -> str:
    """Say how to read it."""
    said = ["Each cell compares two windows: the stronger its colour, the farther apart they are"]
    said += ["framed: the incident"] if "incident" in parts else []
    said += ["dotted: the end of the reference"] if "reference" in parts else []
    return "; ".join(said)


def cell_rows(series: Series) -> list[dict[str, Any]]:
    """Write one row for each pair of windows; a window ends where the next begins, unless one is missing."""
    apart = distances(series) ** 2
    starts = [millis(moment(start)) for start, _ in series.spans]
    ends = [millis(moment(end)) for _, end in series.spans]
    pairs = np.argwhere(np.ones_like(apart, dtype=np.bool_)).tolist()
    return [
        {
            "part": "cell",
            "x": starts[i],
            "x2": ends[i],
            "y": starts[j],
            "y2": ends[j],
            "distance": round(float(apart[i, j]), 4),
        }
        for i, j in pairs
    ]


def moment(iso: str) -> datetime:
    """Read an ISO time."""
    return datetime.fromisoformat(iso)
