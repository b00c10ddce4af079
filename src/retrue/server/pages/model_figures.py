"""The pictures of a model's page: performance over time, where features drift, traffic, labels, latency.

Each answers by itself when its figure comes into view, so that the page doesn't wait for it.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from typing import Annotated

from fastapi import APIRouter, Depends, Query, Request, Response
from sqlalchemy import Connection, select

from retrue.core.column import ColumnProfile
from retrue.errors import nearest
from retrue.judge.words import metric_name, percent
from retrue.metrics import get
from retrue.report.charts import IncidentSpan, Picture, Point, drift_map, timeline
from retrue.report.words import short_count, upper_first
from retrue.server.auth import viewer
from retrue.server.errors import HttpError
from retrue.server.pages.figures import pictured
from retrue.server.pages.model import Name, chosen_metric, known_facts, metrics_of
from retrue.server.pages.ranges import Lately, Range, lately, range_of
from retrue.server.pages.reading import Facts, Figure, both, figures_of, in_turn, served_by
from retrue.server.pages.standing import change_of, interval_of, newest_figure, told
from retrue.server.service import Service, service
from retrue.store import tables
from retrue.store.reader import KeptColumn
from retrue.workspace import Model
from retrue.workspace.axis import marked

router = APIRouter(prefix="/models/{model}/figures", include_in_schema=False)

READ = 60
"""The most windows whose profiles are read for a chart."""
HOLDS = 600
"""Seconds that a chart's profiles are kept for: time goes on though nothing comes in."""

Served = Annotated[Service, Depends(service)]
Reader = Annotated[object, Depends(viewer)]
Asked = Annotated[Lately, Depends(lately())]


@router.get("/performance")
def performance(
    request: Request,
    served: Served,
    _: Reader,
    name: Name,
    asked: Asked,
    metric: Annotated[str, Query(max_length=100)] = "",
) -> Response:
    """A metric over time, realised and estimated, with incidents."""
    model = served.model(name)
    with model.store.catalog.read() as tx:
        shown = range_of(tx.connection, model, asked)
        known = known_facts(tx.connection, served.headlines, name, shown)
        chosen = chosen_metric(metric, known.metric, [own for own, _ in metrics_of(tx.connection, model)])
        real, said = series(tx.connection, name, chosen, shown)
        incidents = incident_spans(tx.connection, name, shown)
    return pictured(request, marked(model, performance_picture(known, chosen, real, said, incidents), shown.until))


def series(
    connection: Connection, model: str, metric: str, shown: Range
) -> tuple[tuple[Figure, ...], tuple[Figure, ...]]:
    """A metric's figures and its estimates, of the version that served in each window."""
    versions = served_by(connection, [model]).get(model, ("1",))
    found = figures_of(connection, {(model, own) for own in both(metric)}, int(shown.since), shown.before)
    real, said = (in_turn([found.get((model, version, own), ()) for version in versions]) for own in both(metric))
    return real, said


def performance_picture(
    known: Facts,
    metric: str,
    real: Sequence[Figure],
    said: Sequence[Figure],
    incidents: Sequence[IncidentSpan],
) -> Picture | None:
    """The timeline of a metric; its title says how it stands."""
    every = [*real, *said]
    if not every:
        return None
    newest = newest_figure(Facts("", "", known.window, None, known.zone, metric, tuple(real), tuple(said)))
    shown = told(real or said, known)
    value = shown.value + (f" ({shown.interval})" if shown.interval else "") if shown else ""
    change = change_of(newest, metric)
    against = "" if change == "–" else f", {change}" + ("" if change == "within noise" else " against the reference")
    title = f"{upper_first(metric_name(metric))} {'' if real else 'is estimated at '}{value}{against}"
    level = next((one.reference for one in reversed(every) if one.reference is not None), None)
    return timeline(points(real), title, reference=level, estimated=points(said), incidents=incidents)


def points(figures: Iterable[Figure]) -> list[Point]:
    """Figures as a chart takes them."""
    return [Point(at_of(one.start), one.value, interval_of(one)) for one in figures]


def at_of(seconds: float) -> datetime:
    """The time of seconds since 1970."""
    return datetime.fromtimestamp(seconds, UTC)


def incident_spans(connection: Connection, model: str, shown: Range) -> list[IncidentSpan]:
    """Incidents of this time, over or not."""
    incidents = tables.incidents.c
    told_ = [incidents.body[name].as_string() for name in ("kind", "since", "until")]
    query = select(*told_).where(incidents.model == model).order_by(incidents.opened, incidents.id)
    end, found = at_of(shown.until), []
    for kind, since, until in connection.execute(query):
        start, over = datetime.fromisoformat(since), datetime.fromisoformat(until) if until else end
        first, last = max(start, at_of(shown.since)), min(over, end)
        if first < last:
            found.append(IncidentSpan(first, last, kind))
    return found


