"""An incident: what happened, which rows, what does it cost, what now?

The first paint comes from the stored incident; the evidence reads rows, and comes after, as a part of the page.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Annotated, Any
from urllib.parse import quote, urlencode

import polars as pl
from fastapi import APIRouter, Depends, Path, Query, Request, Response
from sqlalchemy import BigInteger, or_, select

from retrue.errors import RetrueError
from retrue.explain.finding import EVERYWHERE
from retrue.judge.incident import Incident
from retrue.judge.verdict import VerdictKind
from retrue.judge.words import metric_name
from retrue.report.actions import Action, actions, rule_of
from retrue.report.incident_page import alike, facts, tight
from retrue.report.incident_page import state as state_said
from retrue.report.words import upper_first
from retrue.server.api.incidents import found
from retrue.server.auth import Actor, viewer
from retrue.server.errors import HttpError
from retrue.server.pages.delivered import DeliveryRow, delivery_rows
from retrue.server.pages.explained import Explained
from retrue.server.pages.figures import pictured
from retrue.server.pages.incidents import C, Row, rows_of
from retrue.server.pages.model import Name, metrics_of
from retrue.server.pages.moments import at_of
from retrue.server.pages.ranges import around
from retrue.server.pages.shell import render
from retrue.server.service import Service, service
from retrue.store import rows, tables
from retrue.workspace import clock
from retrue.workspace.axis import marked
from retrue.workspace.explain.explanation import Explanation
from retrue.workspace.incident import ModelIncident

router = APIRouter(prefix="/models/{model}/incidents/{id}", include_in_schema=False)

Served = Annotated[Service, Depends(service)]
Reader = Annotated[Actor, Depends(viewer)]
Id = Annotated[str, Path(max_length=200)]

SNOOZES = {"1h": "an hour", "8h": "8 hours", "1d": "a day", "3d": "3 days", "7d": "a week", "30d": "30 days"}
"""How long an incident may be put off."""
RELATED = 6
MOST = 5_000
"""How many rows are collected where all are as good as any other, unless somebody says otherwise."""
PENDING = ("Shape", "…", "being worked out from the rows")


@dataclass(frozen=True)
class CollectionRow:
    """Rows that were collected, as the page lists them."""

    name: str
    slice: str
    rows: str
    matched: str
    created: int


@dataclass(frozen=True)
class IncidentView:
    """The page.

    Attributes:
        model, id: the incident.
        sentence: what happened.
        state: glyph, words and tone.
        facts: since, shape, cost, rows: name, fact, small.
        live, status: whether it lasts, and what people did of it.
        snoozed: until when it is put off.
        real: what people say.
        comments: what they said, oldest first.
        deliveries: messages about it, newest first.
        related: incidents at the same time.
        where: the rows to collect as SQL: the guilty ones, all where all became worse; "" where none are known.
        all_rows: whether those are all rows.
        rule: a monitor of those rows; "" where none can be.
        chart: where the picture of the metric that became worse is; "" where there is none.
        metric: that metric in words.
        since, until: the time that it lasted, to collect rows of.
        collected: rows of this slice that were collected.
        commands: what can be typed.
        may_edit: whether the actor may change something.
        then: the address's part that shows the model as it was when it ended; "" while it lasts.
    """

    model: str
    id: str
    sentence: str
    state: dict[str, str]
    facts: tuple[tuple[str, str, str], ...]
    live: bool
    status: str
    snoozed: str | None
    real: bool | None
    comments: tuple[rows.Comment, ...]
    deliveries: tuple[DeliveryRow, ...]
    related: tuple[Row, ...]
    where: str
    rule: str
    since: str
    until: str
    collected: tuple[CollectionRow, ...]
    commands: tuple[Action, ...]
    may_edit: bool
    then: str = ""
    chart: str = ""
    metric: str = ""
    all_rows: bool = False


def incident_view(
    incident: Incident,
    explained: Explained | None,
    comments: Sequence[rows.Comment],
    deliveries: Sequence[DeliveryRow],
    related: Sequence[Row],
    collected: Sequence[CollectionRow],
    *,
    may_edit: bool,
    charted: Sequence[str] = (),
) -> IncidentView:
    """Say what is known of an incident; before it is explained, what was stored of it.

    `charted`: the metrics that there are pictures of.
    """
    metric = metric_of(incident)
    shown_of = metric if metric in charted else ""
    told = bare(incident) if explained is None else explained.told
    return IncidentView(
        incident.model, incident.id, tight(incident.sentence), state_said(told), facts_of(incident, explained),
        incident.live, incident.state.value, incident.snoozed_until, incident.real, tuple(comments), tuple(deliveries),
        tuple(related),
        where_of(incident), rule_for(incident), incident.since, incident.last,
        tuple(collected), tuple(actions(told)), may_edit, then_of(incident),
        chart_of(incident, shown_of), upper_first(metric_name(shown_of)) if shown_of else "", alike(incident),
    )  # fmt: skip


def metric_of(incident: Incident) -> str:
    """The metric that became worse: the one that the incident costs, else its first alarm's; "" where none did."""
    if incident.kind is not VerdictKind.DEGRADED:
        return ""
    told = (one.metric for one in incident.verdicts if one.kind is VerdictKind.DEGRADED)
    return incident.cost.metric if incident.cost is not None else next(told, None) or ""


