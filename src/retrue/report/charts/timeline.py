"""The picture of a metric over time: values with intervals, the reference's level, incidents as bands."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from retrue.report.charts.picture import Field, Picture, position


@dataclass(frozen=True, slots=True)
class Point:
    """One window's value: when the window began, the value (None leaves a gap), its 95 % interval."""

    time: datetime
    value: float | None
    interval: tuple[float, float] | None = None


@dataclass(frozen=True, slots=True)
class IncidentSpan:
    """When an incident was, from `start` to `end`, and what is written beside it."""

    start: datetime
    end: datetime
    name: str


def timeline(
    points: Sequence[Point],
    title: str,
    *,
    reference: float | None = None,
    estimated: Sequence[Point] = (),
    dashed: str = "estimated",
    incidents: Sequence[IncidentSpan] = (),
    zero: bool = False,
) -> Picture | None:
    """Show a metric over time; None without points.

    Args:
        points: one for each window, in order of time.
        title: the finding.
        reference: the reference's level.
        estimated: the same metric as it is estimated without labels, drawn dashed.
        dashed: what is written beside that line.
        incidents: drawn as bands behind the line.
        zero: whether the axis begins at zero, as that of counts and shares does; never with `estimated`.
    """
    if not points and not estimated:
        return None
    said = series(estimated, "estimated")
    named = next((row for row in reversed(said) if row["value"] is not None), None)
    if named is None:
        said = []
    else:
        named["name"] = dashed
    rows = [*series(points, "value"), *said]
    rows += incident_rows(incidents, [one.time for one in (*points, *estimated)])
    if reference is not None:
        rows.append({"part": "reference", "value": position(reference), "name": "reference"})
    there = {"level": reference is not None, "estimated": said, "incidents": incidents, "zero": zero}
    return Picture("-".join(["timeline", *(name for name, any_ in there.items() if any_)]), title, rows, FIELDS)


def incident_rows(incidents: Sequence[IncidentSpan], times: Iterable[datetime]) -> list[dict[str, Any]]:
    """Write the incidents: those that begin together have one place for their names, which ends where the next begins.

    Args:
        incidents: in any order.
        times: what else is on the axis.
    """
    names: dict[datetime, list[str]] = {}
    for one in sorted(incidents, key=lambda one: one.start):
        names.setdefault(one.start, []).append(one.name)
    ends = [*times, *(one.start for one in incidents), *(one.end for one in incidents)]
    first, last = min(ends), max(ends)
    until = dict(zip(names, [*list(names)[1:], last], strict=False))
    return [
        {
            "part": "incident", "t": millis(one.start), "t2": millis(one.end), "told": one.name,
            "name": ", ".join(dict.fromkeys(names.pop(one.start, ()))),
            "room": round((until[one.start] - one.start) / max(last - first, timedelta(seconds=1)), 4),
        }
        for one in incidents
    ]  # fmt: skip


FIELDS = (
    Field("t", "from", "time"),
    Field("part", "what", "text"),
    Field("value", "value", "number"),
    Field("low", "low", "number"),
    Field("high", "high", "number"),
)


def series(points: Sequence[Point], part: str) -> list[dict[str, Any]]:
    """Write the points of a line; one beside which nothing is known has no line, and is `alone`."""
    rows = [point_row(point, part) for point in points]
    ends = [{"value": None}]
    for before, row, after in zip([*ends, *rows], rows, [*rows[1:], *ends], strict=False):
        if row["value"] is not None and before["value"] is None and after["value"] is None:
            row["alone"] = True
    return rows


def point_row(point: Point, part: str = "value") -> dict[str, Any]:
    """Write one point; a window without an interval has a band of no height."""
    row: dict[str, Any] = {"part": part, "t": millis(point.time), "value": None, "low": None, "high": None}
    if point.value is not None:
        low, high = point.interval or (point.value, point.value)
        row |= {"value": position(point.value), "low": position(low), "high": position(high)}
    return row


def millis(time: datetime) -> int:
    """Give milliseconds since 1970, as charts count time."""
    return round(time.timestamp() * 1000)
