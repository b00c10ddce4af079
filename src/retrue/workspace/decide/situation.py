"""The situation: what the store knows of a model when somebody asks whether to retrain it.

windows, labels, estimates ── gap, traffic ──┐
incidents ── broken now? worse? ─────────────┼──> Situation
earlier runs ────────────────────────────────┘
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

import numpy as np
import polars as pl

from retrue.judge.main_metrics import MAIN
from retrue.judge.verdict import VerdictKind
from retrue.metrics.measure import Z95
from retrue.refine.decide import LOSSES
from retrue.refine.expected import Gap, Past, Situation
from retrue.refine.policy import DAY, RetrainingPolicy
from retrue.store import rows
from retrue.workspace import clock
from retrue.workspace.check.incidents import load_incidents
from retrue.workspace.check.performance import performance
from retrue.workspace.check.timeline import is_judged
from retrue.workspace.collect.collecting import learned_until
from retrue.workspace.stored import StoredModel, champions_of, tried_until
from retrue.workspace.train.broken import Fault, faults_of, lasts
from retrue.workspace.train.maturity import ripe_until

POINT = 0.01
"""A point: of a share in its own unit, of an error as a share of the reference's value."""
RECENT = 28 * DAY
"""Seconds that the traffic is read from."""
WORSE = frozenset({VerdictKind.DEGRADED.value, VerdictKind.UNKNOWN.value, VerdictKind.DRIFTING.value})
"""Incidents that a better model might end."""
DELAYS = 200_000
"""Events that tell how long labels take."""


def situation(model: StoredModel, at: datetime, policy: RetrainingPolicy) -> Situation:
    """What is known of a model at a time."""
    faults = faults_of(model)
    known = matured_parts(model, at)
    ripe = [one for one in known if not is_faulty(one.window.start, faults)]
    labelled, all_labelled = (sum(labels_of(model, one) for one in parts) for parts in (ripe, known))
    done = runs_of(model)
    last = max((moment for moment, _ in done), default=None)
    used = used_until(row for _, row in done if row.body.get("champion") == model.version)
    fresh = sum(labels_of(model, one.since(used)) for one in ripe)
    live, calm = [one for one in load_incidents(model) if one.live], model.options.hysteresis().calm
    broken = [one for one in live if lasts(one, at, calm)]
    return Situation(
        gap=gap_of(model, at, policy, faults),
        traffic=traffic(model, at),
        rows=labelled,
        labels=fresh,
        since=None if last is None else max((at - last).total_seconds(), 0.0),
        broken=tuple(one.sentence for one in broken),
        incidents=tuple(one.sentence for one in live if is_worse(one) and one not in broken),
        past=past_runs(model, done, policy, faults),
        spoilt=all_labelled - labelled,
        judged=is_judged(model),
    )


def is_faulty(start: float, faults: Iterable[Fault]) -> bool:
    """Whether all rows of the window that begins then (seconds since 1970) were logged while the data were broken."""
    return any(one.slice is None and one.span[0].timestamp() <= start < one.span[1].timestamp() for one in faults)


def is_worse(incident: Any) -> bool:
    """Whether a better model might end it."""
    return bool(WORSE & {incident.kind.value, *(one.kind.value for one in incident.verdicts)})


@dataclass(frozen=True)
class Part:
    """Events of a window, from `first` on and before `last`, in seconds since 1970."""

    window: rows.Window
    first: float
    last: float

    def since(self, moment: datetime | None) -> Part:
        """Those of then and later."""
        return self if moment is None else replace(self, first=max(self.first, moment.timestamp()))


def matured_parts(model: StoredModel, at: datetime) -> list[Part]:
    """What a run would take from the log: events whose labels have had time to come, as training would say.

    The champion's, and those of earlier ones that it hasn't learned from: their labels came late.
    """
    windows = [one for one in model.store.windows(model.name) if one.labelled]
    if model.schema.label is None or not windows:
        return []
    until = matured_until(model, sum(one.events for one in windows), at).timestamp()
    learned, length, found = learned_until(model, model.version), model.options.window, list[Part]()
    for version in champions_of(model):
        ends = [] if version.version == model.version else [learned, tried_until(version)]
        first = max((end.timestamp() for end in ends if end is not None), default=-math.inf)
        mine = [one for one in windows if one.version == version.version]
        found += [Part(one, max(first, one.start), min(until, one.start + length)) for one in mine]
    return [one for one in found if one.first < one.last]


def labels_of(model: StoredModel, part: Part) -> int:
    """How many labels it has: as the books have them of a whole window, else counted."""
    start, length = part.window.start, model.options.window
    if part.first >= part.last:
        return 0
    if part.first <= start and part.last >= start + length:
        return part.window.labelled
    label = model.store.layout(model.name).label_column
    since, until = (clock.moment(round(end * clock.MICROS)) for end in (part.first, part.last))
    events = model.events(since, until, version=part.window.version, columns=[label], sample="all")
    return int(events.select(pl.col(label).count()).collect().item())


