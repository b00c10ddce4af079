"""`notify`: learn what is new of incidents, and send what is due of the outbox.

One server at a time does it, under a lease. A message is marked as being sent before it is sent, and as sent after: a
server that dies in between leaves one that may have been sent, and the next server sends it again with the same key.
Whatever ails one model or one message, the others are told: it is logged, and tried again later.
"""

from __future__ import annotations

import logging
import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from sqlalchemy import func, select

from retrue.adapters.notify import Message, send
from retrue.config import load
from retrue.errors import RetrueError
from retrue.jobs.channels import Channel, channels
from retrue.jobs.leases import LeaseLostError
from retrue.jobs.message import FAULTS, RESOLVED, WITHDRAWN, message_of, with_picture, withdrawn
from retrue.jobs.outbox import DROPPED, FAILED, QUIETLY, SENDING, SENT, WAITING, last_told, learn, with_incidents
from retrue.jobs.records import Page, equal, last_job, page
from retrue.jobs.registry import Kind, Task, register
from retrue.judge.incident import Incident
from retrue.store import rows
from retrue.store.catalog import Catalog
from retrue.store.tables import deliveries, incidents
from retrue.workspace import clock
from retrue.workspace.acting import audit
from retrue.workspace.check.incidents import read_incident

if TYPE_CHECKING:
    from retrue.workspace import Workspace

FIRST_RETRY, LAST_RETRY = timedelta(seconds=30), timedelta(hours=1)
"""How long after a failure a message is tried again, the first time and at most: each time twice as long."""
GIVE_UP = timedelta(days=1)
"""After this time a message that never got through is given up."""
AT_ONCE = 20
"""Messages that one run sends at most: the runner's lease is renewed meanwhile, but a stop should not take long."""
KEPT = 10
"""Failures that a delivery remembers."""

AGAIN = timedelta(minutes=1)
"""How long after a model couldn't be looked at it is looked at again."""
LONGEST = 900.0
"""Seconds that a run may take: twenty messages to services that don't answer."""
TEST = "test"
"""The event of a message that is about no incident."""

logger = logging.getLogger("retrue.jobs.notify")


@dataclass
class Outbox:
    """Says when there is something to learn or to send."""

    workspace: Workspace
    seen: list[int] | None = None
    again: float = math.inf

    def due(self, now: datetime) -> Iterable[str | None]:
        """One job, or none."""
        catalog = self.workspace.store.catalog
        mark = fingerprint(catalog)
        with catalog.read() as tx:
            if mark != self.seen or self.again <= clock.micros(now):
                last = last_job(tx, "notify", None)
                done = {} if last is None or last.status == "failed" else last.body
                self.seen, self.again = done.get("mark"), done.get("again", math.inf)
            new = mark != self.seen or self.again <= clock.micros(now)
            c = deliveries.c
            waiting = select(c.number).where(c.status.in_((WAITING, SENDING)), c.due <= clock.micros(now)).limit(1)
            return [None] if new or tx.connection.execute(waiting).first() is not None else []

    def still(self, model: str | None, now: datetime) -> bool:
        """Whether there is something to do."""
        return model in self.due(now)


def fingerprint(catalog: Catalog) -> list[int]:
    """What changes whenever an incident does."""
    c = incidents.c
    with catalog.read() as tx:
        query = select(func.count(), func.sum(c.updated % 1_000_000_007), func.max(c.updated)).select_from(incidents)
        return [int(one or 0) for one in tx.connection.execute(query).one()]


def notify(task: Task) -> str:
    """Learn and send; says how many messages came to be, were sent, and weren't taken."""
    store = task.workspace.store
    task.body["mark"] = fingerprint(store.catalog)
    known = channels(task.workspace)
    counts = {name: learned(task.workspace, name, known, task.now) for name in with_incidents(store.catalog)}
    unread = [name for name, count in counts.items() if count is None]
    if unread:
        task.body["again"] = clock.micros(task.now + AGAIN)
    done: dict[str, int] = {}
    for row in waiting(store.catalog, task.now):
        status = deliver(task.workspace, known, row)
        done[status] = done.get(status, 0) + 1
    new = sum(count or 0 for count in counts.values())
    told = [f"{new} new"] if new else []
    told += [f"{count} {'to be tried again' if status == WAITING else status}" for status, count in done.items()]
    said = "messages: " + ", ".join(told) if told else "nothing to tell"
    return f"{said}; what is new can't be told of {', '.join(unread)}: see the log" if unread else said


def learned(workspace: Workspace, name: str, known: Sequence[Channel], now: datetime) -> int | None:
    """Messages that came to be of a model's incidents; None where it can't be looked at: the others are."""
    try:
        return learn(workspace.model(name), known, now)
    except LeaseLostError:
        raise
    except FAULTS as error:
        log_fault(f"what is new of the incidents of {name} can't be told", error, name)
        return None


def log_fault(what: str, error: BaseException, model: str) -> str:
    """Log what went wrong, and give it in words; of what we didn't raise on purpose, where."""
    ours = isinstance(error, RetrueError)
    told = str(error) if ours else f"{type(error).__name__}: {error}"
    logger.error("%s, it is tried again: %s", what, told, exc_info=None if ours else error, extra={"model": model})
    return told


def waiting(catalog: Catalog, now: datetime) -> list[rows.Delivery]:
    """The messages that are due, those that wait longest first; among them those over which a server died."""
    c = deliveries.c
    query = select(deliveries).where(c.status.in_((WAITING, SENDING)), c.due <= clock.micros(now))
    with catalog.read() as tx:
        found = tx.connection.execute(query.order_by(c.due, c.number).limit(AT_ONCE)).mappings()
        return [rows.Delivery(**row) for row in found]


