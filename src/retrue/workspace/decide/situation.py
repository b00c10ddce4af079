"""The situation: what the store knows of a model when somebody asks whether to retrain it.

windows, labels, estimates ── gap, traffic ──┐
incidents ── broken now? worse? ─────────────┼──> Situation
earlier runs, and cheap fits: the curve ─────┘
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from datetime import datetime
from typing import TYPE_CHECKING, Any

import numpy as np
import polars as pl

from retrue.core.reference import Reference
from retrue.errors import RefusedError
from retrue.judge.main_metrics import MAIN
from retrue.judge.verdict import VerdictKind
from retrue.metrics.measure import Z95
from retrue.refine.decide import LOSSES
from retrue.refine.expected import Curve, Gap, Past, Situation
from retrue.refine.policy import DAY, Policy
from retrue.refine.prove import Contest, Duel, contest
from retrue.refine.train import score, train
from retrue.store import rows
from retrue.workspace import clock
from retrue.workspace.check.performance import performance
from retrue.workspace.prove.sides import recorded, truth
from retrue.workspace.train.broken import Fault, faults_of, lasts
from retrue.workspace.train.maturity import learnable, matured_events

if TYPE_CHECKING:
    from retrue.workspace.model import Model

POINT = 0.01
"""A point: of a share in its own unit, of an error as a share of the reference's value."""
RECENT = 28 * DAY
"""Seconds that the traffic is read from."""
WORSE = frozenset({VerdictKind.DEGRADED.value, VerdictKind.UNKNOWN.value, VerdictKind.DRIFTING.value})
"""Incidents that a better model might end."""
HOLDOUT, HELD = 0.25, 2_000
"""The share of the matured labels that cheap fits are proven on, and the most rows of it."""
SIZES = (250, 500, 1_000, 2_000)
"""New labels that cheap fits learn from, at most half of those there are."""
LEAST = 200
"""Later rows without which cheap fits tell nothing."""


def situation(model: Model, at: datetime, policy: Policy) -> Situation:
    """What is known of a model at a time."""
    faults = faults_of(model)
    known = matured_windows(model, at)
    ripe = [one for one in known if not is_faulty(one.start, faults)]
    labelled, all_labelled = (sum(window.labelled for window in windows) for windows in (ripe, known))
    done = runs_of(model)
    last = max((moment for moment, _ in done), default=None)
    own = [row for moment, row in done if row.body.get("champion") == model.version]
    used = max(
        (datetime.fromisoformat(row.body["manifest"]["matured"]) for row in own if "manifest" in row.body), default=None
    )
    fresh = sum(w.labelled for w in ripe if used is None or w.start >= used.timestamp())
    live, calm = [one.incident for one in model.incidents(live=True)], model.options.hysteresis().calm
    broken = [one for one in live if lasts(one, at, calm)]
    return Situation(
        gap=gap_of(model, at, policy, faults),
        traffic=traffic(model, at),
        rows=labelled,
        labels=fresh,
        since=None if last is None else max((at - last).total_seconds(), 0.0),
        broken=tuple(one.sentence for one in broken),
        incidents=tuple(one.sentence for one in live if is_worse(one) and one not in broken),
        past=past_runs(model),
        spoilt=all_labelled - labelled,
    )


def is_faulty(start: float, faults: Iterable[Fault]) -> bool:
    """Whether all rows of the window that begins then (seconds since 1970) were logged while the data were broken."""
    return any(one.slice is None and one.span[0].timestamp() <= start < one.span[1].timestamp() for one in faults)


def is_worse(incident: Any) -> bool:
    """Whether a better model might end it."""
    return bool(WORSE & {incident.kind.value, *(one.kind.value for one in incident.verdicts)})


def champions_windows(model: Model) -> list[rows.Window]:
    """The windows of the champion's events, oldest first."""
    found = [one for one in model.store.windows(model.name) if one.version == model.version]
    return sorted(found, key=lambda window: window.start)


def matured_windows(model: Model, at: datetime) -> list[rows.Window]:
    """Those whose labels have had time to come."""
    until = at.timestamp() - (model.options.maturity or 0.0)
    return [one for one in champions_windows(model) if one.start + model.options.window <= until]


def traffic(model: Model, at: datetime) -> float:
    """Events a day, of the last four weeks, whatever version scored them; a shadow scores them a second time."""
    since, shadows = at.timestamp() - max(RECENT, model.options.window), shadows_of(model)
    windows = [one for one in model.store.windows(model.name) if one.version not in shadows]
    recent = [one for one in windows if since <= one.start < at.timestamp()]
    if not recent:
        return 0.0
    span = max(at.timestamp() - min(one.start for one in recent), model.options.window)
    return sum(one.events for one in recent) / span * DAY


