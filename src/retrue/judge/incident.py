"""Incidents: alerts that belong together, from the first to the last, so that one problem is one message.

    windows in order of time --alerts--> join an open incident (same column, or same kind and onset) or open one
                             --calm windows--> resolved; an alert soon after reopens it

Everything is a pure function of the verdicts of all windows and of what people said about earlier incidents. A window
that is judged again replaces its verdicts, so it counts once.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from enum import StrEnum
from typing import Any

from retrue.errors import ConfigError
from retrue.judge.verdict import Verdict, VerdictKind, severity, sort_worst_first
from retrue.judge.words import day

Window = tuple[str, str]


class State(StrEnum):
    """Where an incident is in its life."""

    OPEN = "open"
    ACKNOWLEDGED = "acknowledged"
    SNOOZED = "snoozed"
    RESOLVED = "resolved"


@dataclass(frozen=True, slots=True)
class Incident:
    """Alerts of one model that belong together.

    Args:
        id: the same whenever the same verdicts are grouped again.
        model: the model.
        kind: the worst kind among its alerts.
        state: open, acknowledged, snoozed or resolved.
        since: start of its first window.
        until: end of its last window, once resolved; None while it lasts.
        columns: the columns concerned, worst first.
        verdicts: its alerts, in order of time.
        sentence: what happened, in words.
        snoozed_until: the time from which it is told again.
    """

    id: str
    model: str
    kind: VerdictKind
    state: State
    since: str
    until: str | None
    columns: tuple[str, ...]
    verdicts: tuple[Verdict, ...]
    sentence: str
    snoozed_until: str | None = None

    @property
    def live(self) -> bool:
        """Whether it isn't resolved."""
        return self.state is not State.RESOLVED

    def acknowledge(self) -> Incident:
        """Say that somebody is on it. A resolved incident stays resolved."""
        return replace(self, state=State.ACKNOWLEDGED, snoozed_until=None) if self.live else self

    def snooze(self, until: str) -> Incident:
        """Say that nobody wants to hear of it before a time (ISO)."""
        return replace(self, state=State.SNOOZED, snoozed_until=checked(until)) if self.live else self

    def resolve(self, at: str) -> Incident:
        """Say that it is over; alerts in windows that end after `at` (ISO) open it again."""
        return replace(self, state=State.RESOLVED, until=checked(at), snoozed_until=None)

    def to_dict(self) -> dict[str, Any]:
        """Give it as plain values, verdicts as their ten fields."""
        return {
            "id": self.id,
            "model": self.model,
            "kind": self.kind.value,
            "state": self.state.value,
            "since": self.since,
            "until": self.until,
            "columns": list(self.columns),
            "verdicts": [verdict.to_dict() for verdict in self.verdicts],
            "sentence": self.sentence,
            "snoozed_until": self.snoozed_until,
        }

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> Incident:
        """Read back what `to_dict` gave."""
        values = dict(data)
        values["kind"], values["state"] = VerdictKind(values["kind"]), State(values["state"])
        values["columns"] = tuple(values["columns"])
        values["verdicts"] = tuple(Verdict.from_dict(verdict) for verdict in values["verdicts"])
        return cls(**values)


@dataclass(frozen=True, slots=True)
class Hysteresis:
    """When an incident ends, and when an alert is the same incident again.

    Args:
        calm: judged windows without its alerts until it is resolved.
        cooldown: windows after that in which a like alert reopens it.
        onset: windows from an incident's first within which alerts of the same kind share its cause. What breaks weeks
            later is another problem.
    """

    calm: int = 2
    cooldown: int = 2
    onset: int = 2

    def __post_init__(self) -> None:
        """Refuse an incident that would end before it began."""
        if self.calm < 1 or self.cooldown < 0:
            raise ConfigError(
                f"hysteresis of {self.calm} calm windows and {self.cooldown} to cool down", expected="at least 1 and 0"
            )


