"""The features of a model, ranked by what their moves cost, then by how surprising they are; read from kept figures."""

from __future__ import annotations

import math
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from markupsafe import Markup
from sqlalchemy import ColumnElement, Connection, ScalarSelect, and_, func, select

from retrue.judge.verdict import Verdict, VerdictKind, badness
from retrue.judge.words import amount, metric_name
from retrue.metrics.names import IMPACT
from retrue.report.units import in_points, is_loss
from retrue.report.words import half_width, signed, spanned
from retrue.server.pages.reading import earlier, lasting
from retrue.server.pages.standing import State, state_of_kind
from retrue.store import tables
from retrue.workspace.check.incidents import read_verdict

CELLS = 120
"""The most windows of a strip."""
WIDTH, HEIGHT = 180, 14
HARDLY = 0.005
"""Points that are told as 0."""
OUTSIDE = "out_of_range"
LEVELS = 8
"""Shades of a strip."""
UNJUDGED = State("–", "not judged yet", "calm", "untold", 0)
"""Of a feature while no window was judged."""


class Moved(NamedTuple):
    """A feature's figures in one window: how far it moved, by which metric."""

    start: int
    metric: str
    value: float


@dataclass(frozen=True)
class Impact:
    """What a feature's move is expected to change a metric by."""

    metric: str
    value: float
    interval: tuple[float, float] | None


@dataclass
class Column:
    """What is kept of a feature.

    `outside` holds the starts of windows with values that the reference never had, `judged` the start of the newest
    judged window; `guilty`: an open incident is about it.
    """

    name: str
    moved: list[Moved] = field(default_factory=list)
    outside: list[int] = field(default_factory=list)
    judged: int = 0
    impact: Impact | None = None
    verdict: Verdict | None = None
    guilty: bool = False


@dataclass(frozen=True)
class ColumnRow:
    """A feature as the page shows it.

    Attributes:
        name: the feature.
        state: its state in the newest judged window.
        reason: why it isn't in true; "".
        impact: the expected change of the metric, in words, and its interval.
        worse: whether that is a loss beyond noise.
        moved: how far it moved, in words, and by which metric.
        strip: how far it moved in each window, pale to dark.
    """

    name: str
    state: State
    reason: str
    impact: str
    reach: str
    worse: bool
    moved: str
    by: str
    strip: Markup


def columns_of(
    connection: Connection,
    model: str,
    version: str,
    since: int,
    features: Sequence[str],
    drift: Iterable[str],
    until: float | None = None,
) -> list[Column]:
    """Read what is kept of features: how far they moved in windows from `since` to `until`, and the newest impacts."""
    points = tables.points.c
    of_model = and_(points.model == model, points.version == version, points.slice == "", points.value.is_not(None))
    judged = connection.execute(select(newest_judged(model, version, until))).scalar() or 0
    found = {name: Column(name, judged=judged) for name in features}
    query = select(points.column, points.start, points.metric, points.value)
    wanted = query.where(
        of_model,
        *earlier(points.start, until),
        points.start >= since,
        points.metric.in_([*drift, OUTSIDE]),
        points.column != "",
    )
    for name, start, metric, value in connection.execute(wanted.order_by(points.start)).all():
        if name in found and metric != OUTSIDE:
            found[name].moved.append(Moved(start, metric, value))
        elif name in found and value > 0:
            found[name].outside.append(start)
    for name in blamed(connection, model, until) & found.keys():
        found[name].guilty = True
    for name, impact in impacts_of(connection, and_(of_model, *earlier(points.start, until)), since).items():
        if name in found:
            found[name].impact = impact
    for name, verdict in verdicts_of(connection, model, version, until).items():
        if name in found:
            found[name].verdict = verdict
    return list(found.values())