def shadows_of(model: Model) -> set[str]:
    """Versions that were tried as shadows, but for one that has become the champion."""
    with model.store.catalog.read() as tx:
        trials = tx.find(rows.Trial, model=model.name)
    return {str(one.body["challenger"]) for one in trials if one.body.get("kind") == "shadow"} - {model.version}


def gap_of(model: Model, at: datetime, policy: Policy, faults: tuple[Fault, ...] = ()) -> Gap | None:
    """What the champion loses against its reference in the latest windows: by matured labels, else as estimated.

    Windows in which the data were broken don't count: what is lost in them no training wins back.
    """
    task = model.schema.task
    if task is None:
        return None
    metric, until = MAIN[str(task)][0], pl.col("until").str.to_datetime(time_zone="UTC")
    told = performance(model, metric).filter(pl.col("reference").is_not_null(), until <= at)
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


def runs_of(model: Model) -> list[tuple[datetime, rows.RunRow]]:
    """All runs with the time that they were trained at, oldest first."""
    with model.store.catalog.read() as tx:
        found = tx.find(rows.RunRow, model=model.name)
    return sorted(((trained_at(row), row) for row in found), key=lambda pair: pair[0])


def trained_at(row: rows.RunRow) -> datetime:
    """The time that a run was trained at: as it was told, for a replay has a time of its own."""
    said = row.body.get("at")
    return clock.moment(row.created) if said is None else datetime.fromisoformat(said)


def past_runs(model: Model) -> tuple[Past, ...]:
    """What earlier decisions' runs gained, beside the gap at the time."""
    with model.store.catalog.read() as tx:
        kept = [row for row in tx.find(rows.Decision, model=model.name) if row.run is not None]
        runs = {row.id: row for row in tx.find(rows.RunRow, model=model.name)}
    found = (past_of(row.body, runs[row.run]) for row in kept if row.run in runs)
    return tuple(one for one in found if one is not None)


def past_of(body: Any, run: rows.RunRow) -> Past | None:
    """One of them; None where no gap was known, or its proof told nothing."""
    gap, contests = body["situation"]["gap"], run.body.get("proof", {}).get("contests", [])
    whole = [one for one in contests if gap is not None and (one["where"], one["metric"]) == ("holdout", gap["metric"])]
    if not whole or whole[0]["interval"] is None:
        return None
    main = whole[0]
    gain = main["difference"] if main["higher_is_better"] else -main["difference"]
    error = (main["interval"][1] - main["interval"][0]) / (2 * Z95)
    return Past(gap["value"], gain, error, body["situation"]["rows"])


# --- cheap fits -------------------------------------------------------------------------------------------------------


def pilot(model: Model, fit: Any, at: datetime) -> Curve | None:
    """What a fit on so many new labels, and as many rows of the reference, gains over the champion on later ones.

    What a gap to the reference can't tell: how much a new model would win. Nothing of it is kept or promoted.

    Args:
        model: whose.
        fit: as in `Model.retrain`.
        at: the time.

    Returns:
        None where too few labels have matured.
    """
    try:
        matured = matured_events(model, at, HOLDOUT)
    except RefusedError:
        return None
    reference, schema = model.reference.load(), model.schema
    grid, label = reference.grids.outcome, str(schema.label)
    parts = (matured.part(after_cut=False), matured.part(after_cut=True), model.reference.frame)
    fresh, later, known = (learnable(part, label, grid, schema.classes) for part in parts)
    sizes = [size for size in SIZES if 2 * size <= fresh.height]
    if len(sizes) < 2 or later.height < LEAST:
        return None
    held, seen = drawn(later, HELD, 0), [*schema.features, label]
    found = []
    for size in sizes:
        table = pl.concat(
            [drawn(fresh, size, 1).select(seen), drawn(known, size, 2).select(seen)], how="vertical_relaxed"
        )
        challenger = train(fit, table, np.ones(table.height), list(schema.features), label)
        said = score(challenger, held, schema.features, schema.positive, schema.classes)
        found.append(against(reference, held, said, label, MAIN[str(schema.task)][0]))
    ends = [one.gain for one in found if one.gain is not None]
    if len(ends) < len(sizes):
        return None
    gains = tuple((low + high) / 2 for low, high in ends)
    return Curve(tuple(sizes), gains, tuple((high - low) / (2 * Z95) for low, high in ends))


def drawn(frame: pl.DataFrame, most: int, seed: int) -> pl.DataFrame:
    """At most so many rows by chance, the same ones each time."""
    return frame if frame.height <= most else frame.sample(most, seed=seed)


def against(reference: Reference, held: pl.DataFrame, scores: Any, label: str, metric: str) -> Contest:
    """Champion and challenger on the same rows, by the metric that the gap is in."""
    labels, task, _ = truth(reference.grids.outcome, held, label)
    duel = Duel(labels, recorded(reference, held), scores)
    return contest("pilot", metric, task, duel.on(duel.known))