def group_incidents(
    model: str,
    history: Mapping[Window, Sequence[Verdict]],
    prior: Iterable[Incident] = (),
    hysteresis: Hysteresis | None = None,
) -> list[Incident]:
    """Group the alerts of all windows into incidents, oldest first.

    Args:
        model: the model.
        history: all verdicts of each judged window, by its start and end (ISO); calm ones too, because they end
            incidents. A window judged again has its new verdicts here.
        prior: the incidents as last grouped, with what people said about them.
        hysteresis: when an incident ends.
    """
    hysteresis = hysteresis or Hysteresis()
    threads: list[_Thread] = []
    for now, window in enumerate(sorted(history, key=lambda span: _time(span[0]))):
        verdicts = [verdict.within(window) for verdict in history[window]]
        alerts = sort_worst_first(verdict for verdict in verdicts if verdict.alarm)
        told: set[int] = set()
        for alert in alerts:
            told.add(_join(threads, alert, now, hysteresis))
        if any(verdict.kind not in _BLIND for verdict in verdicts):
            for place, thread in enumerate(threads):
                thread.calm = 0 if place in told else thread.calm + 1
    fresh = [_incident(model, thread, hysteresis) for thread in threads]
    claims = _claims(fresh, list(prior))
    return [_settle(incident, claims.get(place)) for place, incident in enumerate(fresh)]


_BLIND = (VerdictKind.NOT_COMPARABLE, VerdictKind.SILENT)
"""A window that shows nothing else doesn't show that things are calm."""


@dataclass(slots=True)
class _Thread:
    """An incident in the making."""

    start: int
    alerts: list[Verdict] = field(default_factory=list)
    calm: int = 0
    columns: set[str] = field(default_factory=set)
    kinds: set[VerdictKind] = field(default_factory=set)

    def add(self, alert: Verdict) -> None:
        self.alerts.append(alert)
        self.calm = 0
        self.kinds.add(alert.kind)
        if alert.column is not None:
            self.columns.add(alert.column)

    def belongs(self, alert: Verdict, now: int, onset: int) -> bool:
        """Same column; or, from the same time on, the same kind or a worse model beside changed data."""
        if alert.column in self.columns or (alert.column is None and alert.kind in self.kinds):
            return True
        kinds = {alert.kind, *self.kinds}
        effect = VerdictKind.DEGRADED in kinds and VerdictKind.SILENT not in kinds
        return now - self.start < onset and (effect or alert.kind in self.kinds)


def _join(threads: list[_Thread], alert: Verdict, now: int, hysteresis: Hysteresis) -> int:
    """Put an alert where it belongs; the thread that shares its column comes first, then the oldest."""
    alive = [
        place
        for place, thread in enumerate(threads)
        if thread.calm < hysteresis.calm + hysteresis.cooldown + 1 and thread.belongs(alert, now, hysteresis.onset)
    ]
    if not alive:
        threads.append(_Thread(now))
        alive = [len(threads) - 1]
    best = min(alive, key=lambda place: (alert.column not in threads[place].columns, place))
    threads[best].add(alert)
    return best


def _incident(model: str, thread: _Thread, hysteresis: Hysteresis) -> Incident:
    """Turn a thread into an incident, as if nobody had said anything of it."""
    alerts = sorted(thread.alerts, key=lambda alert: (alert.window or ("", ""), severity(alert)))
    since, last = _window(alerts[0])[0], max(_window(alert)[1] for alert in alerts)
    ranked = sort_worst_first(alerts)
    columns = tuple(dict.fromkeys(alert.column for alert in ranked if alert.column is not None))
    over = thread.calm >= hysteresis.calm
    return Incident(
        _id(model, alerts[0]),
        model,
        ranked[0].kind,
        State.RESOLVED if over else State.OPEN,
        since,
        last if over else None,
        columns,
        tuple(alerts),
        "",
    )


