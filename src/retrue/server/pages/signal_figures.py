"""Signals in figures: each one's share of the rows, what is usual, its verdict, its incidents, what was collected."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from markupsafe import Markup
from sqlalchemy import ColumnElement, Connection, select

from retrue.judge.incident import Incident
from retrue.judge.verdict import VerdictKind
from retrue.judge.words import percent
from retrue.metrics.drift.signal_share import NAME
from retrue.report.charts import IncidentSpan, Picture, Point, timeline
from retrue.server.pages.model_figures import at_of, points
from retrue.server.pages.moments import day
from retrue.server.pages.ranges import Range
from retrue.server.pages.reading import Figure, earlier, in_turn, served_by
from retrue.server.pages.standing import State, dated, state_of_kind
from retrue.server.pages.trend import trend
from retrue.slices import Slice
from retrue.store import tables
from retrue.workspace import Model
from retrue.workspace.axis import marked
from retrue.workspace.collect.watching import WatchedSignal

UNTOLD = State("?", "can't be told", "warn", "untold", 0)
UNJUDGED = State("?", "can't be judged", "calm", "untold", 0)
WAITING = State("–", "not judged yet", "calm", "untold", 0)
USUAL = State("·", "as usual", "calm", "in", 0)


@dataclass(frozen=True)
class Said:
    """An incident of a signal: its id, state, sentence, and when."""

    id: str
    state: State
    sentence: str
    when: str


@dataclass(frozen=True)
class Line:
    """A watched signal.

    Attributes:
        name: what it is called.
        asks: which rows, as SQL, or the function that says.
        words: the same as a sentence says it; "" where that tells no more.
        state: how its newest share stands; `risen`: above what is usual; `told`: whether there is one; `judged`: and
            whether it could be judged.
        reason: what was said of it.
        error: why it couldn't be told; "".
        share, interval: of the rows of its newest window; `when`: that window's day.
        usual: the share that is usual.
        strip: its share over time, the size of a word.
        collected, matched: rows, of how many that met it.
        policy: which of its rows are collected.
        origin: the incident whose guilty slice it is; "".
        since: events from then on are collected; "": all.
        incidents: those of its share, live ones first.
    """

    name: str
    asks: str
    words: str
    state: State
    risen: bool
    told: bool
    judged: bool
    reason: str
    error: str
    share: str
    interval: str
    when: str
    usual: str
    strip: Markup
    collected: str
    matched: str
    policy: str
    origin: str
    since: str
    incidents: tuple[Said, ...] = ()


def lines_of(model: Model, span: Range) -> tuple[Line, ...]:
    """The watched signals, those that need a person first, then by name."""
    watched = model.watched_signals()
    if not watched:
        return ()
    with model.store.catalog.read() as tx:
        shares = shares_of(tx.connection, model.name, span)
        loud = newest_of(tx.connection, model.name, span, tables.verdicts.c.body["alarm"].as_boolean())
        unsaid = newest_of(tx.connection, model.name, span, tables.verdicts.c.kind == VerdictKind.NOT_COMPARABLE.value)
    known = incidents_in(model, span)
    found = [
        line_of(
            model,
            one,
            shares.get(one.name, ()),
            loud.get(one.name),
            unsaid.get(one.name),
            incidents_of(known, one.name),
            span,
        )
        for one in watched
    ]
    return tuple(sorted(found, key=lambda one: (not one.risen, not one.error, one.name)))


def line_of(
    model: Model, one: WatchedSignal, shares: Sequence[tuple[Figure, str]], alarm: tuple[int, str] | None,
    unsaid: tuple[int, str] | None, incidents: Sequence[Incident], span: Range,
) -> Line:  # fmt: skip
    """A signal in words."""
    newest, reason = shares[-1] if shares else (None, "")
    risen = newest is not None and alarm is not None and alarm[0] == newest.start
    judged = newest is not None and (unsaid is None or unsaid[0] != newest.start)
    calm = USUAL if judged else UNJUDGED if newest else WAITING
    state = state_of_kind(alarm[1], alarm=True, group="out") if risen and alarm else calm
    low_high = "" if newest is None or newest.low is None or newest.high is None else (
        f"{percent(newest.low)} to {percent(newest.high)}"
    )  # fmt: skip
    said = Slice.parse(one.slice).words if one.slice else ""
    return Line(
        one.name, one.slice or f"function {one.function}", "" if said in (one.slice, one.name) else said,
        UNTOLD if one.error else state, risen and not one.error, newest is not None, judged, reason, one.error or "",
        "–" if newest is None else percent(newest.value), low_high,
        "" if newest is None else day(model.span(newest.start)[0]),
        "–" if newest is None or newest.reference is None else percent(newest.reference),
        trend([figure for figure, _ in shares], (), span.since, span.until, loud=risen),
        f"{one.rows:,}", f"{one.matched:,}", one.policy, one.incident or "",
        "" if one.since is None else one.since.isoformat(), tuple(said_of(each, span.until) for each in incidents),
    )  # fmt: skip


def said_of(one: Incident, until: float) -> Said:
    """An incident in words."""
    state = state_of_kind(one.kind.value, alarm=True, group="out" if one.live else "in")
    tone = state if one.live else State(state.glyph, state.word, "calm", state.group, state.rank)
    when = f"since {dated(one.since, until)}" if one.until is None else (
        f"{dated(one.since, until)} to {dated(one.until, until)}"
    )  # fmt: skip
    return Said(one.id, tone, one.sentence, when)


def incidents_in(model: Model, span: Range) -> list[Incident]:
    """The incidents that began before the end of a stretch of time."""
    every = [one.incident for one in model.incidents()]
    return [one for one in every if span.before is None or datetime.fromisoformat(one.since) < at_of(span.before)]


def incidents_of(known: Sequence[Incident], signal: str) -> list[Incident]:
    """The incidents that a signal's share belongs to, live ones first."""
    own = [one for one in known if any(v.metric == NAME and v.slice == signal for v in one.verdicts)]
    return sorted(own, key=lambda one: not one.live)


