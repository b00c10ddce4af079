"""What an incident costs and why: measured from its windows' profiles, searched for among their rows.

cost    labels, where they can be trusted -> estimates -> the impact of the column that cost most
cause   the best slice of the same search that `explain` shows; searched when the incident opens, and again when
        there is materially more to see
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import replace
from functools import reduce
from operator import add
from typing import TYPE_CHECKING, Literal

import numpy as np
import polars as pl

from retrue.core.profile import Profile
from retrue.core.state import Floats
from retrue.errors import TableError
from retrue.judge.assess import Judge
from retrue.judge.cause import Cause, Search
from retrue.judge.cost import Cost
from retrue.judge.incident import Incident
from retrue.judge.measured import measure_outcome
from retrue.judge.performance import error_of
from retrue.judge.sentence import sentence_of
from retrue.judge.verdict import VerdictKind, sort_worst_first
from retrue.judge.words import rows as say_rows
from retrue.metrics.measure import Z95
from retrue.metrics.names import estimated, metric_of
from retrue.store import rows
from retrue.workspace.explain.evidence import (
    Losses,
    alarmed,
    columns_beside,
    events_of,
    losses_of,
    slices_of,
    thin,
    usual_columns,
)
from retrue.workspace.stored import StoredModel

if TYPE_CHECKING:
    from retrue.explain.column import Mask
    from retrue.explain.finding import Finding

FEW = 100
"""Rows of a sample that tell something, where nothing stands out in them."""
SUMMED = 64
"""The most windows that a cost is measured on, evenly spread over the incident."""


def investigate(
    model: StoredModel, version: str, judge: Judge, incident: Incident, incidents: Iterable[Incident] = ()
) -> Incident:
    """The same incident with what it costs by now, why, and a sentence that says so.

    Args:
        model: the model.
        version: the version whose windows it is about.
        judge: the judge of those.
        incident: the incident.
        incidents: all of the version: what has a cause of its own isn't the cause of this one.
    """
    if incident.kind is VerdictKind.SILENT:
        return incident
    beside = told_by(model, incident, incidents)
    costed = replace(incident, cost=cost_of(model, version, judge, incident, beside=beside))
    found = with_cause(model, version, judge, costed, columns_beside(model, incident, incidents))
    return replace(found, sentence=sentence_of(found))


# --- what it costs ----------------------------------------------------------------------------------------------------


def cost_of(model: StoredModel, version: str, judge: Judge, incident: Incident, *, beside: bool = False) -> Cost | None:
    """What an incident costs in the windows that alarmed; None where nothing tells.

    Args:
        model: the model.
        version: the version whose windows it is about.
        judge: the judge of those.
        incident: the incident.
        beside: whether the model's loss is told by another incident (`told_by`): this one costs no more than its
            columns' moves are expected to.
    """
    starts = spread(sorted(alarmed(model, incident)))
    if beside:
        return expected(model, version, judge, incident.columns, starts)
    metrics = metrics_of(judge, incident)
    where = part_of(incident)
    return (
        realised(model, version, judge, metrics, starts, where)
        or estimate(model, version, metrics, starts)
        or expected(model, version, judge, incident.columns, starts)
    )


def told_by(model: StoredModel, incident: Incident, incidents: Iterable[Incident]) -> bool:
    """Whether the model got worse in the windows of an incident as another one says, so that one loss counts once."""
    if any(alert.kind is VerdictKind.DEGRADED for alert in incident.verdicts):
        return False
    own = alarmed(model, incident)
    worse = [
        replace(one, verdicts=tuple(alert for alert in one.verdicts if alert.kind is VerdictKind.DEGRADED))
        for one in incidents
        if one.id != incident.id
    ]
    return any(not own.isdisjoint(alarmed(model, one)) for one in worse)


def spread(starts: Sequence[int]) -> list[int]:
    """At most `SUMMED` windows, evenly spread."""
    if len(starts) <= SUMMED:
        return list(starts)
    return [starts[at * len(starts) // SUMMED] for at in range(SUMMED)]


def metrics_of(judge: Judge, incident: Incident) -> list[str]:
    """The metrics to tell the cost in, the one that degraded most first."""
    worse = [alert for alert in sort_worst_first(incident.verdicts) if alert.kind is VerdictKind.DEGRADED]
    own = [metric_of(alert.metric) for alert in worse if alert.metric is not None]
    return list(dict.fromkeys([*own, *judge.judged_metrics]))


def part_of(incident: Incident) -> str | None:
    """The slice that the model degraded in, where it did so in no other and not on the whole."""
    parts = {alert.slice for alert in incident.verdicts if alert.kind is VerdictKind.DEGRADED}
    return next(iter(parts)) if len(parts) == 1 else None


def realised(
    model: StoredModel, version: str, judge: Judge, metrics: Iterable[str], starts: Sequence[int], part: str | None
) -> Cost | None:
    """What labels tell, in windows whose labels are trusted."""
    own = judge.own if part is None else judge.parts[part].own if part in judge.parts else {}
    for metric in metrics:
        labelled = [point.start for point in points(model, version, metric, starts)]
        before = own.get(metric)
        if not labelled or before is None or before.value is None:
            continue
        whole = profile_of(model, version, labelled, part)
        now = None if whole is None else measure_outcome(whole.outcome, [metric]).get(metric)
        if whole is None or now is None or now.value is None:
            continue
        change, error = now.value - before.value, math.hypot(error_of(now), error_of(before))
        if abs(change) <= (now.error or 0.0) + (before.error or 0.0):
            continue  # so many scores share a bin that nothing might have changed
        share = 1.0 if part is None else whole.rows / max(rows_of(model, version, labelled), 1)
        ends = None if now.interval is None else (change - Z95 * error, change + Z95 * error)
        return Cost(metric, change, ends, estimated=False, reference=before.value, slice=part, share=share)
    return None


def estimate(model: StoredModel, version: str, metrics: Iterable[str], starts: Sequence[int]) -> Cost | None:
    """What is estimated without labels: the mean over the windows, by their rows; a change that can be told first."""
    known = []
    for metric in metrics:
        found = [
            point for point in points(model, version, estimated(metric), starts)
            if point.value is not None and point.reference is not None and point.low is not None
        ]  # fmt: skip
        if not found:
            continue
        weight = np.array([float(point.rows) for point in found])
        weight /= weight.sum()
        values = np.array([[point.value, point.reference, point.low, point.high] for point in found], np.float64)
        value, before, *_ = weight @ values
        # What is wrong with one window's estimate is mostly wrong with the next one's: errors don't average out.
        reach = float(weight @ (values[:, 3] - values[:, 2])) / 2
        change = float(value - before)
        known.append(Cost(metric, change, (change - reach, change + reach), estimated=True, reference=float(before)))
    return next((cost for cost in known if cost.told), known[0] if known else None)


def expected(
    model: StoredModel, version: str, judge: Judge, columns: Iterable[str], starts: Sequence[int]
) -> Cost | None:
    """What the move of the column that costs most is expected to cost."""
    whole = profile_of(model, version, starts, None) if columns else None
    if whole is None:
        return None
    known = [impact for name in columns if name in whole.columns
             if (impact := judge.impact(name, whole.columns[name])) is not None]  # fmt: skip
    if not known:
        return None
    worst = max(known, key=lambda impact: impact.loss[0])
    before = judge.own.get(worst.metric)
    return Cost(worst.metric, worst.value, worst.interval, estimated=True, reference=before.value if before else None)


def points(model: StoredModel, version: str, metric: str, starts: Sequence[int]) -> list[rows.Point]:
    """A metric's known values on all rows of some windows."""
    wanted = set(starts)
    with model.store.catalog.read() as tx:
        found = tx.find(rows.Point, model=model.name, version=version, metric=metric, column="", slice="")
    return [point for point in found if point.start in wanted and point.value is not None]


