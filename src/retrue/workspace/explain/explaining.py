"""Explain: since when, which features, which rows, what it costs, and a few of them to look at."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import polars as pl

from retrue.core.column import ColumnProfile
from retrue.core.profile import Profile
from retrue.core.reference import Reference
from retrue.core.state import Floats
from retrue.engine.local import outcome_columns
from retrue.errors import StoreError
from retrue.estimate.cbpe import cbpe
from retrue.estimate.estimate import metric_names
from retrue.explain.examples import find_examples
from retrue.explain.features import rank_features
from retrue.explain.finding import Finding, guilty_of
from retrue.explain.joint import JointChange, find_joint
from retrue.explain.pairs import ChangedPair
from retrue.explain.sharing import Sharing, share_between
from retrue.explain.since import since_when
from retrue.judge.assess import Assessment, Judge
from retrue.judge.incident import Incident, window_of
from retrue.judge.streams import level_since
from retrue.judge.verdict import VerdictKind, sort_worst_first
from retrue.metrics import get
from retrue.slices import Slice
from retrue.store import rows
from retrue.workspace.check.incidents import load_incidents, version_of
from retrue.workspace.check.judged import judge_of
from retrue.workspace.explain.causes import cost_of, profile_of, told_by
from retrue.workspace.explain.contributions import contributions_of, importance_of
from retrue.workspace.explain.course import course_of
from retrue.workspace.explain.evidence import (
    alarmed,
    columns_beside,
    events_of,
    losses_of,
    made_of,
    slices_of,
    thin,
    usual_columns,
)
from retrue.workspace.explain.explanation import EXAMPLES, Explanation
from retrue.workspace.explain.outliers import standings
from retrue.workspace.stored import StoredModel


def explain(model: StoredModel, incident: Incident, predict: Any = None) -> Explanation:
    """Explain one incident from stored profiles, and from the raw rows of its windows for the slices."""
    version = version_of(model, incident)
    profile = None if incident.kind is VerdictKind.SILENT else alarmed_profile(model, incident, version)
    if profile is None:  # nothing came, so there is nothing to look at; or all of it was set aside
        return Explanation(incident, incident.since, (), (), None, pl.DataFrame())
    reference = model.reference_of(version)
    judge = judge_of(model, reference.load())
    assessed = judge.assess(profile)
    rows_now, rows_then = events_of(model, incident, version), thin(reference.frame)
    sharing = sharing_of(judge, profile, assessed, rows_now, rows_then)
    importance = None if predict is None else importance_of(model.schema, predict, reference.frame)
    schema = judge.reference.schema
    made = frozenset(name for name in (*schema.scores, schema.prediction) if name is not None)
    features = rank_features(assessed.verdicts, assessed.impacts, sharing, importance, outputs=made)
    losses = losses_of(model, version, judge.reference.grids.outcome, rows_now, rows_then)
    known = load_incidents(model, version)
    beside = columns_beside(model, incident, known)
    usual = usual_columns(model, version, judge, incident)
    findings = slices_of(model, losses, incident, rows_now, rows_then, beside | usual)
    examples = examples_of(judge.reference, findings, rows_now, None if losses is None else losses[0])
    return Explanation(
        incident,
        began(model, incident, version),
        tuple(features),
        tuple(findings),
        cost_of(model, version, judge, incident, beside=told_by(model, incident, known)),
        examples,
        standings=standings(model, version).of(examples) if judge.reference.grids.sources else (),
        outcome=tuple(outcome_columns(model.schema)),
        distributions=distributions(judge.reference, profile, findings),
        course=course_of(model, incident, version, features),
        sharing=sharing,
        contributions=None if predict is None else contributions_of(model.schema, predict, examples, reference.frame),
        joint=together(incident, judge.reference, rows_now, rows_then),
        kept=model.store.keeping(model.name).share,
    )


def together(
    incident: Incident, reference: Reference, window: pl.DataFrame, before: pl.DataFrame
) -> JointChange | None:
    """What columns do together that they didn't, where an alarm says so.

    Of all columns but those with alarms of their own, where the alarm names none: it knows by how much the dependence
    of a pair varies from window to window, which the rows of one don't tell.
    """
    told = sort_worst_first([verdict for verdict in incident.verdicts if verdict.metric == "mmd"])
    if not told:
        return None
    known = set(window.columns) & set(before.columns)
    meant = {name for verdict in told for name in verdict.columns} or known - set(incident.columns)
    columns = [name for name in reference.schema.features if name in known & meant]
    found = find_joint(window, before, columns, {name: reference.schema.column(name).kind for name in columns})

    def place(pair: ChangedPair) -> int:
        return next((at for at, one in enumerate(told) if {pair.left, pair.right} <= {*one.columns}), len(told))

    return replace(found, pairs=tuple(sorted(found.pairs, key=place)))


def sharing_of(
    judge: Judge, profile: Profile, assessed: Assessment, window: pl.DataFrame, reference: pl.DataFrame
) -> Sharing | None:
    """How the expected change of the metric that impacts are in is shared out among the features."""
    metric = judge.costs.metric
    if metric is None or not assessed.impacts:
        return None
    least = judge.settings.worth_telling(metric, next(iter(assessed.impacts.values())).before) / 2
    return share_between(window, reference, judge.costs, least=least, joint=joint_of(metric, judge, profile, assessed))


def joint_of(metric: str, judge: Judge, profile: Profile, assessed: Assessment) -> float | None:
    """The change of a metric by a joint estimate, without labels; None where there is none."""
    said, before = assessed.estimates.get(metric), judge.own.get(metric)
    now, then, task = profile.outcome, judge.reference.profile.outcome, judge.reference.schema.task
    if said is None and now is not None and then is not None and task is not None and metric in metric_names(task):
        said = cbpe(now, then, [metric]).metrics.get(metric)
    if said is None or said.value is None or before is None or before.value is None:
        return None
    return said.value - before.value


def alarmed_profile(model: StoredModel, incident: Incident, version: str) -> Profile | None:
    """The windows that the incident alarmed in, together; None where all of their rows were set aside.

    Raises:
        StoreError: they are gone.
    """
    starts = sorted(alarmed(model, incident))
    whole = profile_of(model, version, starts, None)
    if whole is None and model.store.windows(model.name, min(starts), max(starts) + 1):
        raise StoreError(
            "the windows of this incident are gone", where=f"incident {incident.id}", hint="retrue recount"
        )
    return whole


def distributions(
    reference: Reference, window: Profile, findings: list[Finding]
) -> dict[str, tuple[ColumnProfile, ColumnProfile]]:
    """Window and reference of the columns that the first slice is about."""
    about = sorted(findings[0].slice.columns) if findings else []
    return {name: (window.columns[name], reference.profile.columns[name]) for name in about if name in window.columns}


def began(model: StoredModel, incident: Incident, version: str) -> str:
    """When the figure behind the worst alarm changed its level, from all judged windows."""
    worst, first = sort_worst_first(incident.verdicts)[0], made_of(model, window_of(incident.verdicts[0]))[-1]
    where = {"metric": worst.metric or "", "column": worst.column or "", "slice": worst.slice or ""}
    with model.store.catalog.read() as tx:
        points = tx.find(rows.Point, model=model.name, version=version, **where)
    ordered = sorted(points, key=lambda point: point.start)
    values = [np.nan if point.value is None else point.value for point in ordered]
    if worst.kind is VerdictKind.DEGRADED and worst.metric is not None:
        place = sum(point.start <= first for point in ordered) - 1
        level = level_since(values, place, above=get(worst.metric).better == "lower")
        return incident.since if level is None else model.span(ordered[level].start)[0]
    found = since_when(values)
    if found is None:
        return incident.since
    start, stop = ordered[found.start].start, ordered[(found.stop or len(ordered)) - 1].start
    return model.span(start)[0] if start <= first <= stop else incident.since


def examples_of(
    reference: Reference, findings: list[Finding], events: pl.DataFrame, losses: Floats | None
) -> pl.DataFrame:
    """A few events of the guilty slice: typical ones, then those that went worst where that is known."""
    guilty = guilty_of(findings)
    where = Slice.all() if guilty is None else guilty.slice
    grids = reference.grids
    counted = {source.column for source in grids.sources.values()}
    features = [name for name in reference.schema.features if name in counted]
    found = find_examples(events, where, grids, features or None, losses=losses)
    return pl.concat([found.typical, found.worst]).unique(maintain_order=True).head(EXAMPLES)