def chart_of(incident: Incident, metric: str) -> str:
    """Where the model's picture of a metric is, with as much time before the incident as it lasted; "" of none."""
    if not metric:
        return ""
    shown = around(at_of(incident.since), clock.now() if incident.live else at_of(incident.last))
    asked = replace(shown, until="") if incident.live else shown  # while it lasts the picture goes on
    address = f"/models/{quote(incident.model, safe='')}/figures/performance"
    return f"{address}?{urlencode({'metric': metric})}&{asked.query}"


def where_of(incident: Incident) -> str:
    """The rows to collect, as SQL: the guilty ones, all where all became worse alike; "" where nothing tells."""
    if incident.cause is not None:
        return incident.cause.slice
    return str(EVERYWHERE) if alike(incident) else ""


def then_of(incident: Incident) -> str:
    """The stretch of time up to an incident's end, as an address says it; "" while it lasts: pages end now."""
    return "" if incident.live else f"?{around(at_of(incident.since), at_of(incident.last)).query}"


def bare(incident: Incident) -> Explanation:
    """What the stored incident says by itself."""
    return Explanation(incident, incident.since, (), (), incident.cost, pl.DataFrame())


def facts_of(incident: Incident, explained: Explained | None) -> tuple[tuple[str, str, str], ...]:
    """The facts; the shape is being worked out where it isn't known yet and may be."""
    if explained is not None:
        return tuple(explained.facts)
    first, *rest = facts(bare(incident))
    return (first, PENDING, *rest)


def rule_for(incident: Incident) -> str:
    """A rule that watches the guilty rows: by the metric that the incident costs, else by what the search told.

    Where all rows became worse alike, it watches them all.
    """
    cost, cause = incident.cost, incident.cause
    if alike(incident) and cost is not None and not cost.estimated:
        return rule_of(cost.metric)
    if cause is None or "]" in cause.slice:
        return ""
    metric = cost.metric if cost is not None and not cost.estimated else cause.metric
    return "" if metric is None else rule_of(metric, cause.slice)


# --- reading --------------------------------------------------------------------------------------------------------


def related_to(chosen: ModelIncident, actor: Actor) -> list[Row]:
    """Other incidents that were there at the same time, of this model and of others."""
    incident = chosen.incident
    begin, end = (clock.micros(at_of(one)) for one in (incident.since, incident.until or incident.last))
    where = [C.id != incident.id, C.opened < end, or_(C.closed.is_(None), C.closed > begin)]
    if actor.models is not None:
        where.append(C.model.in_(sorted(actor.models)))
    with chosen.model.store.catalog.read() as tx:
        own = rows_of(tx.connection, [*where, C.model == incident.model], 1)[:RELATED]
        return own + rows_of(tx.connection, [*where, C.model != incident.model], 1)[: RELATED - len(own)]


