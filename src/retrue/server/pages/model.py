"""A model: how is it doing, since when, and why?"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Annotated

from fastapi import APIRouter, Depends, Path, Query, Request, Response
from sqlalchemy import Connection, select

from retrue.errors import nearest
from retrue.judge.shapes.series import MIN_ROWS
from retrue.judge.words import metric_name
from retrue.metrics import registered
from retrue.metrics.names import estimated
from retrue.report.charts.drift_map import LEAST
from retrue.report.words import PREFERRED, upper_first
from retrue.server.auth import Actor, viewer
from retrue.server.errors import HttpError
from retrue.server.pages.columns import Column, ColumnRow, columns_of, ranked
from retrue.server.pages.ingestion import ingestion
from retrue.server.pages.ranges import DAYS, Lately, Range, lately, range_of
from retrue.server.pages.reading import (
    OF_ALL_COLUMNS,
    Facts,
    Headlines,
    Live,
    both,
    candidates,
    facts,
    figures_of,
    served_by,
)
from retrue.server.pages.shell import render
from retrue.server.pages.standing import Standing, dated, standing, state_of_kind
from retrue.server.pages.trials import TrialRow, going_on
from retrue.server.pages.walls import LAG, Wall, walls_of
from retrue.server.service import Service, service
from retrue.store import rows, tables
from retrue.workspace import Model, clock, notes
from retrue.workspace.axis import marked_on
from retrue.workspace.signals import SUFFIX
from retrue.workspace.stored import made_at

router = APIRouter(include_in_schema=False)

Name = Annotated[str, Path(alias="model", max_length=200)]
"""A model's name in a path."""

FIRST = 12
"""Features that are shown at once."""
HOLDS = 600
"""Seconds that the list of features is kept for: time goes on though nothing comes in."""
OVER = 5
"""Incidents that are over and still listed."""


@dataclass(frozen=True)
class IncidentRow:
    """An incident as a list shows it."""

    id: str
    word: str
    glyph: str
    tone: str
    sentence: str
    when: str
    status: str


@dataclass(frozen=True)
class VersionRow:
    """A version as the page lists it."""

    version: str
    stage: str
    created: int
    rows: str
    labelled: str


@dataclass(frozen=True)
class ModelView:
    """The page.

    Attributes:
        name: the model.
        standing: how it stands.
        sentence: the answer.
        told: facts below it: name, fact, small.
        metric: the metric shown, and those to choose from.
        range: the stretch of time shown.
        live, over: incidents, worst first; the last ones that are over.
        columns, more: the features, ranked: those shown at once, and the rest.
        impact: the metric that impacts are told in, in words.
        versions: newest first.
        latency: whether the model says how long predictions take.
        walls: the newest traffic.
        damaged: what of the lake was set aside as it couldn't be read, in words.
        markers: deployments, holidays and notes of this time, newest first.
        may_edit: whether the actor may add some.
        trials: versions that are tried beside the champion.
        begun: whether it has had an event at all.
        windows: how many windows with events this time has; `whole`: whether one of them is over; `compared`: how
            many have rows enough to be compared.
        measured: whether the metric has figures in this time.
    """

    name: str
    standing: Standing
    sentence: str
    told: tuple[tuple[str, str, str], ...]
    metric: str
    metrics: tuple[tuple[str, str], ...]
    range: Range
    live: tuple[IncidentRow, ...]
    over: tuple[IncidentRow, ...]
    columns: tuple[ColumnRow, ...]
    more: tuple[ColumnRow, ...]
    impact: str
    versions: tuple[VersionRow, ...]
    latency: bool
    walls: tuple[Wall, ...]
    damaged: tuple[str, ...]
    markers: tuple[rows.Marker, ...]
    may_edit: bool
    trials: tuple[TrialRow, ...]
    begun: bool
    windows: int
    whole: bool
    compared: int
    measured: bool


def sentence_of(one: Standing) -> str:
    """Answer how a model is doing: with its worst incident's sentence, else with its figures."""
    awake = [incident for incident in one.incidents if incident.status != "snoozed"]
    if awake:
        return awake[0].sentence
    figure = one.realised or one.estimated
    if figure is None:
        return f"{one.name}: {one.state.word}{', ' + one.why if one.why else ''}"
    kind = "" if one.realised else "estimated "
    change = "within noise of the reference" if one.change == "within noise" else f"{one.change} against the reference"
    said = f"{kind}{one.metric} {figure.value}" + (f" ({figure.interval})" if figure.interval else "")
    verb = " is" if one.state.group == "in" else ","
    return f"{one.name}{verb} {one.state.word}: {said}, {change}"


