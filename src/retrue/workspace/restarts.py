"""Restarts: which parts of the service died, how and how often; kept where people look, not on standard error alone."""

from __future__ import annotations

from retrue.store import rows
from retrue.store.catalog import Catalog, Transaction
from retrue.workspace import clock

PARTS = ("web", "commit", "jobs")
"""The parts of the service."""
JOB = "serve"
"""What log lines of the service itself have as their job."""


def note(catalog: Catalog, part: str, said: str) -> None:
    """Keep that a part died: a log line, and one more restart."""
    with catalog.write() as tx:
        tx.add(rows.Log(clock.micros(clock.now()), "error", said, JOB))
        tx.set_fact(_fact(part), str(restarts(tx, part) + 1))


def restarts(tx: Transaction, part: str) -> int:
    """How often a part of this store's service has died so far."""
    return int(tx.fact(_fact(part)) or 0)


def _fact(part: str) -> str:
    return f"restarts of {part}"
