"""What the overview asks of the catalog: all models at once, in a handful of queries, and no profile is decoded."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any, Protocol, TypeVar

from sqlalchemy import ColumnElement, Connection, and_, func, literal_column, or_, select

from retrue.judge.incident import State
from retrue.judge.severity import Severity
from retrue.judge.verdict import VerdictKind
from retrue.metrics import registered
from retrue.metrics.names import estimated
from retrue.report.words import PREFERRED
from retrue.schema import Schema, Task
from retrue.store import tables
from retrue.workspace.clock import DAY, MICROS

OF_ALL_COLUMNS = tables.points.c.column == literal_column("''")
"""Figures of no column; spelt out, for the index of these holds no others."""


class Windowed(Protocol):
    """Something of a window."""

    @property
    def start(self) -> int: ...


T = TypeVar("T", bound=Windowed)


@dataclass(frozen=True)
class Figure:
    """A metric's value on a window, with its interval and what the reference has."""

    start: int
    value: float
    low: float | None
    high: float | None
    reference: float | None


@dataclass(frozen=True)
class Traffic:
    """A window's events, and how many have a label."""

    start: int
    events: int
    labelled: int


@dataclass(frozen=True)
class Live:
    """An incident that isn't resolved, without its verdicts."""

    id: str
    kind: str
    status: str
    since: str
    severity: str
    sentence: str
    snoozed_until: str | None
    metric: str | None = None
    """The metric of the model that it made worse, where one is known to be."""


RANKS = [kind.value for kind in VerdictKind]
"""Kinds of verdicts, worst first."""


def incident_rank(one: Live) -> tuple[bool, int, int, str]:
    """Worst first: those that somebody put off come last."""
    return one.status == State.SNOOZED, RANKS.index(one.kind), -Severity(one.severity).rank, one.since


@dataclass(frozen=True)
class Judged:
    """What the newest judged window's verdicts are, by kind, each with a reason, and the worst kind that alarms."""

    start: int
    kinds: Mapping[str, str]
    alarm: str = ""


@dataclass(frozen=True)
class Facts:
    """What the catalog knows of a model lately: of its champion, and before that of the versions that served then.

    Attributes:
        name: the model.
        version: its champion.
        window: seconds of a window.
        maturity: seconds until labels are final, where that is known.
        zone: the time zone of its windows.
        metric: the one that is told first: what the worst live incident made worse, else the usual one; None before
            there is a figure.
        realised, estimated: that metric's figures, oldest first.
        traffic: its windows, oldest first.
        live: incidents that aren't resolved.
        judged: the newest judged window; None before the first.
    """

    name: str
    version: str
    window: float
    maturity: float | None
    zone: str
    metric: str | None
    realised: tuple[Figure, ...] = ()
    estimated: tuple[Figure, ...] = ()
    traffic: tuple[Traffic, ...] = ()
    live: tuple[Live, ...] = ()
    judged: Judged | None = None


@dataclass
class Headlines:
    """Which metric is told first of each model, once it has figures: that stays while the model is what it is."""

    known: dict[tuple[str, str], str] = field(default_factory=dict)

    def find(self, connection: Connection, model: str, schema: str, impact: str | None) -> str | None:
        """The most usual metric of the model's task that has figures; the one its impacts are in comes first."""
        return self.find_all(connection, {model: (schema, impact)})[model]

    def find_all(self, connection: Connection, models: Mapping[str, tuple[str, str | None]]) -> dict[str, str | None]:
        """The same of many models, by name: each with its schema in JSON, and the metric that its impacts are in."""
        keys = {name: (name, f"{impact} {schema}") for name, (schema, impact) in models.items()}
        asked: dict[tuple[str, ...], list[str]] = {}
        for name, own in models.items():
            if keys[name] not in self.known:
                asked.setdefault(candidates(*own), []).append(name)
        for metrics, names in asked.items():
            left = set(names)
            for metric in metrics:
                found = with_figures(connection, left, metric) if left else set()
                self.known.update({keys[name]: metric for name in found})
                left -= found
        return {name: self.known.get(key) for name, key in keys.items()}


def with_figures(connection: Connection, names: Collection[str], metric: str) -> set[str]:
    """Those of these models that have a figure of a metric, or an estimate of it."""
    points, models = tables.points.c, tables.models.c
    figures = select(points.start).where(points.model == models.name, points.metric.in_(both(metric)), OF_ALL_COLUMNS)
    asked = select(models.name).where(models.name.in_(sorted(names)), figures.exists())
    return set(connection.execute(asked).scalars())


@lru_cache(maxsize=4096)
def candidates(schema: str, impact: str | None) -> tuple[str, ...]:
    """The metrics that may be told first, of a schema in JSON."""
    task = Schema.from_json(schema).task
    of_task = {one.name for one in registered(of="outcome") if task is not None and Task(task) in one.tasks}
    usual = [name for name in PREFERRED if name in of_task]
    return tuple(dict.fromkeys([*([impact] if impact else []), *usual]))


