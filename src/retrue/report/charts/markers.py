"""What is marked on a time axis (deployments, holidays, notes, new versions), and which of it has room for its name.

The rows are drawn by `retrue.report.charts.over_time`, on the walls of the live pages by `walls.js`.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Literal

from retrue.report.charts.picture import Picture, Row, short
from retrue.report.charts.timeline import millis

SUFFIX = "-markers"
"""How names of templates end that draw markers."""
NEAR = 0.02
"""Markers that lie nearer to each other than this share of the axis are drawn as one."""
LATE = 0.75
"""The share of the axis after which the last name stands left of its rule: right of it there is less room."""
LONGEST, WHOLE = 60, 400
"""Letters of a name, and of the whole of what was marked."""
SHOWN = ("value", "estimated", "cell", "incident")
"""Parts whose rows are what a picture shows of time; the others only stand beside."""


@dataclass(frozen=True, slots=True)
class Marker:
    """Something to remember of a time: what it is called, and its end where it lasts."""

    time: datetime
    name: str
    end: datetime | None = None


@dataclass(frozen=True, slots=True)
class Placed:
    """A marker, or several that lie close together, on an axis.

    Attributes:
        at, end: milliseconds since 1970; the same where it doesn't last.
        name: what is written beside it.
        told: the whole of it.
        room: the share of the axis that the name may take.
        side: where the name begins (`left`: at the rule) or ends (`right`).
    """

    at: int
    end: int
    name: str
    told: str
    room: float
    side: Literal["left", "right"] = "left"


def axis_of(picture: Picture) -> tuple[int, int] | None:
    """The time (milliseconds since 1970) that a picture shows; None where time is on no axis of it."""
    times = times_of(picture, SHOWN)
    return (min(times), max(times)) if times else None


def times_of(picture: Picture, parts: Collection[str]) -> list[int]:
    """Where the rows of some parts of a picture lie in time; none where time is on no axis of it."""
    if not picture.template.startswith(("timeline", "heat-strip", "drift-map")):
        return []
    at = axis_field(picture)
    rows = [row for row in picture.rows if row["part"] in parts]
    return [row[name] for row in rows for name in (at, at + "2") if name in row]


def axis_field(picture: Picture) -> str:
    """The field that holds the time of a picture's rows."""
    return "t" if picture.template.startswith("timeline") else "x"


def with_markers(picture: Picture, markers: Iterable[Marker]) -> Picture:
    """A picture with these markers, in the place of any that it had; those off its axis are left out.

    A timeline's points are the starts of windows, so that what was marked since the last start lengthens its axis.
    """
    axis = axis_of(picture)
    if axis is None:
        return picture
    (first, last), at = axis, axis_field(picture)
    shown = [one for one in markers if at == "t" or millis(one.time) <= last]
    beside = times_of(picture, ("reference",))
    last = max([last, *beside, *(millis(one.time) for one in shown)])
    placed = placed_on(shown, first, last, width=last - min([first, *beside]))
    template = picture.template.removesuffix(SUFFIX) + SUFFIX * bool(placed)
    rows, crossed = [row for row in picture.rows if row["part"] != "marker"], template.startswith("drift-map")
    return replace(picture, template=template, rows=[*(row_of(one, at, crossed=crossed) for one in placed), *rows])


def row_of(one: Placed, at: str, *, crossed: bool) -> Row:
    """A marker as a picture's row; `crossed`: time is on the picture's other axis too."""
    row = {"part": "marker", at: one.at, f"{at}2": one.end, "name": one.name, "told": one.told}
    return row | {"room": round(one.room, 4), "side": one.side} | ({"y": one.at} if crossed else {})


def placed_on(markers: Iterable[Marker], first: int, last: int, *, width: int | None = None) -> list[Placed]:
    """Place markers on an axis from `first` to `last` (milliseconds since 1970), in order of time.

    Args:
        markers: those outside the axis are left out.
        first: where what is shown begins.
        last: where it ends.
        width: of the whole axis, where more than that is on it.

    >>> from datetime import UTC, timedelta
    >>> start = datetime(1970, 1, 1, tzinfo=UTC)
    >>> for one in placed_on([Marker(start + timedelta(seconds=s), f"at {s}") for s in (10, 11, 90)], 0, 100_000):
    ...     print(one.at, one.name, round(one.room, 2), one.side)
    10000 at 10; at 11 0.4 left
    90000 at 90 0.4 right
    """
    width = max(width or last - first, 1)
    found = [clipped for one in markers if (clipped := clip(one, first, last)) is not None]
    if not found:
        return []
    groups: list[list[Placed]] = []
    for one in sorted(found, key=lambda one: one.at):
        if groups and one.at - groups[-1][0].at < NEAR * width:
            groups[-1].append(one)
        else:
            groups.append([one])
    every = [joined(own) for own in groups]
    ends = [*(one.at for one in every[1:]), last]
    roomy = [replace(one, room=(end - one.at) / width) for one, end in zip(every, ends, strict=True)]
    return late(roomy, first, width)


def clip(one: Marker, first: int, last: int) -> Placed | None:
    """The part of a marker that lies on the axis; None where none does."""
    at, end = millis(one.time), millis(one.end or one.time)
    if at > last or end < first:
        return None
    return Placed(max(at, first), min(end, last), short(one.name, LONGEST), short(one.name, WHOLE), 0.0)


def joined(own: Sequence[Placed]) -> Placed:
    """Several that lie close together as one."""
    names, told = (dict.fromkeys(getattr(one, part) for one in own) for part in ("name", "told"))
    lasting = [one.end for one in own if one.end > one.at]
    return Placed(
        own[0].at, max(lasting, default=own[0].at), short("; ".join(names), LONGEST), short("; ".join(told), WHOLE), 0.0
    )


def late(placed: list[Placed], first: int, width: int) -> list[Placed]:
    """The name of one that is near the end stands left of it; it shares that room with the one before."""
    if (placed[-1].at - first) / width < LATE:
        return placed
    *others, final = placed
    if not others:
        return [replace(final, room=(final.at - first) / width, side="right")]
    half = others[-1].room / 2
    if half < final.room:
        return placed
    return [*others[:-1], replace(others[-1], room=half), replace(final, room=half, side="right")]
