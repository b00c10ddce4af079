"""What the page says of a feature: of the newest judged window, and of no older one."""

from __future__ import annotations

import pytest

from retrue.server.pages.columns import Column, Moved, ranked


@pytest.mark.parametrize(("judged", "said"), [(86_400, ("0.85", "KS")), (172_800, ("–", ""))])
def test_a_move_that_only_older_windows_measured_is_not_told_as_the_newest(judged: int, said: tuple[str, str]) -> None:
    """Where values lie outside the reference, no distance is kept: the last calm window's must not stand for it."""
    column = Column("income", [Moved(0, "ks", 0.03), Moved(86_400, "ks", 0.85)], judged=judged)
    (row,) = ranked([column], 0, 259_200, 86_400.0)
    assert (row.moved, row.by) == said