def blamed(connection: Connection, model: str, until: float | None = None) -> set[str]:
    """The columns that open incidents, or those that lasted at a time, are about."""
    incidents = tables.incidents.c
    query = select(incidents.body).where(incidents.model == model, *lasting(until))
    return {name for (body,) in connection.execute(query) for name in body.get("columns") or ()}


def impacts_of(connection: Connection, of_model: ColumnElement[bool], since: int) -> dict[str, Impact]:
    """The impacts of the newest window that has some, by feature."""
    points = tables.points.c
    kept = and_(of_model, points.metric == IMPACT, points.start >= since)
    newest = select(points.start).where(kept).order_by(points.start.desc()).limit(1).scalar_subquery()
    query = select(points.column, points.value, points.low, points.high, points.note)
    return {
        name: Impact(note or "", value, None if low is None or high is None else (low, high))
        for name, value, low, high, note in connection.execute(query.where(kept, points.start == newest)).all()
    }


def newest_judged(model: str, version: str, until: float | None = None) -> ScalarSelect[int | None]:
    """The start of the newest judged window, to be asked within another query."""
    verdicts = tables.verdicts.c
    of_model = and_(verdicts.model == model, verdicts.version == version, *earlier(verdicts.start, until))
    return select(func.max(verdicts.start)).where(of_model).scalar_subquery()


def verdicts_of(connection: Connection, model: str, version: str, until: float | None = None) -> dict[str, Verdict]:
    """The worst verdict on each column in the newest judged window, of all rows."""
    verdicts = tables.verdicts.c
    of_model = and_(verdicts.model == model, verdicts.version == version)
    last = newest_judged(model, version, until)
    found: dict[str, Verdict] = {}
    query = select(verdicts.body).where(of_model, verdicts.start == last).order_by(verdicts.number)
    for (body,) in connection.execute(query):
        verdict = read_verdict(body)
        name = verdict.column
        if name and verdict.slice is None and (name not in found or badness(verdict) < badness(found[name])):
            found[name] = verdict
    return found


def ranked(columns: Iterable[Column], since: int, until: int, length: float) -> list[ColumnRow]:
    """Say what is kept of features: those that alarm or that an open incident is about, by loss, state, and move."""
    ordered = sorted(columns, key=lambda one: (not alarming(one), -certain_loss(one), state_rank(one), -last(one)))
    most: Mapping[str, float] = largest(ordered)
    return [row_of(one, most, since, until, length) for one in ordered]


def alarming(column: Column) -> bool:
    """Whether somebody is told of it: now, or by an incident that is open."""
    return column.guilty or (column.verdict is not None and column.verdict.alarms)


def state_rank(column: Column) -> tuple[float, float, float]:
    """The worst first; one that nothing was kept of is in true."""
    return badness(column.verdict or Verdict(VerdictKind.TRUE, ""))


def certain_loss(column: Column) -> float:
    """How much the metric certainly loses by the newest move; 0 where that may be nothing."""
    newest = column.impact
    if newest is None or newest.interval is None or newest.interval[0] <= 0 <= newest.interval[1]:
        return 0.0
    return abs(newest.value) if is_loss(newest.value, newest.metric or None) else 0.0


def last(column: Column) -> float:
    """How far it moved in the newest judged window; 0 where nothing was measured there."""
    newest = in_newest(column)
    return newest.value if newest else 0.0


def in_newest(column: Column) -> Moved | None:
    """Its figure of the newest judged window; None where only older ones have one: that isn't how far it moved now."""
    return column.moved[-1] if column.moved and column.moved[-1].start >= column.judged else None


def largest(columns: Iterable[Column]) -> dict[str, float]:
    """The largest move by metric: what the darkest cell stands for."""
    most: dict[str, float] = {}
    for one in columns:
        for moved in one.moved:
            most[moved.metric] = max(most.get(moved.metric, 0.0), moved.value)
    return most