@lru_cache(maxsize=4096)
def zone_of(schema: str) -> str:
    """The time zone of a schema in JSON."""
    return Schema.from_json(schema).timezone


def newest_ends(connection: Connection, only: Collection[str]) -> dict[str, float]:
    """When the newest window of each of these models ends (seconds since 1970); of those that have had an event."""
    windows, models = tables.windows.c, tables.models.c
    newest = select(windows.model, func.max(windows.start).label("start")).where(windows.model.in_(list(only)))
    last = newest.group_by(windows.model).subquery()
    query = select(last.c.model, last.c.start, models.settings).join(tables.models, models.name == last.c.model)
    return {name: start + float(own.get("window", DAY)) for name, start, own in connection.execute(query)}


def replay_of(connection: Connection) -> Mapping[str, Any] | None:
    """What a store says of its clock where it isn't the real one: the time there, and seconds a day (`retrue demo`)."""
    own = tables.preferences.c
    found: Mapping[str, Any] | None = connection.execute(select(own.body).where(own.name == "replay")).scalar()
    return found


def facts(
    connection: Connection,
    headlines: Headlines,
    since: int,
    only: Collection[str] | None = None,
    until: float | None = None,
) -> list[Facts]:
    """Read what is known of models.

    Args:
        connection: the catalog's, in a transaction.
        headlines: which metric is told first, as far as it is known.
        since: figures and traffic of windows from here on (seconds).
        only: these models; all unless given.
        until: how they stood then: windows that begin before, incidents that lasted then; None: now.
    """
    models = tables.models.c
    wanted = select(models.name, models.schema, models.settings).order_by(models.name)
    rows = connection.execute(wanted if only is None else wanted.where(models.name.in_(list(only)))).all()
    served = served_by(connection, only)
    names = [row.name for row in rows]
    live = live_of(connection, names, until)
    usual = headlines.find_all(connection, {r.name: (r.schema, r.settings.get("impact")) for r in rows})
    metrics = {name: worsened(live.get(name, ())) or metric for name, metric in usual.items()}
    figures = figures_of(
        connection, {(m, n) for m, metric in metrics.items() if metric for n in both(metric)}, since, until
    )
    traffic = traffic_of(connection, since, names, until)
    judged = judged_of(connection, {name: served.get(name, ("1",))[0] for name in names}, until)
    return [
        one_of(row, served.get(row.name, ("1",)), metrics[row.name], figures, traffic, live, judged) for row in rows
    ]


def worsened(live: Sequence[Live]) -> str | None:
    """The metric that the worst of these incidents made worse; of those that made one worse."""
    found = min((one for one in live if one.metric is not None), key=incident_rank, default=None)
    return None if found is None else found.metric


def one_of(
    row: Any,
    versions: Sequence[str],
    metric: str | None,
    figures: Mapping[tuple[str, str, str], tuple[Figure, ...]],
    traffic: Mapping[tuple[str, str], tuple[Traffic, ...]],
    live: Mapping[str, tuple[Live, ...]],
    judged: Mapping[str, Judged],
) -> Facts:
    """Put together what is known of one model."""
    name, settings = row.name, row.settings
    real, said = (
        in_turn([figures.get((name, version, own), ()) for version in versions]) for own in both(metric or "")
    )
    passed = in_turn([traffic.get((name, version), ()) for version in versions])
    return Facts(
        name, versions[0], float(settings.get("window", DAY)), settings.get("maturity"), zone_of(row.schema), metric,
        real, said, passed, live.get(name, ()), judged.get(name),
    )  # fmt: skip


def in_turn(by_version: Sequence[Sequence[T]]) -> tuple[T, ...]:
    """What is known of each window, oldest first: of the first version that has it."""
    found: dict[int, T] = {}
    for own in by_version:
        for one in own:
            found.setdefault(one.start, one)
    return tuple(found[start] for start in sorted(found))


def both(metric: str) -> tuple[str, str]:
    """A metric's name, and that of its estimate."""
    return metric, estimated(metric)


def served_by(connection: Connection, only: Collection[str] | None = None) -> dict[str, tuple[str, ...]]:
    """The versions that served each model: the champion, then those before it; shadows and challengers don't."""
    versions = tables.versions.c
    query = select(versions.model, versions.version, versions.stage).where(versions.stage.in_(["champion", "retired"]))
    query = query if only is None else query.where(versions.model.in_(list(only)))
    found: dict[str, list[tuple[bool, str]]] = {}
    for model, version, stage in connection.execute(query.order_by(versions.created.desc(), versions.version)):
        found.setdefault(model, []).append((stage != "champion", version))
    return {model: tuple(v for _, v in sorted(own, key=lambda pair: pair[0])) for model, own in found.items()}