def profile_of(model: StoredModel, version: str, starts: Sequence[int], part: str | None) -> Profile | None:
    """The sum of some windows' profiles."""
    found = model.store.profiles(model.name, version=version, slice=part or "", start=list(starts))
    return reduce(add, (one.profile for one in found)) if found else None


def rows_of(model: StoredModel, version: str, starts: Sequence[int]) -> int:
    """The events of some windows."""
    wanted = set(starts)
    return sum(one.events for one in model.store.windows(model.name, min(wanted), max(wanted) + 1)
               if one.version == version and one.start in wanted)  # fmt: skip


# --- why --------------------------------------------------------------------------------------------------------------


def with_cause(model: StoredModel, version: str, judge: Judge, incident: Incident, beside: frozenset[str]) -> Incident:
    """The same with its cause; searched only where it wasn't, or where there is materially more to see."""
    seen = Search(len(alarmed(model, incident)), max(alert.excess for alert in incident.verdicts), incident.kind.value)
    if incident.search is not None and not incident.search.outdated(seen):
        return incident
    try:
        return replace(incident, cause=cause_of(model, version, judge, incident, beside), search=seen)
    except Exception as error:  # noqa: BLE001 - whatever the rows hold, the alarm must be told; the failure is kept
        return replace(incident, search=replace(seen, failure=f"{type(error).__name__}: {error}"))


