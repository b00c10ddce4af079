"""A challenger that is tried in production: what its events are logged as, before and after it is promoted.

run ── tied ──> logged as version "2" ── trial: beside the champion ── promoted as "2" ──> windows of its own
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime

from retrue.core.reference import Reference
from retrue.errors import RefusedError
from retrue.store import rows
from retrue.store.catalog import Transaction
from retrue.workspace import clock
from retrue.workspace.acting import audit
from retrue.workspace.decide.trials import RUNNING, STOPPED, trials
from retrue.workspace.prove.verifying import replayed
from retrue.workspace.stored import StoredModel
from retrue.workspace.train.runs import StoredRun

ASKED = 200
"""The last events of a version that are replayed, to tell whether they are a run's."""
TRIED = 8
"""Versions whose events are replayed at most, those that were tried last."""


def tie(model: StoredModel, run: str, version: str) -> None:
    """Note that events of a version are scored by a run's model: that it is tried, and promoted, under this name.

    Raises:
        RefusedError: the run has no model, was promoted, or is tied to another version; the version is another's.
        StoreError: there is no such run.
    """
    found = StoredRun.find(model, run)
    found.refuse_untrained()
    what = f"version {version} is not tried as the model of run {found.id}"
    if found.kept.get("version", version) != version:
        raise RefusedError([f"it is version {found.kept['version']} already"], what=what)
    with model.store.catalog.write() as tx:
        kept = tx.find(rows.RunRow, model=model.name)
        other = next((one.id for one in kept if one.body.get("tried") == version and one.id != found.id), None)
        made = tx.get(rows.Version, model=model.name, version=version)
        if other is not None or (made is not None and made.body.get("run") != found.id):
            whose = f"that of run {other}" if other is not None else "registered as another model"
            raise RefusedError([f"version {version} is {whose}"], what=what, hint="log its events as another version")
        (row,) = (one for one in kept if one.id == found.id)
        before = row.body.get("tried")
        if before not in (None, version):
            raise RefusedError([f"its events are logged as version {before}"], what=what)
        if before is None:
            tx.put(replace(row, body={**row.body, "tried": version}))
            audit(tx, "tried beside the champion", model.name, {"run": found.id, "version": version})


def name_of(run: StoredRun, reference: Reference) -> str:
    """The version that a run becomes when it is promoted.

    The one that it was tied to; else one whose logged events have this run's scores; else the next number that nothing
    of something else was logged under.
    """
    model = run.model
    model.store.apply(model.name)
    registered = {one.version for one in model.versions()}
    kept = {one.id: one.body.get("tried") for one in StoredRun.all(model)}
    own = kept.pop(run.id, None)
    if own is not None and own not in registered:
        return str(own)
    last = last_windows(model)
    others = registered | {str(one) for one in kept.values() if one is not None}
    strange = sorted((one for one in last if one not in others), key=lambda one: -last[one])
    scored = next((one for one in strange[:TRIED] if is_of(run, reference, one, last[one])), None)
    if scored is not None:
        return scored
    taken = others | set(last) | {str(one.body["challenger"]) for one in trials(model)}
    number = 1 + max((int(one) for one in registered if one.isdigit()), default=0)
    while str(number) in taken:
        number += 1
    return str(number)


def last_windows(model: StoredModel) -> dict[str, int]:
    """The start of the last window that each version has events in."""
    found: dict[str, int] = {}
    for one in model.store.windows(model.name):
        found[one.version] = max(one.start, found.get(one.version, one.start))
    return found


def is_of(run: StoredRun, reference: Reference, version: str, start: int) -> bool:
    """Whether the last events of a version have the scores that a run's model gives them."""
    since = clock.moment(start * clock.MICROS)
    events = run.model.events(since, None, version=version).tail(ASKED).collect()
    if not events.height or not set(run.model.schema.features) <= set(events.columns):
        return False
    compared = replayed(run, reference, events)
    return bool(compared.known.any()) and not compared.apart.any()


def tried_by(model: StoredModel, version: str, now: datetime) -> datetime | None:
    """The event time until which a version that is promoted now was only tried; None where nothing was logged as it.

    A replay that promotes without its time does so long after its events: the last window that is logged counts then.
    """
    last = last_windows(model)
    if version not in last:
        return None
    end = datetime.fromisoformat(model.span(max(last.values()))[1])
    return min(end, now)


def end_trials(tx: Transaction, model: StoredModel, old: str, new: str, until: datetime, tried: datetime) -> None:
    """Stop the trials that a change of champions leaves without one of their sides: events after it don't count.

    Args:
        tx: what changes the champion.
        model: whose.
        old: the champion so far.
        new: the one from here on.
        until: when it changed.
        tried: the event time until which the new one was only tried: from there on nothing is beside it.
    """
    for one in tx.find(rows.Trial, model=model.name, status=RUNNING):
        challenger = one.body.get("challenger")
        if challenger == new:
            note, end = "promoted", tried
        elif one.body.get("champion") == old:
            note, end = f"version {new} became the champion", until
        else:
            continue
        body = {**one.body, "until": end.isoformat(), "note": note}
        tx.put(replace(one, status=STOPPED, updated=clock.micros(clock.now()), body=body))
        audit(tx, "trial stopped", model.name, {"trial": one.id, "challenger": challenger, "note": note})


def trials_by_version(model: StoredModel) -> Mapping[str, tuple[rows.Trial, ...]]:
    """The trials of each version that was tried, latest first."""
    with model.store.catalog.read() as tx:
        found = sorted(tx.find(rows.Trial, model=model.name), key=lambda one: -one.created)
    return {
        version: tuple(one for one in found if one.body.get("challenger") == version)
        for version in dict.fromkeys(str(one.body.get("challenger")) for one in found)
    }
