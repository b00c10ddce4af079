"""An incident: alerts that belong together, from the first to the last, so that one problem is one message.

    open -> acknowledged -> snoozed -> resolved, and open again when it comes back

How alerts become incidents is in `grouping`, what is said of one in `sentence`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime
from enum import StrEnum
from typing import Any

from retrue.errors import ConfigError
from retrue.judge.cause import Cause, Search
from retrue.judge.cost import Cost
from retrue.judge.severity import Severity, severity_of
from retrue.judge.verdict import Verdict, VerdictKind

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
        cost: how far the model's metric moved in its windows; None where nobody knows.
        cause: the guilty slice; None where none was found.
        search: what the search for the cause saw; None where there was none.
        real: whether people say that it is real, or a false alarm; None where nobody said.
        note: what they said besides.
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
    cost: Cost | None = None
    cause: Cause | None = None
    search: Search | None = None
    real: bool | None = None
    note: str | None = None

    @property
    def severity(self) -> Severity:
        """How bad it is (see `retrue.judge.severity`)."""
        return severity_of(self.kind, self.verdicts, self.cost)

    @property
    def live(self) -> bool:
        """Whether it isn't resolved."""
        return self.state is not State.RESOLVED

    @property
    def last(self) -> str:
        """The end of the last window that it alarmed in."""
        return max(window_of(alert)[1] for alert in self.verdicts)

    def ending(self, say: Callable[[str], str]) -> str:
        """How it ended, in words: by itself with its last window, or because somebody said so while it lasted.

        Args:
            say: writes a time (ISO) as people read it.
        """
        if self.until is None:
            return "it lasts"
        seen = time_of(self.until) == time_of(self.last)
        return f"over since {say(self.until)}" if seen else f"resolved by a person on {say(self.until)}"

    def acknowledge(self) -> Incident:
        """Say that somebody is on it. A resolved incident stays resolved."""
        return replace(self, state=State.ACKNOWLEDGED, snoozed_until=None) if self.live else self

    def snooze(self, until: str) -> Incident:
        """Say that nobody wants to hear of it before a time (ISO)."""
        return replace(self, state=State.SNOOZED, snoozed_until=checked(until)) if self.live else self

    def resolve(self, at: str) -> Incident:
        """Say that it is over; alerts in windows that end after `at` (ISO) open it again."""
        return replace(self, state=State.RESOLVED, until=checked(at), snoozed_until=None)

    def mark(self, *, real: bool, note: str | None = None) -> Incident:
        """Say whether it is real or a false alarm; the windows of a false alarm count as good ones."""
        return replace(self, real=real, note=self.note if note is None else note)

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
            "severity": self.severity.value,
            "cost": None if self.cost is None else self.cost.to_dict(),
            "cause": None if self.cause is None else self.cause.to_dict(),
            "search": None if self.search is None else asdict(self.search),
            "real": self.real,
            "note": self.note,
        }

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> Incident:
        """Read back what `to_dict` gave, today or before it had a cost and a cause."""
        values = {name: value for name, value in data.items() if name != "severity"}
        values["kind"], values["state"] = VerdictKind(values["kind"]), State(values["state"])
        values["columns"] = tuple(values["columns"])
        values["verdicts"] = tuple(Verdict.from_dict(verdict) for verdict in values["verdicts"])
        for name, noun in (("cost", Cost.from_dict), ("cause", Cause.from_dict), ("search", _read_search)):
            values[name] = noun(values[name]) if values.get(name) is not None else None
        return cls(**values)


def _read_search(data: Mapping[str, Any]) -> Search:
    return Search(**data)


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


def time_of(moment: str) -> datetime:
    """An ISO time; people's are in UTC and windows in the model's zone, so that their texts don't sort as they do."""
    if not moment:
        return datetime.min.replace(tzinfo=UTC)
    at = datetime.fromisoformat(moment)
    return at if at.tzinfo else at.replace(tzinfo=UTC)


def window_of(verdict: Verdict) -> Window:
    """The window that a verdict is about; two empty texts where it says none."""
    return verdict.window or ("", "")