def matured_until(model: StoredModel, logged: int, at: datetime) -> datetime:
    """When the last events happened whose labels have matured; how long they take is told from a sample."""
    return ripe_until(model, at, every=max(logged // DELAYS, 1))


def traffic(model: StoredModel, at: datetime) -> float:
    """Events a day, of the last four weeks, whatever version scored them; a shadow scores them a second time."""
    since, shadows = at.timestamp() - max(RECENT, model.options.window), shadows_of(model)
    windows = [one for one in model.store.windows(model.name) if one.version not in shadows]
    recent = [one for one in windows if since <= one.start < at.timestamp()]
    if not recent:
        return 0.0
    span = max(at.timestamp() - min(one.start for one in recent), model.options.window)
    return sum(one.events for one in recent) / span * DAY


def shadows_of(model: StoredModel) -> set[str]:
    """Versions that were tried as shadows, but for one that has become the champion."""
    with model.store.catalog.read() as tx:
        trials = tx.find(rows.Trial, model=model.name)
    return {str(one.body["challenger"]) for one in trials if one.body.get("kind") == "shadow"} - {model.version}


def gap_of(
    model: StoredModel,
    at: datetime,
    policy: RetrainingPolicy,
    faults: tuple[Fault, ...] = (),
    version: str | None = None,
) -> Gap | None:
    """What a version, the champion unless given, loses against its reference in the latest windows.

    By matured labels, else as estimated. Windows in which the data were broken don't count: what is lost in them no
    training wins back.
    """
    task = model.schema.task
    if task is None:
        return None
    metric, until = MAIN[str(task)][0], pl.col("until").str.to_datetime(time_zone="UTC")
    told = performance(model, metric, version).filter(pl.col("reference").is_not_null(), until <= at)
    told = told.filter([not is_faulty(datetime.fromisoformat(one).timestamp(), faults) for one in told["window"]])
    reach = max(round(policy.gap / model.options.window), 1)
    for source, names in SOURCES.items():
        known = told.tail(reach).drop_nulls(names)
        if known.height:
            return gap_from(known.select(*names, "reference", "rows"), metric, source)
    return None


SOURCES = {"labels": ("realised", "low", "high"), "estimate": ("estimated", "estimated_low", "estimated_high")}
"""Where performance is read from, best first: the columns with value and interval."""


def gap_from(known: pl.DataFrame, metric: str, source: str) -> Gap:
    """The gap over windows: their mean by rows, with an error of chance and of how they wander."""
    value, low, high, reference, count = (known[name].to_numpy().astype(float) for name in known.columns)
    lost = (value - reference) if metric in LOSSES else (reference - value)
    error, weights = (high - low) / (2 * Z95), count / count.sum()
    wander = max(float(lost.var(ddof=1) - np.mean(error**2)), 0.0) if lost.size > 1 else 0.0
    spread = math.sqrt(float((weights**2 * (error**2 + wander)).sum()))
    size = float(reference[-1])
    point = POINT * abs(size) if metric in LOSSES else POINT
    return Gap(metric, float((weights * lost).sum()), spread, point or POINT, source, int(count.sum()))


def runs_of(model: StoredModel) -> list[tuple[datetime, rows.RunRow]]:
    """All runs with the time that they were trained at, oldest first."""
    with model.store.catalog.read() as tx:
        found = tx.find(rows.RunRow, model=model.name)
    return sorted(((trained_at(row), row) for row in found), key=lambda pair: pair[0])


def trained_at(row: rows.RunRow) -> datetime:
    """The time that a run was trained at: as it was told, for a replay has a time of its own."""
    said = row.body.get("at")
    return clock.moment(row.created) if said is None else datetime.fromisoformat(said)


def used_until(runs: Iterable[rows.RunRow]) -> datetime | None:
    """Until when labels have been learned from, or proven on; a run that failed has used none."""
    manifests = (row.body.get("manifest") for row in runs if row.status != "failed")
    return max((datetime.fromisoformat(one["matured"]) for one in manifests if one is not None), default=None)


def past_runs(
    model: StoredModel,
    runs: Iterable[tuple[datetime, rows.RunRow]],
    policy: RetrainingPolicy,
    faults: tuple[Fault, ...],
) -> tuple[Past, ...]:
    """What earlier runs gained, beside the gap at the time: as it was decided by, else as the windows tell it now."""
    with model.store.catalog.read() as tx:
        decided = {str(row.run): row.body["situation"] for row in tx.find(rows.Decision, model=model.name)}
    found = list[Past]()
    for at, run in runs:
        main, known = decisive(model, run), decided.get(run.id)
        if main is None:
            continue
        gain = main["difference"] if main["higher_is_better"] else -main["difference"]
        error = (main["interval"][1] - main["interval"][0]) / (2 * Z95)
        if known is None:
            gap, fresh = met(model, run, at, policy, faults)
        else:
            gap, fresh = known["gap"] and known["gap"]["value"], known["rows"]
        if gap is not None:
            found.append(Past(gap, gain, error, fresh))
    return tuple(found)


def decisive(model: StoredModel, run: rows.RunRow) -> Any:
    """What a run's proof says on the whole holdout by the metric that gaps are in; None where it tells nothing."""
    told = MAIN[str(model.schema.task)][0] if model.schema.task is not None else None
    contests = run.body.get("proof", {}).get("contests", [])
    whole = [one for one in contests if (one["where"], one["metric"]) == ("holdout", told)]
    return whole[0] if whole and whole[0]["interval"] is not None else None


def met(
    model: StoredModel, run: rows.RunRow, at: datetime, policy: RetrainingPolicy, faults: tuple[Fault, ...]
) -> tuple[float | None, int]:
    """The gap of a run's champion when somebody started it, and the labels that were new to that champion."""
    version, until = str(run.body["champion"]), datetime.fromisoformat(run.body["manifest"]["matured"]).timestamp()
    gap = gap_of(model, at, policy, faults, version)
    windows = [one for one in model.store.windows(model.name) if one.version == version and one.start < until]
    return None if gap is None else gap.value, sum(one.labelled for one in windows)
