"""Incidents of all models: live ones first, by kind, severity, state and model."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Annotated, Literal

from fastapi import APIRouter, Depends, Query, Request, Response
from sqlalchemy import ColumnElement, Connection, case, func, select

from retrue.judge.incident import State as Status
from retrue.judge.severity import Severity
from retrue.judge.verdict import VerdictKind
from retrue.report.incident_page import tight
from retrue.report.words import plural
from retrue.server.auth import Actor, some_viewer
from retrue.server.pages.shell import render
from retrue.server.pages.standing import State, dated, state_of_kind
from retrue.server.service import Service, service
from retrue.store import tables
from retrue.workspace import clock

router = APIRouter(include_in_schema=False)

PAGE = 50
"""Incidents on a page."""
KINDS = [kind.value for kind in VerdictKind if kind.alarms]
SEVERITIES = [one.value for one in sorted(Severity, key=lambda one: -one.rank)]
STATES = {"": "all", "live": "live", **{one.value: one.value for one in Status}}


@dataclass(frozen=True)
class Asked:
    """What the address asks for."""

    kind: str = ""
    severity: str = ""
    state: str = ""
    model: str = ""
    page: int = 1


@dataclass(frozen=True)
class Row:
    """An incident as the list shows it."""

    id: str
    model: str
    state: State
    severity: str
    loud: bool
    sentence: str
    when: str
    status: str


@dataclass(frozen=True)
class IncidentsView:
    """The page.

    Attributes:
        sentence: the answer.
        rows: this page's incidents, live ones first.
        found: how many of how many, where not all are shown.
        asked: what was asked for.
        models: those that have incidents, to choose from.
        pages: how many pages there are.
        empty: whether there is no incident at all.
    """

    sentence: str
    rows: tuple[Row, ...]
    found: str
    asked: Asked
    models: tuple[str, ...]
    pages: int
    empty: bool


def sentence_of(live: Mapping[str, int]) -> str:
    """Say how many last, and how bad they are.

    >>> sentence_of({"high": 2, "low": 1}), sentence_of({"high": 1}), sentence_of({})
    ('3 incidents are live: 2 high, 1 low', 'One incident is live, of high severity', 'No incident is live')
    """
    total = sum(live.values())
    if not total:
        return "No incident is live"
    if total == 1:
        return f"One incident is live, of {next(name for name, count in live.items() if count)} severity"
    told = ", ".join(f"{live[name]} {name}" for name in SEVERITIES if live.get(name))
    return f"{total:,} incidents are live: {told}"


# --- reading --------------------------------------------------------------------------------------------------------

C = tables.incidents.c
TOLD = [
    C.body[name].as_string() for name in ("kind", "severity", "since", "until", "sentence", "real", "snoozed_until")
]
KIND, SEVERITY = TOLD[:2]


def conditions(asked: Asked) -> list[ColumnElement[bool]]:
    """What was asked for, as conditions."""
    equal = [(KIND, asked.kind), (SEVERITY, asked.severity), (C.model, asked.model)]
    where: list[ColumnElement[bool]] = [column == value for column, value in equal if value]
    if asked.state == "live":
        return [*where, C.status != Status.RESOLVED.value]
    return [*where, C.status == asked.state] if asked.state else where


def rows_of(connection: Connection, where: Sequence[ColumnElement[bool]], page: int) -> list[Row]:
    """A page of incidents: live ones first, those that are put off after them; the gravest, then the latest first."""
    asleep = case((C.status == Status.RESOLVED.value, 2), (C.status == Status.SNOOZED.value, 1), else_=0)
    grave = case(*((name == SEVERITY, number) for number, name in enumerate(SEVERITIES)), else_=len(SEVERITIES))
    rank = case((asleep == 2, 0), else_=grave)
    query = select(C.model, C.id, C.status, *TOLD).where(*where).order_by(asleep, rank, C.opened.desc(), C.id)
    found = connection.execute(query.limit(PAGE).offset((page - 1) * PAGE))
    now = clock.now().timestamp()
    return [row_of(*one, now=now) for one in found]


def row_of(
    model: str, id_: str, status: str, kind: str, severity: str, since: str, until: str | None, sentence: str,
    real: str | None, snoozed: str | None, *, now: float,
) -> Row:  # fmt: skip
    """An incident in words."""
    over = status == Status.RESOLVED
    state = state_of_kind(kind, alarm=True, group="in" if over else "out")
    if over or status == Status.SNOOZED:
        state = State(state.glyph, state.word, "calm", state.group, state.rank)
    when = f"{dated(since, now)} to {dated(until, now)}" if until else f"since {dated(since, now)}"
    said = f"snoozed until {dated(snoozed, now)}" if snoozed and status == Status.SNOOZED else status
    said += ", false alarm" if real in {"false", "0"} else ""
    return Row(
        id_, model, state, severity, not over and Severity(severity) >= Severity.HIGH, tight(sentence), when, said
    )


@router.get("/incidents")
def incidents(
    request: Request,
    served: Annotated[Service, Depends(service)],
    actor: Annotated[Actor, Depends(some_viewer)],
    kind: Literal["", "broken", "degraded", "unknown", "silent", "drifting"] = "",
    severity: Literal["", "critical", "high", "medium", "low"] = "",
    state: Literal["", "live", "open", "acknowledged", "snoozed", "resolved"] = "",
    model: Annotated[str, Query(max_length=200)] = "",
    page: Annotated[int, Query(ge=1, le=10_000)] = 1,
) -> Response:
    """Show the incidents of all models that the actor sees."""
    asked = Asked(kind, severity, state, model, page)
    mine: list[ColumnElement[bool]] = [] if actor.models is None else [C.model.in_(sorted(actor.models))]
    with served.workspace.store.catalog.read() as tx:
        view = read_view(tx.connection, asked, mine)
    choices = {"kinds": KINDS, "severities": SEVERITIES, "states": STATES}
    return render(request, "incidents.html", view, title=view.sentence, place="Incidents", live="", choices=choices)


def read_view(connection: Connection, asked: Asked, mine: Sequence[ColumnElement[bool]]) -> IncidentsView:
    """Read what the page shows."""
    where = [*mine, *conditions(asked)]
    living = select(SEVERITY, func.count()).where(*mine, C.status != Status.RESOLVED.value).group_by(SEVERITY)
    live = {str(name): int(count) for name, count in connection.execute(living)}
    every = connection.execute(select(func.count()).select_from(tables.incidents).where(*mine)).scalar() or 0
    count = connection.execute(select(func.count()).select_from(tables.incidents).where(*where)).scalar() or 0
    models = connection.execute(select(C.model).where(*mine).distinct().order_by(C.model)).scalars()
    found = "" if count == every and count <= PAGE else f"{count:,} of {plural(every, 'incident')}"
    rows = tuple(rows_of(connection, where, asked.page))
    return IncidentsView(sentence_of(live), rows, found, asked, tuple(models), -(-count // PAGE), not every)
