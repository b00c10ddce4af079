"""What stands on a model's time axes: what people marked (deployments, holidays, notes), and where a new version began.

markers ──┐
          ├── axis_markers ── marked ──> every picture over time, every wall, the picture of a message
windows ──┘
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from sqlalchemy import Connection, func, select

from retrue.report.charts.markers import Marker, Placed, axis_of, placed_on, with_markers
from retrue.store import rows, tables
from retrue.workspace import clock, notes

if TYPE_CHECKING:
    from retrue.report.charts.picture import Picture
    from retrue.workspace.stored import StoredModel

MILLIS = 1_000
"""Milliseconds of a second: what charts count time in."""


def marked(model: StoredModel, picture: Picture | None, until: float | None = None) -> Picture | None:
    """A picture with what stands on its model's time axis; one without time as it is.

    Args:
        model: whose.
        picture: of something over time.
        until: the end of what is shown, in seconds since 1970; the end of its last window unless given.
    """
    axis = None if picture is None else axis_of(picture)
    if picture is None or axis is None:
        return picture
    # A point of a timeline is the start of its window, which lasts.
    last = axis[1] / MILLIS + model.options.window
    return with_markers(picture, read_markers(model, axis[0] / MILLIS, max(last, until or last)))


def marked_on(model: StoredModel, spans: Sequence[tuple[float, float]]) -> list[tuple[Placed, ...]]:
    """What stands on each of several axes (from and until, in seconds since 1970), with the room for each name."""
    if not spans:
        return []
    found = read_markers(model, min(since for since, _ in spans), max(until for _, until in spans))
    return [tuple(placed_on(found, round(since * MILLIS), round(until * MILLIS))) for since, until in spans]


def read_markers(model: StoredModel, since: float, until: float) -> list[Marker]:
    """The same as it is kept."""
    with model.store.catalog.read() as tx:
        return axis_markers(tx.connection, model.name, model.options.window, since, until)


def axis_markers(connection: Connection, model: str, window: float, since: float, until: float) -> list[Marker]:
    """What stands on a model's time axis, in order of time.

    Args:
        connection: to the catalog.
        model: its name; what is marked of all models counts.
        window: the length of its windows in seconds.
        since: the begin of the axis, in seconds since 1970.
        until: its end.
    """
    first, last = (round(end * clock.MICROS) for end in (since, until))
    kept = notes.between(connection, model, first - round(window * clock.MICROS), last + 1)
    told = [one.at / clock.MICROS for one in kept if one.kind == notes.DEPLOYMENT]
    found = [marker_of(one) for one in kept if (one.at if one.until is None else one.until) >= first]
    for version, start in first_windows(connection, model):
        # The deployment that made a version serve is a better word for it than the window in which it began.
        if since <= start <= until and not any(start - window <= at <= start + window for at in told):
            found.append(Marker(clock.moment(start * clock.MICROS), f"version {version} begins"))
    return sorted(found, key=lambda one: one.time)


def marker_of(one: rows.Marker) -> Marker:
    """A marker as pictures take it; what it is comes first where its text doesn't say so."""
    name = one.text if one.kind != notes.HOLIDAY else f"holiday: {one.text}"
    return Marker(clock.moment(one.at), name, None if one.until is None else clock.moment(one.until))


def first_windows(connection: Connection, model: str) -> list[tuple[str, int]]:
    """Versions that served, but the first, and the start of the first window with events of each (seconds)."""
    c, v = tables.windows.c, tables.versions.c
    first = func.min(c.start).label("first")
    query = select(c.version, first).join(tables.versions, (v.model == c.model) & (v.version == c.version))
    query = query.where(c.model == model, c.events > 0, v.stage.in_(["champion", "retired"]))
    found = [
        (version, start) for version, start in connection.execute(query.group_by(c.version).order_by(first, c.version))
    ]
    return found[1:]