def deliver(workspace: Workspace, known: Sequence[Channel], row: rows.Delivery) -> str:
    """Send one message, or not; gives what became of it. Whatever goes wrong, it is tried again later, up to a day."""
    try:
        return attempt(workspace, known, row)
    except LeaseLostError:
        raise
    except FAULTS as error:
        why = log_fault(f"message {row.body.get('key')} can't be made", error, row.model)
        return missed(workspace, replace(row, tries=row.tries + 1), why)


def attempt(workspace: Workspace, known: Sequence[Channel], row: rows.Delivery) -> str:
    """Send one message, or not; gives what became of it."""
    channel = next((one for one in known if one.name == row.channel), None)
    incident, why = standing(workspace, row)
    if channel is None or why is not None:
        return settle(workspace, row, DROPPED, why or "there is no such channel any more")
    now = clock.now()
    until = channel.due(now, incident.severity.value)
    if until > now:
        return settle(workspace, replace(row, due=clock.micros(until)), WAITING, None)
    if row.status == SENDING:
        logger.warning("a server died over message %s to %r: it may come twice", row.body["key"], row.channel)
    row = replace(row, tries=row.tries + 1)
    settle(workspace, row, SENDING, None)
    message = written(workspace, row, incident)
    try:
        send(channel.url, message)
    except RetrueError as error:
        return missed(workspace, row, str(error))
    logger.info("incident %s: %s told to %r", row.incident, row.event, row.channel, extra={"model": row.model})
    return settle(workspace, row, SENT, None)


def standing(workspace: Workspace, row: rows.Delivery) -> tuple[Incident, str | None]:
    """The incident as it is now, and why it isn't told any more; None where it is."""
    with workspace.store.catalog.read() as tx:
        found = tx.get(rows.IncidentRow, id=row.incident)
        incident = last_told(tx, row.incident) if found is None else read_incident(found.body)
    ends = row.event in (RESOLVED, WITHDRAWN)
    if ends or row.status == SENDING:
        return incident, None
    if found is None or not incident.live:
        return incident, "it was over before it could be told"
    return incident, f"it was {incident.state.value} before" if incident.state.value in QUIETLY else None


def written(workspace: Workspace, row: rows.Delivery, incident: Incident) -> Message:
    """The message, with its picture; what is withdrawn has nothing to show."""
    key = str(row.body["key"])
    if row.event == WITHDRAWN or not incident.verdicts:
        return withdrawn(incident, key)
    model = workspace.model(row.model)
    return with_picture(message_of(model, incident, row.event, key, address()), model, incident)


def address() -> str | None:
    """Where people reach the service: `url` of `[server]` in retrue.toml."""
    said = load().server.get("url")
    return None if said is None else str(said)


def missed(workspace: Workspace, row: rows.Delivery, why: str) -> str:
    """Note that a message wasn't taken, and when it is tried again."""
    now = clock.now()
    logger.warning("%r didn't get message %s: %s", row.channel, row.body.get("key"), why, extra={"model": row.model})
    begun = int(row.body.get("begun", clock.micros(now)))
    wait = min(FIRST_RETRY * 2.0 ** (row.tries - 1), LAST_RETRY)
    log = [*row.body.get("log", []), {"at": now.isoformat(), "said": why}][-KEPT:]
    row = replace(row, due=clock.micros(now + wait), body={**row.body, "begun": begun, "log": log})
    over = clock.micros(now) - begun >= GIVE_UP / timedelta(microseconds=1)
    return settle(workspace, row, FAILED if over else WAITING, None)


def settle(workspace: Workspace, row: rows.Delivery, status: str, why: str | None) -> str:
    """Keep what became of a message."""
    body: dict[str, Any] = {**row.body} if why is None else {**row.body, "why": why}
    with workspace.store.catalog.write() as tx:
        tx.put(replace(row, status=status, updated=clock.micros(clock.now()), body=body))
    return status


def send_test(workspace: Workspace, channel: Channel, now: datetime) -> None:
    """Send a message that says that messages arrive; what became of it is among the deliveries and in the audit log.

    Raises:
        DeliveryError: it wasn't taken.
    """
    text = f"Messages about incidents of your models will arrive here, through the channel {channel.name!r}."
    at = clock.micros(now)
    row = rows.Delivery("", "", channel.name, TEST, SENDING, at, at, 1, {"key": f"test-{at}"})
    try:
        send(channel.url, Message("Retrue: a test", text, row.body["key"], TEST))
    except RetrueError as error:
        said = {"log": [{"at": clock.now().isoformat(), "said": str(error)}]}
        tested(workspace, replace(row, status=FAILED, body={**row.body, **said}))
        raise
    tested(workspace, replace(row, status=SENT))


def tested(workspace: Workspace, row: rows.Delivery) -> None:
    """Keep what became of a test."""
    with workspace.store.catalog.write() as tx:
        tx.add(replace(row, updated=clock.micros(clock.now())))
        audit(tx, "channel tested", body={"name": row.channel, "status": row.status})


def find_deliveries(
    catalog: Catalog,
    *,
    incident: str | None = None,
    model: str | None = None,
    channel: str | None = None,
    status: str | None = None,
    limit: int = 50,
    offset: int = 0,
) -> Page[rows.Delivery]:
    """Give the log of deliveries, newest first."""
    c = deliveries.c
    where = [c.channel != "", *equal(deliveries, incident=incident, model=model, channel=channel, status=status)]
    with catalog.read() as tx:
        return page(tx, rows.Delivery, deliveries, where, [c.number.desc()], limit, offset)


register(Kind("notify", "Tell people of incidents.", notify, Outbox, pool="light", limit=LONGEST))
