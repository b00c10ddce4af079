"""What the page says of a feature: of the newest judged window, and of no older one."""

from __future__ import annotations

import pytest

from retrue.judge.verdict import Verdict, VerdictKind
from retrue.server.pages.columns import Column, Impact, Moved, ranked


@pytest.mark.parametrize(("judged", "said"), [(86_400, ("0.85", "KS")), (172_800, ("–", ""))])
def test_a_move_that_only_older_windows_measured_is_not_told_as_the_newest(judged: int, said: tuple[str, str]) -> None:
    """Where values lie outside the reference, no distance is kept: the last calm window's must not stand for it."""
    column = Column("income", [Moved(0, "ks", 0.03), Moved(86_400, "ks", 0.85)], judged=judged)
    (row,) = ranked([column], 0, 259_200, 86_400.0)
    assert (row.moved, row.by) == said


def test_what_alarms_or_an_open_incident_is_about_stands_first() -> None:
    """However far others moved and whatever that costs: who opens the page in an incident looks for its columns."""
    moved = Column("moved", [Moved(0, "ks", 0.9)], impact=Impact("accuracy", -0.05, (-0.06, -0.04)))
    guilty = Column("guilty", [Moved(0, "ks", 0.01)], guilty=True)
    alarms = Column("alarms", verdict=Verdict(VerdictKind.BROKEN, "missing rose", alarm=True))
    assert [row.name for row in ranked([moved, guilty, alarms], 0, 86_400, 86_400.0)] == ["alarms", "guilty", "moved"]


def test_windows_outside_the_reference_have_a_colour_of_their_own() -> None:
    """Their move can't be measured, which isn't the same as no window."""
    column = Column("temp", [Moved(0, "ks", 0.2)], outside=[86_400])
    (row,) = ranked([column], 0, 172_800, 86_400.0)
    assert 'class="out" d="M90,0' in row.strip
    assert "out" not in ranked([Column("calm", [Moved(0, "ks", 0.2)])], 0, 172_800, 86_400.0)[0].strip
