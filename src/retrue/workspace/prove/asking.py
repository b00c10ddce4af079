"""A verification that somebody asks a service for: it waits with its version until a job has answered it.

ask ──> {"state": "waiting", "asked", "since", "until"} ── job `verify` ──> "done" with "found" | "failed" with "why"
"""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime
from typing import TYPE_CHECKING, Any

from sqlalchemy import select

from retrue.errors import RefusedError, StoreError
from retrue.store import rows
from retrue.store.tables import versions
from retrue.workspace import clock
from retrue.workspace.acting import audit
from retrue.workspace.stored import StoredModel
from retrue.workspace.train.runs import StoredRun

if TYPE_CHECKING:
    from retrue.store.catalog import Catalog, Transaction

KEY = "verification"
"""What it is called in a version's body."""
WAITING, DONE, FAILED = "waiting", "done", "failed"


def ask(model: StoredModel, version: str, since: datetime | None, until: datetime | None) -> dict[str, Any]:
    """Ask for it; what was asked before is replaced.

    Raises:
        StoreError: there is no such version.
        RefusedError: its trained model isn't here.
    """
    model.store.refuse_read_only()
    if version not in {row.version for row in model.versions()}:
        raise StoreError(f"no version {version[:40]!r}", where=f"model {model.name!r}")
    if StoredRun.trained(model, version) is None:
        raise RefusedError([f"the trained model of version {version} isn't here"], what="nothing to replay through")
    ends = {name: None if at is None else at.isoformat() for name, at in (("since", since), ("until", until))}
    said = {"version": version, "state": WAITING, "asked": clock.now().isoformat(), **ends}
    with model.store.catalog.write() as tx:
        keep(tx, model.name, version, said)
        audit(tx, "asked to verify", model.name, {"version": version})
    return said


def answer(model: StoredModel, version: str) -> dict[str, Any] | None:
    """What was asked last of a version, and the answer as far as there is one; None where nobody has asked."""
    with model.store.catalog.read() as tx:
        row = tx.get(rows.Version, model=model.name, version=version)
    return None if row is None else row.body.get(KEY)


def settle(model: StoredModel, asked: dict[str, Any], state: str, **facts: Any) -> None:
    """Keep an answer, unless it was asked anew meanwhile."""
    with model.store.catalog.write() as tx:
        row = tx.get(rows.Version, model=model.name, version=asked["version"])
        if row is not None and row.body.get(KEY) == asked:
            said = {**asked, "state": state, "answered": clock.now().isoformat(), **facts}
            keep(tx, model.name, asked["version"], said)


def keep(tx: Transaction, model: str, version: str, said: dict[str, Any]) -> None:
    """Keep what is known of it in the version's body."""
    row = tx.get(rows.Version, model=model, version=version)
    if row is not None:
        tx.put(replace(row, body={**row.body, KEY: said}))


def waiting(catalog: Catalog) -> list[tuple[str, str]]:
    """Model and version of each that waits."""
    state = versions.c.body[KEY]["state"].as_string()
    query = select(versions.c.model, versions.c.version).where(state == WAITING)
    with catalog.read() as tx:
        return [(str(model), str(version)) for model, version in tx.connection.execute(query)]
