"""What is told of an incident: its beginning, when it gets worse or comes back, its end, and nothing twice."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from retrue.jobs.outbox import Note, event_of
from retrue.judge.cost import Cost
from retrue.judge.incident import Incident, State
from retrue.judge.verdict import Verdict, VerdictKind

WINDOW = ("2026-01-05T00:00:00+00:00", "2026-01-06T00:00:00+00:00")
VERDICT = Verdict(VerdictKind.DEGRADED, "accuracy fell", "accuracy", window=WINDOW)
LIVE = Incident("3f2a", "flights", VerdictKind.DEGRADED, State.OPEN, WINDOW[0], None, (), (VERDICT,), "Since then ...")
LOW = replace(LIVE, cost=Cost("accuracy", -0.005, (-0.006, -0.004), False, 0.8))
CRITICAL = replace(LIVE, cost=Cost("accuracy", -0.2, (-0.22, -0.18), False, 0.8))
OVER = replace(LIVE, state=State.RESOLVED, until=WINDOW[1])
ACKNOWLEDGED, SNOOZED = LIVE.acknowledge(), LIVE.snooze("2026-02-01T00:00:00+00:00")


@pytest.mark.parametrize(
    ("noted", "incident", "event"),
    [
        (None, LIVE, "opened"),
        (None, OVER, "resolved"),  # it came and went while nobody looked
        (None, ACKNOWLEDGED, "acknowledged"),  # told nobody
        (Note("opened", "medium"), LIVE, None),
        (Note("opened", "low"), LIVE, "worse"),
        (Note("opened", "medium"), LOW, None),
        (Note("worse", "medium"), CRITICAL, "worse"),
        (Note("opened", "medium"), OVER, "resolved"),
        (Note("resolved", "medium"), OVER, None),
        (Note("resolved", "critical"), LIVE, "reopened"),
        (Note("withdrawn", "low"), LIVE, "reopened"),
        (Note("opened", "low"), ACKNOWLEDGED, "acknowledged"),
        (Note("acknowledged", "low"), ACKNOWLEDGED, None),  # however bad it gets, somebody is on it
        (Note("acknowledged", "low"), OVER, "resolved"),
        (Note("opened", "low"), SNOOZED, "snoozed"),
        (Note("snoozed", "critical"), LIVE, "reopened"),  # alerts came after the time that it was snoozed until
    ],
)
def test_what_there_is_to_tell(noted: Note | None, incident: Incident, event: str | None) -> None:
    assert event_of(noted, incident, news=True) == event


def test_what_is_long_ago_is_told_only_to_its_end() -> None:
    """Whoever was told of the beginning is told of the end, whenever that is found."""
    assert event_of(None, LIVE, news=False) is None
    assert event_of(None, OVER, news=False) is None
    assert event_of(Note("resolved", "low"), LIVE, news=False) is None
    assert event_of(Note("opened", "low"), CRITICAL, news=False) is None
    assert event_of(Note("opened", "low"), OVER, news=False) == "resolved"


def test_quiet_hours_end_by_the_wall_clock() -> None:
    """The night of 28 to 29 March 2026 has an hour less in Berlin."""
    from retrue.jobs.channels import Channel, Quiet

    night = Quiet.model_validate({"from": "22:00", "until": "07:00", "timezone": "Europe/Berlin", "critical": True})
    channel = Channel(name="ops", url="json://127.0.0.1", quiet=night)
    evening, noon = datetime(2026, 3, 28, 22, tzinfo=UTC), datetime(2026, 3, 28, 12, tzinfo=UTC)
    assert channel.due(evening, "high") == datetime(2026, 3, 29, 5, tzinfo=UTC)
    assert channel.due(evening + timedelta(hours=4), "high") == datetime(2026, 3, 29, 5, tzinfo=UTC)
    assert channel.due(evening, "critical") == evening
    assert channel.due(noon, "high") == noon
    lunch = channel.model_copy(update={"quiet": Quiet.model_validate({"from": "12:00", "until": "13:00"})})
    assert lunch.due(noon, "critical") == noon + timedelta(hours=1)
    assert lunch.due(evening, "high") == evening
