"""An incident: alerts that belong together, from the first to the last, so that one problem is one message.

    open -> acknowledged -> snoozed -> resolved, and open again when it comes back

How alerts become incidents is in `grouping`, what is said of one in `sentence`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from enum import StrEnum
from typing import Any

from retrue.errors import ConfigError
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

    @property
    def last(self) -> str:
        """The end of the last window that it alarmed in."""
        return max(window_of(alert)[1] for alert in self.verdicts)

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
