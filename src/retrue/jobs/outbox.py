"""The outbox: what is told of incidents, to whom and when. What was learned and what is to be sent are written at once.

    incident ── learn ──> a note (what was learned) + a delivery for each channel ── send ──> sent | waiting | failed

A note is a delivery without a channel: it says up to where an incident was told, whoever was there to hear it. Both
stand in one transaction, so that each thing is told once, however many servers look and whenever they die.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

from sqlalchemy import select, union

from retrue.jobs.channels import Channel
from retrue.jobs.message import FAULTS, OPENED, REOPENED, RESOLVED, WITHDRAWN, WORSE
from retrue.jobs.news import is_news
from retrue.judge.incident import Incident, State
from retrue.judge.severity import Severity
from retrue.store import rows, tables
from retrue.store.catalog import Catalog, Transaction
from retrue.store.tables import deliveries, incidents
from retrue.workspace import clock
from retrue.workspace.check.incidents import load_incidents, read_incident

if TYPE_CHECKING:
    from retrue.workspace import Model

NOTE = ""
"""The channel of a note."""
WAITING, SENDING, SENT, FAILED, DROPPED, NOTED = "waiting", "sending", "sent", "failed", "dropped", "noted"
"""Where a delivery may be in its life."""
QUIETLY = (State.ACKNOWLEDGED.value, State.SNOOZED.value)
"""Events that are noted and told nobody."""


@dataclass(frozen=True)
class Note:
    """Up to where an incident was told.

    Attributes:
        event: the last thing that was learned of it.
        severity: how bad it was then.
    """

    event: str
    severity: str


def event_of(noted: Note | None, incident: Incident, *, news: bool) -> str | None:
    """What there is to learn of an incident; None: nothing new.

    Args:
        noted: up to where it was told; None: nobody has heard of it.
        incident: as it is now.
        news: whether it is about what has just happened.
    """
    if noted is None:
        quietly = incident.state.value if incident.state.value in QUIETLY else OPENED
        return None if not news else quietly if incident.live else RESOLVED
    if not incident.live:
        return RESOLVED if noted.event not in (RESOLVED, WITHDRAWN) else None
    if incident.state.value in QUIETLY:
        return incident.state.value if noted.event != incident.state.value else None
    if noted.event in (RESOLVED, WITHDRAWN, State.SNOOZED.value):
        return REOPENED if news else None
    worse = incident.severity > Severity(noted.severity)
    return WORSE if worse and news else None


def with_incidents(catalog: Catalog) -> list[str]:
    """The models of which there may be something to learn: those that have an incident, or had one that was told."""
    told = select(deliveries.c.model).where(deliveries.c.channel == NOTE)
    with catalog.read() as tx:
        named = select(tables.models.c.name).where(tables.models.c.name.in_(union(select(incidents.c.model), told)))
        return list(tx.connection.execute(named.order_by(tables.models.c.name)).scalars())


def learn(model: Model, channels: Sequence[Channel], now: datetime) -> int:
    """Note what is new of a model's incidents, with what is to be sent of it; gives how many messages.

    Args:
        model: whose.
        channels: whom there is to tell.
        now: the time.

    Raises:
        Exception: whether something is news can't be told (its rows can't be read, say); what is of others is noted.
    """
    with model.store.catalog.read() as tx:
        noted = notes(tx, model.name)
    found = load_incidents(model)
    gone = [own for own, note in noted.items() if own not in {one.id for one in found} and is_open(note)]
    fresh = [one for one in found if may_tell(noted.get(one.id), one)]
    news, fault = find_news(model, fresh, now)
    count = 0
    if gone or any(event_of(noted.get(one.id), one, news=one.id in news) for one in fresh):
        count = note(model, fresh, gone, news, channels, now)
    if fault is not None:
        raise fault
    return count


def find_news(model: Model, fresh: Iterable[Incident], now: datetime) -> tuple[set[str], BaseException | None]:
    """The ids of those that are news; and why that can't be told of one of the others."""
    news, fault = set(), None
    for one in fresh:
        try:
            if is_news(model, one, now):
                news.add(one.id)
        except FAULTS as error:
            fault = error
    return news, fault


def note(
    model: Model,
    fresh: Iterable[Incident],
    gone: Iterable[str],
    news: Collection[str],
    channels: Sequence[Channel],
    now: datetime,
) -> int:
    """Write what was learned, as far as no other server has; gives how many messages."""
    with model.store.catalog.write() as tx:
        noted = notes(tx, model.name)  # anew: another server may have learned of it since
        current = {row.id: read_incident(row.body) for row in tx.find(rows.IncidentRow, model=model.name)}
        count = 0
        for one in fresh:
            now_is = current.get(one.id, one)
            event = event_of(noted.get(one.id), now_is, news=one.id in news)
            count += 0 if event is None else tell(tx, now_is, event, channels, now)
        for own in gone:
            if own not in current and is_open(noted[own]):
                count += tell(tx, last_told(tx, own), WITHDRAWN, channels, now)
    return count


def may_tell(noted: Note | None, incident: Incident) -> bool:
    """Whether there would be something to learn if it were news: to ask that costs more."""
    return event_of(noted, incident, news=True) is not None


def notes(tx: Transaction, model: str) -> dict[str, Note]:
    """Up to where each incident of a model was told: its last note, and the worst severity since it opened."""
    found: dict[str, Note] = {}
    for row in tx.find(rows.Delivery, model=model, channel=NOTE):
        before, severity = found.get(row.incident), str(row.body["severity"])
        if before is not None and row.event != REOPENED:
            severity = max(severity, before.severity, key=lambda one: Severity(one).rank)
        found[row.incident] = Note(row.event, severity)
    return found


def is_open(note: Note) -> bool:
    """Whether somebody may still wait for its end."""
    return note.event not in (RESOLVED, WITHDRAWN)


def tell(tx: Transaction, incident: Incident, event: str, channels: Sequence[Channel], now: datetime) -> int:
    """Write a note and what is to be sent; gives how many messages."""
    at, severity = clock.micros(now), incident.severity.value
    body = {"severity": severity, "incident": {**incident.to_dict(), "verdicts": [], "search": None}}
    note = tx.add(rows.Delivery(incident.id, incident.model, NOTE, event, NOTED, at, at, 0, body))
    if event in QUIETLY:
        return 0
    key = f"{incident.id}-{note.number}"
    chosen = list(receivers(tx, incident, event, channels))
    for channel in chosen:
        due = clock.micros(channel.due(now, severity))
        row = rows.Delivery(incident.id, incident.model, channel.name, event, WAITING, due, at, 0, {"key": key})
        tx.add(row)
    return len(chosen)


def receivers(tx: Transaction, incident: Incident, event: str, channels: Iterable[Channel]) -> Iterable[Channel]:
    """Whom to tell: who wants such incidents; of an end, who heard of its beginning.

    What came and went before anybody looked has no beginning that was told: its end is told like one.
    """
    earlier = tx.find(rows.Delivery, incident=incident.id)
    told = {row.channel for row in earlier if row.channel != NOTE}
    known = sum(row.channel == NOTE for row in earlier) > 1  # the note of this event is one
    for channel in channels:
        ends = event in (RESOLVED, WITHDRAWN) and known
        if channel.name in told if ends else channel.wants(incident.model, incident.kind.value, incident.severity):
            yield channel


def last_told(tx: Transaction, id: str) -> Incident:
    """An incident as it was when it was told last."""
    row = tx.find(rows.Delivery, incident=id, channel=NOTE)[-1]
    return read_incident(row.body["incident"])