@router.get("/rows")
def volume(request: Request, served: Served, _: Reader, name: Name, asked: Asked) -> Response:
    """Rows by window."""
    model = served.model(name)
    known, shown = known_lately(served, model, asked)
    whole = [one for one in known.traffic if one.start + known.window <= shown.until]
    counts = [Point(at_of(one.start), float(one.events)) for one in whole]
    title = f"{short_count(whole[-1].events)} rows in the last whole window" if whole else ""
    return pictured(request, marked(model, timeline(counts, title, zero=True), shown.until))


@router.get("/labels")
def labels(request: Request, served: Served, _: Reader, name: Name, asked: Asked) -> Response:
    """The share of rows with a label by window."""
    model = served.model(name)
    known, shown = known_lately(served, model, asked)
    shares = [Point(at_of(one.start), 100 * one.labelled / one.events) for one in known.traffic if one.events]
    ripe = shown.until - known.window - (known.maturity or 0)
    old = [one for one in known.traffic if one.events and one.start <= ripe]
    share = percent(old[-1].labelled / old[-1].events) if old else ""
    title = f"{share} of the newest rows that are old enough have a label" if old else "Labels are still coming in"
    picture = timeline(shares, title, zero=True)
    picture = picture and replace(picture, note="Labelled rows in %, by window")
    return pictured(request, marked(model, picture, shown.until))


def known_lately(served: Service, model: Model, asked: Lately) -> tuple[Facts, Range]:
    """What the catalog knows of a model in a stretch of time."""
    with model.store.catalog.read() as tx:
        shown = range_of(tx.connection, model, asked)
        return known_facts(tx.connection, served.headlines, model.name, shown), shown


@router.get("/drift")
def drift(
    request: Request,
    served: Served,
    _: Reader,
    name: Name,
    column: Annotated[str, Query(max_length=1000)],
    asked: Asked,
) -> Response:
    """How far every two windows of a feature lie apart."""
    model = served.model(name)
    profiles = column_profiles(served, model, column, asked)
    spans = [model.span(start) for start, _ in profiles]
    title = f"{column}: which windows are alike, and which are not"
    return pictured(request, marked(model, drift_map([one for _, one in profiles], spans, title)))


@router.get("/latency")
def latency(request: Request, served: Served, _: Reader, name: Name, asked: Asked) -> Response:
    """The latency that 95 % and half of the predictions of each window stay under, over all of the time shown."""
    model = served.model(name)
    role = model.schema.latency
    profiles = column_profiles(served, model, role, asked) if role else []
    most, half = (latencies(profiles, metric) for metric in ("p95", "median"))
    known = [one for one in zip(most, half, strict=True) if one[0].value is not None and one[1].value is not None]
    said = [f"{point.value:.3g}" for point in known[-1]] if known else []
    title = f"95 % of predictions took at most {said[0]}, half at most {said[1]} ({role})" if said else ""
    return pictured(request, marked(model, timeline(most, title, estimated=half, dashed="half of them")))


def latencies(profiles: Sequence[tuple[int, ColumnProfile]], metric: str) -> list[Point]:
    """A quantile by window."""
    told_ = ((start, get(metric).compute(profile, profile)) for start, profile in profiles)
    return [Point(at_of(start), one.value, one.interval) for start, one in told_]


def window_range(model: Model, asked: Lately) -> Range:
    """The stretch of time that is shown."""
    with model.store.catalog.read() as tx:
        return range_of(tx.connection, model, asked)


def column_profiles(served: Service, model: Model, column: str, asked: Lately) -> list[tuple[int, ColumnProfile]]:
    """A column's profiles by window, oldest first; evenly chosen ones where there are many. Kept for its other charts.

    Raises:
        HttpError: 404, nothing is counted of such a column.
    """
    state = served.watch.look().get(model.name, "")
    shown = window_range(model, asked)
    key = (model.name, column, state, f"{asked.query} {int(shown.until) // HOLDS}")
    kept = served.windows.of((model.name, column), dict)
    return served.columns.of(key, lambda: read_profiles(model, column, shown, kept))


def read_profiles(model: Model, column: str, shown: Range, kept: KeptColumn) -> list[tuple[int, ColumnProfile]]:
    """The same, read from the catalog: those windows that changed since they were kept."""
    with model.store.catalog.read() as tx:
        versions = served_by(tx.connection, [model.name]).get(model.name, ("1",))
    windows: dict[int, str] = {}
    for window in model.store.windows(model.name, int(shown.since), int(shown.before or shown.until + 1)):
        if window.version in versions and window.events:
            windows.setdefault(window.start, window.version)
    starts = sorted(windows)
    step = -(-len(starts) // READ) or 1
    grids = model.store.grids(model.name)
    if grids is not None and column not in grids.columns:
        raise HttpError(404, f"no column {column!r}", where=model.name, hint=nearest(column, grids.columns))
    found = model.store.column_profiles(model.name, column, starts[::step], kept)
    return [(start, found[version, start]) for start, version in sorted(windows.items()) if (version, start) in found]