def cause_of(
    model: StoredModel, version: str, judge: Judge, incident: Incident, beside: frozenset[str] = frozenset()
) -> Cause | None:
    """The slice that tells most; None where no part of the rows stands out.

    Raises:
        TableError: only a sample is kept, and too few of its rows are there to say that nothing stands out.
    """
    now, then = events_of(model, incident, version), thin(model.reference_of(version).frame)
    if now.height < FEW and model.store.keeping(model.name):
        raise TableError(f"only {say_rows(now.height)} of these windows kept whole", expected=f"at least {FEW}")
    outcome = judge.reference.grids.outcome
    losses = losses_of(model, version, outcome, now, then)
    usual = usual_columns(model, version, judge, incident)
    found = slices_of(model, losses, incident, now, then, beside | usual)
    if not found:
        return None
    first = found[0]
    before, after = first.share
    ends = (max(0.0, before + first.interval[0]), min(1.0, before + first.interval[1]))
    loss = None if first.loss is None or None in first.loss else (float(first.loss[0] or 0), float(first.loss[1] or 0))
    question: Literal["share", "loss"] = "loss" if first.question == "loss" else "share"
    total = None if losses is None else lost(model, version, judge, incident, losses)
    explains = None if losses is None or total is None else explained(first, total, losses, then)
    metric = None if outcome is None else outcome.score_metric
    return Cause(first.slice.to_sql(), question, after, ends, before, loss, metric, explains)


def lost(model: StoredModel, version: str, judge: Judge, incident: Incident, losses: Losses) -> float | None:
    """How much the mean loss rose, by labels, else by what is estimated; None where it didn't or nothing tells."""
    now, then = (float(side[np.isfinite(side)].mean()) if np.isfinite(side).any() else math.nan for side in losses)
    if math.isfinite(now - then):
        return now - then if now > then else None
    outcome = judge.reference.grids.outcome
    metric = "" if outcome is None else outcome.score_metric
    known = estimate(model, version, [metric], spread(sorted(alarmed(model, incident)))) or incident.cost
    return abs(known.change) if known is not None and known.metric == metric and known.certain > 0 else None


def explained(first: Finding, total: float, losses: Losses, reference: pl.DataFrame) -> float | None:
    """The share of a rise of the mean loss that a slice accounts for, by what its rows lost; None where nobody knows.

    Args:
        first: the slice.
        total: how much the mean loss rose.
        losses: each row's loss in the window and in the reference.
        reference: the reference's rows.
    """
    if first.question == "loss":
        return None if first.effect is None else first.share[1] * first.effect / total
    inside, known = first.slice.mask(reference).to_numpy(), np.isfinite(losses[1])
    own = own_loss(first, inside, losses[1])
    if own is None or not (~inside & known).any():
        return None
    return float((first.share[1] - first.share[0]) * (own - losses[1][~inside & known].mean()) / total)


def own_loss(first: Finding, inside: Mask, losses: Floats) -> float | None:
    """What a slice's rows lost in the reference: what they lose more by now is concept drift, which no mix explains.

    Only of rows that the reference has none of does the window tell it.
    """
    if inside.any():
        known = losses[inside & np.isfinite(losses)]
        return float(known.mean()) if known.size else None
    return None if first.loss is None else first.loss[1]
