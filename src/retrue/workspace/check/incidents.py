"""Incidents in the catalog: group a version's alarms, read and keep what came of it and what people said."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import replace
from datetime import datetime
from typing import Any

from retrue.judge.assess import Judge
from retrue.judge.grouping import group_incidents
from retrue.judge.incident import Incident, State
from retrue.judge.sentence import sentence_of
from retrue.judge.verdict import Verdict, VerdictKind, sort_worst_first
from retrue.metrics import registered
from retrue.metrics.names import metric_of
from retrue.store import rows
from retrue.store.catalog import Transaction
from retrue.workspace import clock
from retrue.workspace.acting import audit
from retrue.workspace.check.bonds import bonds_of
from retrue.workspace.explain.causes import investigate
from retrue.workspace.explain.evidence import alarmed
from retrue.workspace.stored import StoredModel

Span = tuple[str, str]


def regroup(model: StoredModel, version: str, judge: Judge, fresh: Collection[int] | None = None) -> list[Incident]:
    """Group the alarms of all judged windows of a version into incidents, keeping what people said.

    Args:
        model: the model.
        version: its version.
        judge: the judge of its windows, to tell what incidents cost.
        fresh: starts of the windows that were judged since: incidents of others keep their cost and cause; None: all.
    """
    judged = verdicts_of(model, version)
    prior = load_incidents(model, version)
    bonds = bonds_of(model, version, judged)
    found = group_incidents(model.name, judged, prior, model.options.hysteresis(), bonds)
    found = apart(model, version, found)
    grouped = [
        investigate(model, version, judge, one, found)
        if fresh is None or not alarmed(model, one).isdisjoint(fresh)
        else one
        for one in found
    ]
    save_incidents(model, version, grouped, instead_of=prior)
    return grouped


def verdicts_of(model: StoredModel, version: str) -> dict[Span, list[Verdict]]:
    """The kept verdicts of a version, by window."""
    with model.store.catalog.read() as tx:
        kept = tx.find(rows.VerdictRow, model=model.name, version=version)
    judged: dict[Span, list[Verdict]] = {}
    for row in kept:
        judged.setdefault(model.span(row.start), []).append(read_verdict(row.body))
    return judged


def untold(model: StoredModel, version: str) -> bool:
    """Whether an alarm is in no incident: an earlier check was stopped after it had kept its verdicts."""
    with model.store.catalog.read() as tx:
        alarms = sum(bool(row.body.get("alarm")) for row in tx.find(rows.VerdictRow, model=model.name, version=version))
    return alarms != sum(len(incident.verdicts) for incident in load_incidents(model, version))


def apart(model: StoredModel, version: str, incidents: list[Incident]) -> list[Incident]:
    """The same with ids that no other version's incident has: both may go wrong alike in the window of a promotion."""
    with model.store.catalog.read() as tx:
        taken = {row.id for row in tx.find(rows.IncidentRow, model=model.name) if row.body["version"] != version}
    return [replace(one, id=f"{version}-{one.id}") if one.id in taken else one for one in incidents]


def read_verdict(body: Mapping[str, object]) -> Verdict:
    """Read a kept verdict."""
    content: dict[str, Any] = dict(body)
    alarm, loss = bool(content.pop("alarm", True)), content.pop("loss", None)
    return Verdict.from_dict(content, alarm=alarm, loss=loss)


def load_incidents(model: StoredModel, version: str | None = None) -> list[Incident]:
    """The incidents as last grouped, oldest first; perhaps only those of one version."""
    with model.store.catalog.read() as tx:
        return incidents_in(tx, model, version)


def incidents_in(tx: Transaction, model: StoredModel, version: str | None = None) -> list[Incident]:
    """The same, as a transaction sees them."""
    found = tx.find(rows.IncidentRow, model=model.name)
    chosen = (row.body for row in found if version in (None, row.body["version"]))
    return sorted((read_incident(body) for body in chosen), key=lambda incident: incident.since)