def facts_of(one: Standing) -> tuple[tuple[str, str, str], ...]:
    """The facts below the sentence."""
    told = []
    for name, figure in (("realised", one.realised), ("estimated", one.estimated)):
        if figure is not None:
            small = " · ".join(part for part in (figure.interval, figure.when) if part)
            told.append((f"{one.metric}, {name}", figure.value, small))
    told.append(("Against reference", one.change, ""))
    told.append(("Rows a day", one.rows_a_day, ""))
    told.append(("Labelled", one.labelled, "of those old enough" if one.coverage is not None else ""))
    return tuple((upper_first(name), fact, small) for name, fact, small in told)


# --- reading --------------------------------------------------------------------------------------------------------


def known_facts(connection: Connection, headlines: Headlines, model: str, shown: Range) -> Facts:
    """What the catalog knows of the model in this time."""
    return facts(connection, headlines, int(shown.since), [model], shown.before)[0]


def metrics_of(connection: Connection, model: Model) -> tuple[tuple[str, str], ...]:
    """The performance metrics that there are figures of, in the order in which they are told: name and words."""
    points = tables.points.c
    query = select(points.metric).where(points.model == model.name, OF_ALL_COLUMNS).distinct()
    kept = {name for (name,) in connection.execute(query)}
    first = candidates(model.store.model(model.name).schema, model.options.impact)
    every = [*first, *(one.name for one in registered(of="outcome") if one.better is not None), *PREFERRED]
    found = [name for name in dict.fromkeys(every) if name in kept or estimated(name) in kept]
    return tuple((name, metric_name(name)) for name in found)


def has_begun(connection: Connection, model: str) -> bool:
    """Whether a model has had an event."""
    query = select(tables.windows.c.start).where(tables.windows.c.model == model).limit(1)
    return connection.execute(query).scalar() is not None


def counted(known: Facts, shown: Range) -> tuple[int, bool, int]:
    """The windows with events, whether one of them is over, and how many have rows enough to be compared."""
    events = [one for one in known.traffic if one.events]
    whole = any(one.start + known.window <= shown.until for one in events)
    return len(events), whole, sum(one.events >= MIN_ROWS for one in events)


def is_measured(connection: Connection, model: str, metric: str, shown: Range) -> bool:
    """Whether a metric has figures in this time, realised or estimated, of a version that served."""
    wanted = {(model, own) for own in both(metric)}
    found = figures_of(connection, wanted, int(shown.since), shown.before) if metric else {}
    served = served_by(connection, [model]).get(model, ("1",))
    return any(version in served for _, version, _ in found)


def incident_row(one: Live, until: float) -> IncidentRow:
    """An incident that isn't over, in words."""
    state = state_of_kind(one.kind, alarm=True, group="out")
    asleep = one.status == "snoozed"
    return IncidentRow(
        one.id, state.word, state.glyph, "calm" if asleep else state.tone, one.sentence,
        f"since {dated(one.since, until)}", "" if one.status == "open" else one.status,
    )  # fmt: skip


def over_of(connection: Connection, model: str, shown: Range) -> list[IncidentRow]:
    """The last incidents that are over."""
    incidents = tables.incidents.c
    told = [incidents.body[name].as_string() for name in ("kind", "since", "until", "sentence")]
    query = select(incidents.id, *told).where(incidents.model == model, incidents.status == "resolved")
    if shown.before is not None:
        query = query.where(incidents.closed < int(shown.before * clock.MICROS))
    found = []
    for id_, kind, since, until, sentence in connection.execute(
        query.order_by(incidents.opened.desc(), incidents.id).limit(OVER)
    ):
        state = state_of_kind(kind, alarm=True, group="in")
        when = f"{dated(since, shown.until)} to {dated(until, shown.until)}" if until else dated(since, shown.until)
        found.append(IncidentRow(id_, state.word, state.glyph, "calm", sentence, when, "over"))
    return found


def version_rows(connection: Connection, model: Model) -> list[VersionRow]:
    """The versions, newest first, with what their references hold."""
    references = tables.references.c
    query = select(references.version, references.rows, references.labelled).where(references.model == model.name)
    known = {version: (count, labelled) for version, count, labelled in connection.execute(query)}
    found = []
    for one in reversed(model.versions()):
        count, labelled = known.get(one.version, (0, 0))
        found.append(VersionRow(one.version, one.stage, made_at(one), f"{count:,}", f"{labelled:,}"))
    return found


