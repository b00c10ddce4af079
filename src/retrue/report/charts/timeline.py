"""The picture of a metric over time: values with intervals, the reference's level, incidents as marks on the axis."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from retrue.report.charts.picture import Field, Picture, position


@dataclass(frozen=True, slots=True)
class Point:
    """One window's value: when the window began, the value (None leaves a gap), its 95 % interval."""

    time: datetime
    value: float | None
    interval: tuple[float, float] | None = None


@dataclass(frozen=True, slots=True)
class Mark:
    """Something that happened, from `start` to `end`: an incident."""

    start: datetime
    end: datetime
    name: str


def timeline(
    points: Sequence[Point], title: str, *, reference: float | None = None, marks: Sequence[Mark] = ()
) -> Picture | None:
    """Show a metric over time; None without points.

    Args:
        points: one for each window, in order of time.
        title: the finding.
        reference: the reference's level.
        marks: incidents, drawn as bands behind the line.
    """
    if not points:
        return None
    rows: list[dict[str, Any]] = [point_row(point) for point in points]
    rows += [{"part": "mark", "t": millis(m.start), "t2": millis(m.end), "name": m.name} for m in marks]
    if reference is not None:
        rows.append({"part": "reference", "value": position(reference), "name": "reference"})
    fields = (
        Field("t", "from", "time"),
        Field("value", "value", "number"),
        Field("low", "low", "number"),
        Field("high", "high", "number"),
    )
    template = "timeline" + ("-level" if reference is not None else "") + ("-marks" if marks else "")
    return Picture(template, title, rows, fields)


def point_row(point: Point) -> dict[str, Any]:
    """Write one point; a window without an interval has a band of no height."""
    row: dict[str, Any] = {"part": "value", "t": millis(point.time), "value": None, "low": None, "high": None}
    if point.value is not None:
        low, high = point.interval or (point.value, point.value)
        row |= {"value": position(point.value), "low": position(low), "high": position(high)}
    return row


def millis(time: datetime) -> int:
    """Give milliseconds since 1970, as charts count time."""
    return round(time.timestamp() * 1000)