def earlier(column: ColumnElement[int], until: float | None) -> tuple[ColumnElement[bool], ...]:
    """What a query asks for besides where only what began before a time counts: nothing where that is now."""
    return () if until is None else (column < int(until),)


def figures_of(
    connection: Connection, wanted: Iterable[tuple[str, str]], since: int, until: float | None = None
) -> dict[tuple[str, str, str], tuple[Figure, ...]]:
    """Figures of all rows by model, version and metric, oldest first."""
    pairs = set(wanted)
    if not pairs:
        return {}
    points = tables.points.c
    query = select(
        points.model, points.version, points.metric, points.start, points.value, points.low, points.high,
        points.reference,
    ).where(
        points.model.in_(sorted({model for model, _ in pairs})), points.metric.in_(sorted({name for _, name in pairs})),
        points.start >= since, OF_ALL_COLUMNS, points.slice == "", points.value.is_not(None),
        *earlier(points.start, until),
    )  # fmt: skip
    found: dict[tuple[str, str, str], list[Figure]] = {}
    for model, version, metric, *rest in connection.execute(query).all():
        if (model, metric) in pairs:
            found.setdefault((model, version, metric), []).append(Figure(*rest))
    return {key: tuple(sorted(own, key=lambda one: one.start)) for key, own in found.items()}


def traffic_of(
    connection: Connection, since: int, names: Sequence[str], until: float | None = None
) -> dict[tuple[str, str], tuple[Traffic, ...]]:
    """Windows by model and version, oldest first."""
    windows = tables.windows.c
    query = select(windows.model, windows.version, windows.start, windows.events, windows.labelled)
    found: dict[tuple[str, str], list[Traffic]] = {}
    for model, version, *rest in connection.execute(
        query.where(windows.start >= since, windows.model.in_(names), *earlier(windows.start, until)).order_by(
            windows.start
        )
    ):
        found.setdefault((model, version), []).append(Traffic(*rest))
    return {key: tuple(own) for key, own in found.items()}


def lasting(until: float | None) -> tuple[ColumnElement[bool], ...]:
    """What a query asks of incidents: that they aren't resolved, or that they lasted at a time."""
    incidents = tables.incidents.c
    if until is None:
        return (incidents.status != State.RESOLVED.value,)
    at = int(until * MICROS)
    return incidents.opened < at, or_(incidents.closed.is_(None), incidents.closed >= at)


TOLD = ("kind", "since", "severity", "sentence", "snoozed_until", "metric")
"""What lists tell of an incident, of its body."""


def live_of(connection: Connection, names: Sequence[str], until: float | None = None) -> dict[str, tuple[Live, ...]]:
    """Incidents that aren't resolved, or that lasted at a time, by model; of their bodies only what is told."""
    incidents = tables.incidents.c
    told = [incidents.body[name].as_string() for name in TOLD]
    query = select(incidents.model, incidents.id, incidents.status, *told)
    found: dict[str, list[Live]] = {}
    for model, id_, status, kind, since, severity, sentence, asleep, metric in connection.execute(
        query.where(*lasting(until), incidents.model.in_(names)).order_by(incidents.opened, incidents.id)
    ):
        # What people did of it came later, or is over.
        known = status if until is None else State.OPEN.value
        found.setdefault(model, []).append(Live(id_, kind, known, since, severity, sentence, asleep, metric))
    return {model: tuple(own) for model, own in found.items()}


def judged_of(connection: Connection, champions: Mapping[str, str], until: float | None = None) -> dict[str, Judged]:
    """The newest judged window of each model's champion; of those that began before a time."""
    verdicts = tables.verdicts.c
    newest = select(verdicts.model, verdicts.version, func.max(verdicts.start).label("start"))
    newest = newest.where(verdicts.model.in_(list(champions)), *earlier(verdicts.start, until)).group_by(
        verdicts.model, verdicts.version
    )
    last = newest.subquery()
    same = and_(verdicts.model == last.c.model, verdicts.version == last.c.version, verdicts.start == last.c.start)
    reason, alarms_ = verdicts.body["reason"].as_string(), verdicts.body["alarm"].as_boolean()
    query = select(verdicts.model, verdicts.version, verdicts.start, verdicts.kind, reason, alarms_)
    found: dict[str, tuple[int, dict[str, str]]] = {}
    alarms: dict[str, list[str]] = {}
    for model, version, start, kind, said, alarm in connection.execute(
        query.select_from(last.join(tables.verdicts, same)).order_by(verdicts.number)
    ):
        if champions[model] == version:
            found.setdefault(model, (start, {}))[1].setdefault(kind, said)
            alarms.setdefault(model, []).extend([kind] if alarm else [])
    return {
        model: Judged(start, kinds, min(alarms[model], key=RANKS.index, default=""))
        for model, (start, kinds) in found.items()
    }
