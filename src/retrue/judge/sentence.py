"""The sentence on top of an incident: since when, what is worst, what else, and what it does to the model."""

from __future__ import annotations

from collections.abc import Sequence

from retrue.judge.incident import Incident, window_of
from retrue.judge.verdict import VerdictKind, sort_worst_first
from retrue.judge.words import day


def sentence_of(incident: Incident) -> str:
    """Say since when, what is worst now (or was worst, once it is over), and what else."""
    now = [alert for alert in incident.verdicts if not incident.live or window_of(alert)[1] == incident.last]
    worst = sort_worst_first(now)[0]
    subject = "" if worst.column is None else f"{worst.column}: "
    where = "" if worst.slice is None else f" where {worst.slice}"
    others = [column for column in incident.columns if column != worst.column]
    rest = "" if not others else f"; also {_listed(others)}"
    effect = next((alert for alert in sort_worst_first(now) if alert.kind is VerdictKind.DEGRADED), worst)
    cost = "" if effect.kind is worst.kind else f"; {effect.reason}"
    return f"{_when(incident)}, {subject}{worst.reason}{where}{rest}{cost}"


def _when(incident: Incident) -> str:
    start = day(incident.since)
    return f"Since {start}" if incident.until is None else f"From {start} to {day(incident.until)}"


def _listed(names: Sequence[str], most: int = 3) -> str:
    shown = ", ".join(names[:most])
    return shown if len(names) <= most else f"{shown} and {len(names) - most} more"