# --- reading --------------------------------------------------------------------------------------------------------


def shares_of(connection: Connection, model: str, span: Range) -> dict[str, tuple[tuple[Figure, str], ...]]:
    """Each signal's share by window, oldest first, with what was said; of the version that served then."""
    c = tables.points.c
    query = select(c.slice, c.version, c.start, c.value, c.low, c.high, c.reference, c.note).where(
        c.model == model,
        c.metric == NAME,
        c.start >= int(span.since),
        c.value.is_not(None),
        *earlier(c.start, span.before),
    )
    found: dict[str, dict[str, list[Any]]] = {}
    for name, version, *figure, note in connection.execute(query.order_by(c.start)):
        found.setdefault(name, {}).setdefault(version, []).append(Dated(Figure(*figure), note or ""))
    versions = served_by(connection, [model]).get(model, ("1",))
    told = {name: in_turn([own.get(version, ()) for version in versions]) for name, own in found.items()}
    return {name: tuple((one.figure, one.note) for one in own) for name, own in told.items()}


@dataclass(frozen=True)
class Dated:
    """A figure, and what was said of it."""

    figure: Figure
    note: str

    @property
    def start(self) -> int:
        """Of its window."""
        return self.figure.start


def newest_of(
    connection: Connection, model: str, span: Range, said: ColumnElement[bool]
) -> Mapping[str, tuple[int, str]]:
    """The newest window of each signal with such a verdict on its share, and the kind of that."""
    c = tables.verdicts.c
    name = c.body["slice"].as_string()
    query = select(name, c.start, c.kind).where(
        c.model == model,
        c.body["metric"].as_string() == NAME,
        said,
        *earlier(c.start, span.before),
    )
    return {str(signal): (start, kind) for signal, start, kind in connection.execute(query.order_by(c.start, c.number))}


def share_picture(model: Model, signal: str, span: Range) -> Picture | None:
    """A signal's share over time, the usual one beside it; its incidents, and what is marked."""
    with model.store.catalog.read() as tx:
        shares = shares_of(tx.connection, model.name, span).get(signal, ())
    if not shares:
        return None
    figures, end = [figure for figure, _ in shares], at_of(span.until)
    last = figures[-1]
    usual = "" if last.reference is None else f", usually {percent(last.reference)}"
    title = f"{signal}: {percent(last.value)} of rows{usual}"
    known = incidents_of(incidents_in(model, span), signal)
    ends = ((one.since, one.until or end.isoformat()) for one in known)
    spans = [tuple(datetime.fromisoformat(moment) for moment in pair) for pair in ends]
    risen = [
        IncidentSpan(max(since, at_of(span.since)), min(until, end), "risen") for since, until in spans if since < end
    ]
    level = None if last.reference is None else 100 * last.reference
    drawn = timeline([in_percent(one) for one in points(figures)], title, reference=level, incidents=risen, zero=True)
    return marked(model, drawn, span.until)


def in_percent(one: Point) -> Point:
    """A share as a chart says it."""
    low, high = one.interval or (None, None)
    interval = None if low is None or high is None else (100 * low, 100 * high)
    return Point(one.time, None if one.value is None else 100 * one.value, interval)
