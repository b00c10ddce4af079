"""Is the model degraded, as far as can be told without labels? And once they come: by more than the inputs explain?

    window ── estimate ──── against the reference ──> estimated ROC AUC 0.61, reference 0.68: degraded
                 └── realised - estimated ── 0 ? ──> concept drift in ROC AUC -0.05: degraded

Both are held to what chance, the metric's own variation and the smallest change worth telling explain, as labelled
performance is, and their tests share its budget.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from retrue.estimate.estimate import Estimate
from retrue.estimate.shift import LabelShift
from retrue.judge.performance import Limit, Past, error_of, habit_of, limit_of, too_few
from retrue.judge.settings import Settings
from retrue.judge.verdict import Verdict, VerdictKind
from retrue.judge.words import figure, metric_name, percent, rows
from retrue.metrics import Measure, get
from retrue.metrics.measure import Z95
from retrue.metrics.names import concept_drift, estimated

DIGITS = 3
"""Figures are said to a third of their standard error: a digit less would round away half of an interval."""


@dataclass(frozen=True, slots=True)
class Reference:
    """What the reference has of a metric, with labels of so many rows."""

    measure: Measure
    rows: float


def judge_estimate(
    estimate: Estimate,
    reference: Mapping[str, Measure],
    labelled: float,
    names: Sequence[str],
    settings: Settings,
    tests: int,
    past: Mapping[str, Past] | None = None,
) -> list[Verdict]:
    """Give a verdict on each of the metrics named: what labels would say, against the reference.

    Args:
        estimate: of a window whose labels haven't matured.
        reference: what the reference has of each metric, with labels.
        labelled: labelled rows of the reference.
        names: the metrics.
        settings: how strictly.
        tests: tests made at each look.
        past: how the metrics went over good windows: what they wander by themselves is no degradation.

    Returns:
        One verdict for each metric; where nothing at all can be estimated, one that says why.
    """
    known = [name for name in names if name in estimate.metrics and name in reference]
    if estimate.refused is not None:
        return [untold(known[0], f"can't be estimated: {estimate.refused}", estimate)] if known else []
    few = too_few(math.inf, labelled, settings.min_rows)
    if estimate.rows < settings.min_rows:
        few = f"{rows(estimate.rows)} with a score, needs {settings.min_rows}"
    if few is not None:
        return [untold(known[0], few, estimate)] if known else []
    alpha = settings.alpha(tests)
    bases = {name: Reference(reference[name], labelled) for name in known}
    return [judge_one(name, estimate, base, alpha, settings, (past or {}).get(name)) for name, base in bases.items()]


def untold(name: str, reason: str, estimate: Estimate) -> Verdict:
    """Say why a metric can't be estimated."""
    return Verdict(VerdictKind.NOT_COMPARABLE, reason, metric=estimated(name), n=estimate.rows)


def judge_one(
    name: str, estimate: Estimate, reference: Reference, alpha: float, settings: Settings, past: Past | None
) -> Verdict:
    """Judge one metric: degraded where the estimate is worse by more than chance, habit, floor and its doubt explain.

    Chance is what labels of as many rows would show if nothing had moved, which bounds what it does to an estimate; the
    doubt, one standard error, is about the estimate itself, and grows with what had to be corrected.
    """
    said, before = estimate.metrics[name], reference.measure
    if said.value is None or before.value is None:
        return untold(name, (said if said.value is None else before).note or "can't be estimated", estimate)
    better_up = get(name).better == "higher"
    worse = before.value - said.value if better_up else said.value - before.value
    own, doubt = error_of(before) * math.sqrt(reference.rows / estimate.rows), error_towards(said, better_up=better_up)
    error = math.hypot(own, error_of(before))
    limit = limit_of(settings.worth_telling(name, before.value), error, alpha, habit_of(past, own, alpha))
    if doubt > limit.reach:
        limit = Limit(doubt, "that the estimate may be off by")
    degraded = worse > limit.reach
    ends = said.interval or (said.value, said.value)
    fine = doubt / DIGITS
    start = (
        f"{metric_name(estimated(name))} {figure(said.value, fine)} ({figure(ends[0], fine)} to"
        f" {figure(ends[1], fine)}), reference {figure(before.value, fine)}"
    )
    least = f"{figure(limit.reach, fine)} {limit.why}"
    if degraded:
        how = "; ".join([f"without labels: {estimate.how}", *estimate.warnings])
        reason = f"{start}: worse by {figure(worse, fine)}, more than the {least}; {how}"
    else:
        reason = f"{start}: within the {least}"
    kind = VerdictKind.DEGRADED if degraded else VerdictKind.TRUE
    threshold = before.value - limit.reach if better_up else before.value + limit.reach
    return Verdict(kind, reason, estimated(name), None, None, None, said.value, said.interval, estimate.rows, threshold)