@router.get("/models/{model}")
def model_page(
    request: Request,
    served: Annotated[Service, Depends(service)],
    actor: Annotated[Actor, Depends(viewer)],
    name: Name,
    asked: Annotated[Lately, Depends(lately())],
    metric: Annotated[str, Query(max_length=100)] = "",
) -> Response:
    """Show a model."""
    model = served.model(name)
    with model.store.catalog.read() as tx:
        shown = range_of(tx.connection, model, asked)
        known = known_facts(tx.connection, served.headlines, name, shown)
        one = standing(known, shown.since, shown.until)
        metrics = metrics_of(tx.connection, model)
        impact, listed = kept_list(served, tx.connection, model, shown)
        last = shown.before or max(shown.until, clock.now().timestamp()) + 1
        micros = [int(end * clock.MICROS) for end in (shown.since, last)]
        markers = tuple(reversed(notes.between(tx.connection, name, *micros)))
        over, versions = over_of(tx.connection, name, shown), version_rows(tx.connection, model)
        chosen = chosen_metric(metric, known.metric, [own for own, _ in metrics])
        begun, measured = has_begun(tx.connection, name), is_measured(tx.connection, name, chosen, shown)
    walls = () if shown.before is not None else newest_walls(served, actor, model, known, shown.until, begun=begun)
    view = ModelView(
        name, one, sentence_of(one), facts_of(one), chosen, metrics, shown,
        tuple(incident_row(live, shown.until) for live in one.incidents), tuple(over),
        tuple(listed[:FIRST]), tuple(listed[FIRST:]),
        metric_name(impact) if impact else "performance", tuple(versions),
        model.schema.latency is not None, walls, tuple(map(str, model.store.damaged(name))),
        markers, actor.may("editor"), () if shown.before is not None else going_on(model),
        begun, *counted(known, shown), measured,
    )  # fmt: skip
    return render(
        request, "model.html", view, title=name, place="Overview", live=name, lengths=DAYS, kinds=notes.KINDS,
        least=LEAST,
    )  # fmt: skip


def kept_list(served: Service, connection: Connection, model: Model, shown: Range) -> tuple[str, list[ColumnRow]]:
    """The features as the page lists them; kept until a window is judged: what comes in doesn't change them."""
    key = (model.name, served.watch.judged().get(model.name, ""), f"{shown.asked.query} {int(shown.until) // HOLDS}")
    return served.listed.of(key, lambda: listed_columns(connection, model, shown))


def newest_walls(
    served: Service, actor: Actor, model: Model, known: Facts, until: float, *, begun: bool
) -> tuple[Wall, ...]:
    """What comes in now, with what is marked there; of a model without an event only whether something waits."""
    lately = kept_walls(served, actor, model, known, until) if begun else ()
    return with_markers(model, (ingestion(model, clock.now().timestamp()), *lately))


def kept_walls(served: Service, actor: Actor, model: Model, known: Facts, until: float) -> tuple[Wall, ...]:
    """The newest traffic; kept for the next reader."""
    failures = actor.sees(model.name + SUFFIX)
    until = min(until, clock.now().timestamp() - LAG)
    state = served.watch.look().get(model.name, "")
    key = (model.name, state, f"{failures} {int(until) // LAG}")
    return served.walls.of(key, lambda: walls_of(model, known.traffic, until, failures=failures))


def with_markers(model: Model, walls: Sequence[Wall]) -> tuple[Wall, ...]:
    """Walls with what is marked on their stretches of time."""
    spans = {one.name: one.span for one in walls if one.rows}
    found = dict(zip(spans, marked_on(model, list(spans.values())), strict=True))
    return tuple(replace(one, markers=found.get(one.name, ())) for one in walls)


def listed_columns(connection: Connection, model: Model, shown: Range) -> tuple[str, list[ColumnRow]]:
    """The features as the page lists them, and the metric that their impacts are in; "" without any."""
    columns = kept_columns(connection, model, shown)
    impact = next((one.impact.metric for one in columns if one.impact), "")
    return impact, ranked(columns, int(shown.since), int(shown.until), model.options.window)


def kept_columns(connection: Connection, model: Model, shown: Range, only: Sequence[str] = ()) -> list[Column]:
    """What is kept of the features (all, or some) of the champion; of the version before it while nothing is."""
    drift = [one.name for one in registered(family="drift")]
    found: list[Column] = []
    for version in served_by(connection, [model.name]).get(model.name, ("1",)):
        found = columns_of(
            connection, model.name, version, int(shown.since), only or model.schema.features, drift, shown.before
        )
        if any(one.moved or one.impact or one.verdict for one in found):
            break
    return found


def chosen_metric(asked: str, usual: str | None, known: list[str]) -> str:
    """The metric to show.

    Raises:
        HttpError: 404, there are no figures of the one that was asked for.
    """
    if asked and asked not in known:
        raise HttpError(404, f"no figures of {asked!r}", expected=", ".join(known[:12]), hint=nearest(asked, known))
    return asked or usual or ""