BESIDE = {"version", "metric"}
"""What is kept beside an incident: whose windows it is about, and the metric that it made worse."""


def read_incident(body: Mapping[str, object]) -> Incident:
    """Read a kept incident; its verdicts all alarmed."""
    return Incident.from_dict({name: value for name, value in body.items() if name not in BESIDE})


def version_of(model: StoredModel, incident: Incident) -> str:
    """The version whose windows the incident is about."""
    with model.store.catalog.read() as tx:
        row = tx.get(rows.IncidentRow, id=incident.id)
    return model.version if row is None else str(row.body["version"])


def save_incidents(
    model: StoredModel, version: str, incidents: Iterable[Incident], instead_of: Iterable[Incident] = ()
) -> None:
    """Keep incidents of a version; earlier ones that aren't among them any more go."""
    found = list(incidents)
    gone = {old.id for old in instead_of} - {incident.id for incident in found}
    with model.store.catalog.write() as tx:
        for old in gone:
            tx.remove(rows.IncidentRow, id=old)
        tx.put(*(row_of(model, version, incident) for incident in found))


def row_of(model: StoredModel, version: str, incident: Incident) -> rows.IncidentRow:
    """An incident as it is kept now."""
    opened = clock.micros(datetime.fromisoformat(incident.since))
    closed = None if incident.until is None else clock.micros(datetime.fromisoformat(incident.until))
    # Whoever changed its state left the sentence as it was.
    body = {
        **incident.to_dict(),
        "sentence": sentence_of(incident),
        "version": version,
        "metric": metric_made_worse(incident),
    }
    at = clock.micros(clock.now())
    return rows.IncidentRow(incident.id, model.name, incident.state.value, opened, at, closed, body)


def metric_made_worse(incident: Incident) -> str | None:
    """The metric of the model that an incident certainly made worse, the worst of several; None: none as far as known.

    >>> worse = Verdict(VerdictKind.DEGRADED, "fell", "estimated_roc_auc", value=0.6, threshold=0.7)
    >>> metric_made_worse(Incident("i", "m", worse.kind, State.OPEN, "2026-01-05", None, (), (worse,), ""))
    'roc_auc'
    """
    usual = {one.name for one in registered(of="outcome")}
    found = (
        metric_of(one.metric)
        for one in sort_worst_first(incident.verdicts)
        if one.kind is VerdictKind.DEGRADED and one.metric and one.column is None and one.slice is None
    )
    return next((name for name in found if name.partition("@")[0] in usual), None)


def keep_said(model: StoredModel, incident: Incident, action: str, said: Mapping[str, object]) -> None:
    """Keep what somebody said of an incident, and that they did."""
    version = version_of(model, incident)
    with model.store.catalog.write() as tx:
        tx.put(row_of(model, version, incident))
        audit(tx, f"incident {action}", model.name, {"incident": incident.id, **said})


def close_incidents(tx: Transaction, model: StoredModel, version: str) -> None:
    """Resolve what is live of a version that predicts no more, at the end of its last window."""
    end = last_end(tx, model, version)
    for one in incidents_in(tx, model, version) if end is not None else ():
        if one.live:
            tx.put(row_of(model, version, retold(one.resolve(str(end)))))


def retold(incident: Incident) -> Incident:
    """The same with its sentence as of now: what is over is said in the past."""
    return replace(incident, sentence=sentence_of(incident))


def reopen_incidents(tx: Transaction, model: StoredModel, version: str) -> None:
    """Open again what ended because another version took over; to be grouped anew, by what its last windows say."""
    end = last_end(tx, model, version)
    for one in incidents_in(tx, model, version):
        if not one.live and one.until == end:
            tx.put(row_of(model, version, replace(one, state=State.OPEN, until=None)))


def last_end(tx: Transaction, model: StoredModel, version: str) -> str | None:
    """The end of a version's last window; None where it has none."""
    last = tx.newest(rows.Window, "start", model=model.name, version=version)
    return None if last is None else model.span(last)[1]