def error_towards(said: Measure, *, better_up: bool) -> float:
    """The standard error on the side where the metric would be better than its value: the interval needn't be even.

    >>> round(error_towards(Measure(0.7, interval=(0.5, 0.7196)), better_up=True), 3)
    0.01
    """
    if said.value is None or said.interval is None:
        return 0.0
    return (said.interval[1] - said.value if better_up else said.value - said.interval[0]) / Z95


def judge_concept_drift(
    drift: Mapping[str, Measure],
    names: Iterable[str],
    told_by: str,
    labelled: float,
    settings: Settings,
    tests: int,
    past: Mapping[str, Past] | None = None,
) -> list[Verdict]:
    """Give a verdict on each of the metrics named: is the model worse than what was estimated?

    Args:
        drift: realised minus estimated, with the estimate as the reference (see `estimate.concept_drift`).
        names: the metrics.
        told_by: what the estimate was made of: "inputs" or "scores".
        labelled: labelled rows of the window.
        settings: how strictly.
        tests: tests made at each look.
        past: how far realised and estimated are apart in good windows.
    """
    alpha = settings.alpha(tests)
    known = [name for name in names if name in drift and drift[name].value is not None]
    return [
        judge_drift(name, drift[name], told_by, labelled, alpha, settings, (past or {}).get(name)) for name in known
    ]


def judge_drift(
    name: str, drift: Measure, told_by: str, labelled: float, alpha: float, settings: Settings, past: Past | None
) -> Verdict:
    """Judge one metric's concept drift."""
    value, said, better_up = drift.value or 0.0, drift.reference or 0.0, get(name).better == "higher"
    error = error_towards(drift, better_up=better_up)
    limit = limit_of(settings.worth_telling(name, said), error, alpha, habit_of(past, error, alpha))
    worse = -value if better_up else value
    degraded = worse > limit.reach + (drift.error or 0.0)
    ends = drift.interval or (value, value)
    fine = error / DIGITS
    least = f"{figure(limit.reach, fine)} {limit.why}"
    reason = (
        f"{metric_name(concept_drift(name))} {figure(value, fine)} ({figure(ends[0], fine)} to"
        f" {figure(ends[1], fine)}): labels say {figure(said + value, fine)}, the {told_by} explain"
        f" {figure(said, fine)}; "
    )
    reason += (
        f"what the {told_by} don't explain is more than the {least}" if degraded else f"that is within the {least}"
    )
    kind = VerdictKind.DEGRADED if degraded else VerdictKind.TRUE
    threshold = -limit.reach if better_up else limit.reach
    return Verdict(kind, reason, concept_drift(name), None, None, None, value, drift.interval, labelled, threshold)


def judge_label_shift(shift: LabelShift | None, n: float) -> list[Verdict]:
    """Say that the scores moved as a moved base rate would move them; a notice, and nothing where they didn't."""
    if shift is None or not shift.evident:
        return []
    low, high = shift.interval
    reason = (
        f"the scores moved as they would if the base rate had gone from {percent(shift.before)} to"
        f" {percent(shift.base_rate)} ({percent(low)} to {percent(high)})"
    )
    metric, rate = estimated("base_rate"), shift.base_rate
    return [Verdict(VerdictKind.DRIFTING, reason, metric, None, None, None, rate, shift.interval, n, alarm=False)]
