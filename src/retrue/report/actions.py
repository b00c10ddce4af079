"""What to do about an incident: the commands to type next, each for a reason."""

from __future__ import annotations

import shlex
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from retrue.explain.finding import Finding, guilty_of
from retrue.judge.incident import Incident
from retrue.judge.verdict import VerdictKind
from retrue.metrics import get
from retrue.report.layout import moment

if TYPE_CHECKING:
    from retrue.report.explanation import Explanation

SLACK = 0.05
"""How much worse than the reference a monitor of guilty rows lets them be."""


@dataclass(frozen=True, slots=True)
class Action:
    """One thing to do.

    Args:
        title: what it is for.
        command: what to type.
        note: what it needs, or does besides.
    """

    title: str
    command: str
    note: str = ""


def actions(told: Explanation) -> list[Action]:
    """All that can be done now, the most useful first."""
    incident, model = told.incident, told.incident.model
    if incident.kind is VerdictKind.SILENT:
        return [*silence(incident), *answers(incident)]
    if incident.kind is VerdictKind.BROKEN:
        return [*repair(told), *answers(incident)]
    found = [Action("Collect the rows", next_step(told))] if guilty(told) else []
    found.append(Action("Retrain on what is known by now", retrain(model), "labels that have matured, nothing else"))
    rule = monitor(told)
    if rule is not None:
        said = f"see what it would have told: retrue backtest {model} --rules FILE; then register with --rule"
        found.append(Action("Watch this from now on: a rule", rule, said))
    return [*found, *answers(incident)]


def answers(incident: Incident) -> list[Action]:
    """What can be said of an incident."""
    model = incident.model
    judged = Action("Say that it was a false alarm", f"retrue mark {model} {incident.id} --false-alarm",
                    "its windows then count as good ones; --real says that it was none")  # fmt: skip
    if not incident.live:
        return [judged]
    return [
        Action("Say that somebody is on it", f"retrue acknowledge {model} {incident.id}"),
        Action("Hear no more of it for three days", f"retrue snooze {model} {incident.id} --for 3d"),
        Action("Say that it is over", f"retrue resolve {model} {incident.id}"),
        judged,
    ]


def silence(incident: Incident) -> list[Action]:
    """What helps where nothing comes: to see to it that it does, and that nothing of it was set aside."""
    model = incident.model
    aside = Action("See what was set aside", f"retrue quarantine {model}", "rows that came and could not be taken")
    if any(alert.metric == "labelled" for alert in incident.verdicts):
        return [
            Action("Log the labels that are missing", f"retrue label {model} FILE",
                   "look first at what writes them: it stopped, or its ids no longer match"),
            aside,
        ]  # fmt: skip
    return [
        Action("Log the events that are missing", f"retrue log {model} FILE",
               "look first at what logs them: it stopped, or the model isn't asked"),
        aside,
    ]  # fmt: skip


def repair(told: Explanation) -> list[Action]:
    """What helps where the data is wrong: to look at the column, since when, and at what was set aside."""
    incident, first = told.incident, guilty(told)
    broken = [one.column for one in incident.verdicts if one.kind is VerdictKind.BROKEN and one.column is not None]
    what = ", ".join(dict.fromkeys(broken)) or "the data"
    note = f"look first at what writes {what}: what changed there on {moment(told.since)} (UTC)?"
    aside = Action("See what was set aside", f"retrue quarantine {incident.model}", "rows that could not be taken")
    if first is None:
        return [replace(aside, note=note)]
    return [Action(f"Look at where {what} went wrong", f"retrue collect {incident.model} {typed(first)}", note), aside]


def next_step(told: Explanation) -> str:
    """What to type next: collect the guilty rows, or retrain on all that is known by now; log what is missing.

    Nobody should retrain on broken data.
    """
    if told.incident.kind is VerdictKind.SILENT:
        return silence(told.incident)[0].command
    if told.incident.kind is VerdictKind.BROKEN:
        return repair(told)[0].command
    model, first = told.incident.model, guilty(told)
    return retrain(model) if first is None else f"retrue collect {model} {typed(first)}"


def guilty(told: Explanation) -> str | None:
    """The guilty rows as SQL; None where no part of the rows explains more than all of them."""
    found = guilty_of(told.slices)
    return None if found is None else sql_of(found)


def retrain(model: str) -> str:
    """The command that trains a challenger on the reference and the log."""
    return f"retrue retrain {model} --fit FILE.py:FUNCTION --mix reference=0.5 --mix log=0.5"


def monitor(told: Explanation) -> str | None:
    """A rule that watches the main metric where the guilty rows are, or everywhere; None without labels.

    What made the model no worse on all rows is watched where its rows are, or not at all.
    """
    first = guilty(told)
    if told.cost is None or told.cost.estimated or (first is None and told.incident.kind is not VerdictKind.DEGRADED):
        return None
    return None if first is not None and "]" in first else rule_of(told.cost.metric, first)


def rule_of(metric: str, where: str | None = None) -> str:
    """A rule that holds a metric of some rows (as SQL), or of all, against the reference.

    >>> rule_of("accuracy", "age > 30"), rule_of("mae")
    ('accuracy[age > 30] >= 0.95 * reference', 'mae <= 1.05 * reference')
    """
    bound = f"<= {1 + SLACK:g}" if get(metric).better == "lower" else f">= {1 - SLACK:g}"
    part = "" if where is None else f"[{where}]"
    return f"{metric}{part} {bound} * reference"


def sql_of(finding: Finding) -> str:
    """A finding's slice as one types it."""
    return finding.slice.sql or str(finding.slice)


def typed(text: str) -> str:
    """A text as one types it in a shell, in double quotes where that is enough.

    >>> print(typed("age > 30"), typed("TRUE"), typed("origin = 'JFK'"))
    "age > 30" TRUE "origin = 'JFK'"
    """
    quoted = shlex.quote(text)
    return quoted if quoted == text or set(text) & set('"$`\\!') else f'"{text}"'