def _settle(fresh: Incident, before: Incident | None) -> Incident:
    """Give an incident the id and the state that an earlier grouping gave it, and its sentence."""
    last = _last(fresh)
    settled = fresh if before is None else _carry(fresh, before, last)
    return replace(settled, sentence=_sentence(settled, last))


def _last(incident: Incident) -> str:
    """The end of the last window that it alarmed in."""
    return max(_window(alert)[1] for alert in incident.verdicts)


def _claims(fresh: list[Incident], prior: list[Incident]) -> dict[int, Incident]:
    """Say which incidents these were when last grouped, by place: the same id, else the same cause at the same time.

    Each earlier one is claimed once: two incidents must not take one id, or one of them would be lost.
    """
    claims = {place: b for place, one in enumerate(fresh) for b in prior if (b.model, b.id) == (one.model, one.id)}
    free = [before for before in prior if before not in claims.values()]
    # What people said of one column's trouble must not pass to another's, only because that began earlier.
    for alike in (_of_a_column, _of_a_kind):
        for place, one in enumerate(fresh):
            found = next((b for b in free if place not in claims and _overlap(one, b) and alike(one, b)), None)
            if found is not None:
                claims[place] = found
                free.remove(found)
    return claims


def _of_a_column(fresh: Incident, before: Incident) -> bool:
    """Whether two groupings have a column in common."""
    return not set(before.columns).isdisjoint(fresh.columns)


def _of_a_kind(fresh: Incident, before: Incident) -> bool:
    """Whether two groupings are of one kind, and neither speaks of columns that the other doesn't."""
    return before.kind is fresh.kind and not (before.columns and fresh.columns)


def _overlap(fresh: Incident, before: Incident) -> bool:
    """Whether two groupings are of one model and of windows that overlap."""
    begun = _time(before.since) <= _time(_last(fresh))
    return before.model == fresh.model and begun and (before.until is None or _time(before.until) >= _time(fresh.since))


def _time(moment: str) -> datetime:
    """An ISO time; people's are in UTC and windows in the model's zone, so that their texts don't sort as they do."""
    if not moment:
        return datetime.min.replace(tzinfo=UTC)
    at = datetime.fromisoformat(moment)
    return at if at.tzinfo else at.replace(tzinfo=UTC)


def checked(moment: str) -> str:
    """Refuse what is no time.

    Raises:
        ConfigError: it isn't ISO 8601.
    """
    try:
        datetime.fromisoformat(moment)
    except ValueError as error:
        raise ConfigError(f"{moment!r} is no time", expected="ISO 8601, such as 2024-03-14T09:00+01:00") from error
    return moment


def _carry(fresh: Incident, before: Incident, last: str) -> Incident:
    """Carry over what people said: acknowledged and snoozed while it lasts, resolved until the next alert."""
    carried = replace(fresh, id=before.id)
    if not fresh.live or before.state is State.OPEN:
        return carried
    if before.state is State.RESOLVED:
        ended = before.until is not None and _time(last) <= _time(before.until)
        return replace(carried, state=State.RESOLVED, until=before.until) if ended else carried
    snoozed_until = before.snoozed_until
    if before.state is State.SNOOZED and snoozed_until is not None and _time(last) > _time(snoozed_until):
        return carried
    return replace(carried, state=before.state, snoozed_until=before.snoozed_until)


def _id(model: str, first: Verdict) -> str:
    parts = (model, first.kind.value, first.column or "", first.metric or "", first.slice or "", _window(first)[0])
    return hashlib.blake2b("\0".join(parts).encode(), digest_size=6).hexdigest()


def _window(verdict: Verdict) -> Window:
    return verdict.window or ("", "")


# --- the sentence on top ---


def _sentence(incident: Incident, last: str) -> str:
    """Say since when, what is worst now (or was worst, once it is over), and what else."""
    now = [alert for alert in incident.verdicts if not incident.live or _window(alert)[1] == last]
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