def collected_of(chosen: ModelIncident) -> list[CollectionRow]:
    """What was collected of the rows that it is about."""
    where, c = where_of(chosen.incident), tables.collections.c
    if not where:
        return []
    query = select(c.name, c.sql, c.rows, c.body["matched"].as_string().cast(BigInteger), c.created)
    query = query.where(c.model == chosen.model.name, c.sql == where).order_by(c.created.desc())
    with chosen.model.store.catalog.read() as tx:
        kept = tx.connection.execute(query).all()
    return [
        CollectionRow(name, sql, f"{count:,}", f"{count if matched is None else matched:,}", created)
        for name, sql, count, matched, created in kept
    ]


def shown(
    request: Request, served: Service, actor: Actor, chosen: ModelIncident, *,
    trouble: RetrueError | None = None, status: int = 200, whole: bool = False,
) -> Response:  # fmt: skip
    """Answer with the page; `whole`: with the evidence in it, however long that takes."""
    failed: RetrueError | None = None
    try:
        explained = served.explained.of(chosen) if whole else served.explained.known(chosen)
    except RetrueError as error:
        explained, failed = None, error
    told, _ = delivery_rows(served.workspace.store.catalog, chosen.incident.id)
    with chosen.model.store.catalog.read() as tx:
        charted = [name for name, _ in metrics_of(tx.connection, served.model(chosen.model.name))]
    view = incident_view(
        chosen.incident, explained, chosen.comments(), told, related_to(chosen, actor), collected_of(chosen),
        may_edit=actor.may("editor"), charted=charted,
    )  # fmt: skip
    more = evidence_of(explained, failed)
    return render(
        request, "incident.html", view, title=view.sentence, place="Incidents", live=chosen.model.name, status=status,
        trouble=trouble, snoozes=SNOOZES, done=DONE.get(request.query_params.get("done", ""), ""), most=MOST, **more,
    )  # fmt: skip


DONE = {
    "acknowledge": "Acknowledged: others see that somebody is on it.",
    "snooze": "Snoozed: nobody is told of it before then.",
    "resolve": "Resolved: alerts that come later open it again.",
    "mark": "Noted. Windows of a false alarm count as good ones from the next check on.",
    "comment": "Your comment is kept.",
    "collect": "Collected: the rows are kept in the store, below under What to do now.",
}
"""What is said when something was done."""


def evidence_of(explained: Explained | None, failed: RetrueError | None = None) -> dict[str, Any]:
    """What the part of the page with the evidence needs."""
    if explained is None:
        return {"explained": False, "failed": failed, "gallery": {}}
    return {"explained": True, "failed": None, "gallery": explained.pictures, **explained.shown}


@router.get("")
def incident_page(
    request: Request, served: Served, actor: Reader, name: Name, id: Id,
    evidence: Annotated[str, Query(max_length=10)] = "",
) -> Response:  # fmt: skip
    """Show an incident."""
    return shown(request, served, actor, found(served, name, id), whole=evidence == "now")


@router.get("/evidence")
def evidence_part(request: Request, served: Served, actor: Reader, name: Name, id: Id) -> Response:
    """The part of the page that takes seconds."""
    chosen = found(served, name, id)
    failed: RetrueError | None = None
    explained: Explained | None = None
    try:
        explained = served.explained.of(chosen)
    except RetrueError as error:
        failed = error
    view = incident_view(chosen.incident, explained, (), (), (), (), may_edit=actor.may("editor"))
    return render(request, "incident_evidence.html", view, title="", part=True, **evidence_of(explained, failed))


@router.get("/figures/{key}")
def figure(
    request: Request, served: Served, _: Reader, name: Name, id: Id, key: Annotated[str, Path(max_length=20)]
) -> Response:
    """A chart of the evidence.

    Raises:
        HttpError: 404, the evidence has no such chart.
    """
    chosen = found(served, name, id)
    pictures = served.explained.of(chosen).pictures
    if key not in pictures:
        raise HttpError(404, f"no chart {key!r}", expected=", ".join(pictures) or None)
    return pictured(request, marked(chosen.model, pictures[key]))
