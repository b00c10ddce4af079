"""Messages about incidents, as pages list them: what was told to whom, and whether it got there."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from urllib.parse import quote

from retrue.jobs.message import OPENED, REOPENED, RESOLVED, WITHDRAWN, WORSE
from retrue.jobs.notify import TEST, find_deliveries
from retrue.jobs.outbox import DROPPED, FAILED, SENDING, SENT, WAITING
from retrue.store import rows
from retrue.store.catalog import Catalog
from retrue.workspace import clock

WORDS = {
    OPENED: "incident opened",
    WORSE: "incident got worse",
    REOPENED: "incident came back",
    RESOLVED: "incident over",
    WITHDRAWN: "incident withdrawn",
    TEST: "test",
}
"""What a message tells."""
LATELY = 10
"""Messages that a page shows."""


@dataclass(frozen=True)
class DeliveryRow:
    """A message to a channel.

    Attributes:
        channel: to whom.
        model: whose incident; "" in a test.
        link: the incident's page; "" where there is none.
        told: what it tells.
        state, tone: what became of it, in words, and how that looks.
        then: when it is tried again, or its quiet hours end; None where neither is to come.
        why: why it wasn't taken, or isn't told; "" where it was.
        at: when it came to be so.
    """

    channel: str
    model: str
    link: str
    told: str
    state: str
    tone: str
    then: datetime | None
    why: str
    at: datetime


def delivery_rows(catalog: Catalog, incident: str | None = None) -> tuple[tuple[DeliveryRow, ...], int]:
    """The newest messages, of all incidents or of one, the newest first; and how many there are."""
    found = find_deliveries(catalog, incident=incident, limit=LATELY)
    return tuple(row_of(one) for one in found.rows), found.total


def row_of(row: rows.Delivery) -> DeliveryRow:
    """Say a message."""
    has_page = row.incident and row.event != WITHDRAWN
    link = f"/models/{quote(row.model, safe='')}/incidents/{quote(row.incident, safe='')}" if has_page else ""
    log = row.body.get("log") or [{}]
    why = "" if row.status == SENT else str(row.body.get("why") or log[-1].get("said", ""))
    state, tone = state_of(row)
    then = clock.moment(row.due) if row.status == WAITING else None
    told = WORDS.get(row.event, row.event)
    return DeliveryRow(row.channel, row.model, link, told, state, tone, then, why, clock.moment(row.updated))


def state_of(row: rows.Delivery) -> tuple[str, str]:
    """What became of a message, in words, and how that looks: "bad" was given up, "warn" may yet get there."""
    tries = f"{row.tries} {'try' if row.tries == 1 else 'tries'}"
    said = {
        SENT: ("sent", ""),
        SENDING: ("being sent", ""),
        DROPPED: ("not sent", ""),
        FAILED: ("not taken" if row.event == TEST else f"given up after {tries}", "bad"),
        WAITING: (f"not taken in {tries}, again", "warn") if row.tries else ("waits until", ""),
    }
    return said.get(row.status, (row.status, ""))
