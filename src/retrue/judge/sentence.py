"""The sentence on top of an incident: since when, what it costs and why, or what is worst, and what else.

    degraded   Since 14 March 2026, accuracy is 6 points lower (5 to 8), because 92 % of rows are now RELP in {16, 17};
               normally 7 %
    drifting   the same, estimated; or: ..., 92 % of rows are now RELP in {16, 17}; normally 7 %; it may cost up to
               4 points of accuracy
    broken     Since 14 March 2026, income: missing rose from 0 % to 12 % of 500 rows; accuracy is 3 points lower
               (1 to 5)
    unknown    Since 14 March 2026, age: 12 % of 500 rows lie where the model was never evaluated; 1 % did before
    silent     Since 14 March 2026, no events; usually about 1,000 rows

What is over is said in the past: "From 14 to 17 March 2026, accuracy was 6 points lower (5 to 8)".
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from retrue.judge.cause import rows_of
from retrue.judge.cost import Cost
from retrue.judge.incident import Incident, time_of, window_of
from retrue.judge.verdict import Verdict, VerdictKind, sort_worst_first
from retrue.judge.words import day, figure, metric_name, period
from retrue.metrics.drift.signal_share import NAME as SIGNAL_SHARE

MODEL = (VerdictKind.DEGRADED, VerdictKind.DRIFTING)
"""Kinds that are told by what they cost; of the others, what broke comes first."""

LONGEST = 120
"""Characters of a failure that a sentence has room for."""


def sentence_of(incident: Incident) -> str:
    """Say since when, what it costs and why, or what is worst now (or was worst, once it is over), and what else."""
    worst, over = _told(incident)[0], not incident.live
    lost = worst.kind in MODEL and incident.cost is not None and incident.cost.certain > 0
    first, named = _loss(incident, over=over) if lost else _alarm(incident, worst, over=over)
    effect, reason = ([], frozenset()) if lost else _effect(incident, worst, named)
    others = [column for column in incident.columns if column not in named | reason]
    clauses = [first, *([f"also {_listed(others)}"] if others else []), *effect, *_unsearched(incident)]
    return f"{_when(incident, worst)}, {'; '.join(clauses)}"


def _loss(incident: Incident, *, over: bool) -> tuple[str, frozenset[str]]:
    """The cost and its reason, and the columns that it names."""
    cost, cause, search = incident.cost, incident.cause, incident.search
    said = "" if cost is None else cost.words(over=over)
    if cause is None:
        nowhere = incident.kind is VerdictKind.DEGRADED and search is not None and search.failure is None
        return f"{said}, on all kinds of rows alike" if nowhere else said, frozenset()
    link = "" if cause.question == "loss" else "because " if cause.matters else "and "
    return f"{said}, {link}{cause.words(over=over)}", cause.columns


def _alarm(incident: Incident, worst: Verdict, *, over: bool) -> tuple[str, frozenset[str]]:
    """What is worst, in which rows, and the columns named.

    Of a move the rows that moved say more than its distance; of columns that changed together, if it is their rows.
    """
    cause = incident.cause
    apart = cause is not None and worst.columns and cause.columns.isdisjoint(worst.columns)
    if worst.kind is VerdictKind.DRIFTING and cause is not None and not apart:
        return cause.words(over=over), cause.columns
    column = "" if worst.column is None else f"{worst.column}: "
    where = "" if worst.slice is None or worst.metric == SIGNAL_SHARE else f"where {rows_of(worst.slice)}, "
    named = {worst.column} if worst.column is not None else worst.columns
    return f"{where}{column}{_found(worst)}", frozenset(named)


def _told(incident: Incident) -> list[Verdict]:
    """The last window's alarms while it lasts, and all once it is over; the worst first."""
    now = (alert for alert in incident.verdicts if not incident.live or window_of(alert)[1] == incident.last)
    return sort_worst_first(now)


def _found(alert: Verdict) -> str:
    """What an alert found, without what is expected of it, or how it was estimated."""
    return alert.reason.partition("; expected to change")[0].partition("; without labels: ")[0]


def _effect(incident: Incident, worst: Verdict, named: frozenset[str]) -> tuple[list[str], frozenset[str]]:
    """What it does to the model, in which rows where that is the reason and isn't said yet; the columns that it names.

    Args:
        incident: the incident.
        worst: its worst alarm, which is said before.
        named: the columns that were named with it; where it is drifting, by the cause.
    """
    cost, cause, over = incident.cost, incident.cause, not incident.live
    new = cause is not None and cause.matters and not (worst.kind is VerdictKind.DRIFTING and cause.columns <= named)
    if cause is None or not new:
        return list(_cost(incident, worst)), frozenset()
    if cost is not None and cost.told and cost.certain > 0:
        return [_loss(incident, over=over)[0]], cause.columns
    return [*_cost(incident, worst), cause.words(over=over)], cause.columns


def _cost(incident: Incident, worst: Verdict) -> Iterator[str]:
    """What it costs, or might; else what degraded beside it."""
    cost, drifts = incident.cost, worst.kind is VerdictKind.DRIFTING
    if cost is not None and cost.told and cost.certain > 0:
        yield cost.words(over=not incident.live)
    elif cost is not None and cost.told and not cost.estimated:
        yield f"{metric_name(cost.metric)} {'is' if incident.live else 'was'} no worse"
    elif drifts and incident.live:
        yield "what that costs isn't known" if cost is None else _possible(cost)
    elif worst.kind is not VerdictKind.DEGRADED:
        yield from [_found(alert) for alert in _told(incident) if alert.kind is VerdictKind.DEGRADED][:1]


def _possible(cost: Cost) -> str:
    """Why a move alarms whose cost can't be told from none: it may be large."""
    most = max(cost.loss[1], 0.0) if cost.loss is not None else 0.0
    scale, unit = (100, " points of ") if cost.in_points else (1, " in ")
    return f"it may cost up to {figure(most * scale, most * scale / 2)}{unit}{metric_name(cost.metric)}"


def _unsearched(incident: Incident) -> Iterator[str]:
    """That nobody knows in which rows, for the search failed: else its silence would read as "in all alike"."""
    if incident.cause is None and incident.search is not None and incident.search.failure is not None:
        yield f"its rows aren't known, for their search failed: {' '.join(incident.search.failure.split())[:LONGEST]}"


def _when(incident: Incident, worst: Verdict) -> str:
    """Since when; a model that got worse later than the incident began is dated from its own first alarm."""
    own = [window_of(alert)[0] for alert in incident.verdicts if alert.kind is VerdictKind.DEGRADED]
    since = min(own, key=time_of) if worst.kind is VerdictKind.DEGRADED and own[0] else incident.since
    return f"Since {day(since)}" if incident.until is None else period(since, incident.until)


def _listed(names: Sequence[str], most: int = 3) -> str:
    shown = ", ".join(names[:most])
    return shown if len(names) <= most else f"{shown} and {len(names) - most} more"