def row_of(column: Column, most: Mapping[str, float], since: int, until: int, length: float) -> ColumnRow:
    """Say what is kept of one feature."""
    newest = in_newest(column)
    impact, reach = impact_said(column.impact) if column.impact else ("–", "")
    verdict = column.verdict
    reason = verdict.reason if verdict is not None and verdict.kind is not VerdictKind.TRUE else ""
    return ColumnRow(
        column.name, state_of_column(verdict) if column.judged else UNJUDGED, reason,
        impact, reach, certain_loss(column) > 0,
        amount(newest.value) if newest else "–", metric_name(newest.metric) if newest else "",
        strip(column.moved, most, since, until, length, column.outside),
    )  # fmt: skip


def state_of_column(verdict: Verdict | None) -> State:
    """A feature's state; one that nothing was kept of is in true."""
    if verdict is None:
        return state_of_kind("true", alarm=False, group="in")
    return state_of_kind(verdict.kind.value, alarm=verdict.alarms, group="out" if verdict.alarms else "in")


def impact_said(impact: Impact) -> tuple[str, str]:
    """An expected change and its interval, in points where the metric is a share; what is hardly anything is 0.

    >>> impact_said(Impact("accuracy", -0.039, (-0.045, -0.032)))
    ('−3.9 points', '−4.5 to −3.2')
    >>> impact_said(Impact("accuracy", 1e-10, (-5e-10, 5e-10)))
    ('0', '')
    """
    scale, unit = (100, " points") if in_points(impact.metric or None) else (1, "")
    interval = None if impact.interval is None else (impact.interval[0] * scale, impact.interval[1] * scale)
    if scale == 100 and max(abs(end) for end in interval or (impact.value * scale,)) < HARDLY:
        return "0", ""
    said = signed(impact.value * scale, half_width(interval))
    return (said if said == "0" else said + unit), spanned(interval)


def strip(
    moved: Sequence[Moved],
    most: Mapping[str, float],
    since: int,
    until: int,
    length: float,
    outside: Sequence[int] = (),
) -> Markup:
    """Draw how far a feature moved in each window: a cell each, pale where it stayed, dark where it moved most.

    Windows whose move can't be measured, as values lie outside what the reference has shown, have their own colour.
    """
    if not moved and not outside:
        return Markup("")
    windows = max(1, math.ceil((until - since) / length))
    cells = min(CELLS, windows)

    def place_of(start: int) -> int:
        return min(cells - 1, int((start - since) / length) * cells // windows)

    darkest: dict[int, float] = {}
    for one in moved:
        share = one.value / most[one.metric] if most[one.metric] else 0.0
        darkest[place_of(one.start)] = max(darkest.get(place_of(one.start), 0.0), share)
    beyond = {place_of(start) for start in outside} - darkest.keys()
    return drawn_strip(cells, darkest, beyond)


def drawn_strip(cells: int, darkest: Mapping[int, float], beyond: Collection[int]) -> Markup:
    """A strip as SVG: how dark each cell is (0 to 1), and which have the colour of what can't be measured."""
    width = max(2, WIDTH // cells)
    levels: dict[int, list[int]] = {}
    for place, share in sorted(darkest.items()):
        levels.setdefault(min(LEVELS, math.ceil(max(share, 0.0) * LEVELS)), []).append(place)

    def path(look: str, places: Iterable[int]) -> str:
        return (
            f'<path {look} d="' + "".join(f"M{place * width},0h{width}v{HEIGHT}h-{width}z" for place in places) + '"/>'
        )

    # Only numbers reach the markup: nothing of the data's own text does.
    drawn = "".join(path(f'fill-opacity="{0.06 + 0.94 * level / LEVELS:.2f}"', own) for level, own in levels.items())
    drawn += path('class="out"', sorted(beyond)) if beyond else ""
    size = f'viewBox="0 0 {cells * width} {HEIGHT}" width="{cells * width}" height="{HEIGHT}"'
    return Markup(f'<svg class="heat" {size} aria-hidden="true">{drawn}</svg>')  # noqa: S704 - numbers and our own words
