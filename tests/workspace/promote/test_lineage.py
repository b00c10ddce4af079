"""What a promotion did is told from the judged windows before and after it, with intervals."""

from __future__ import annotations

import math

import pytest

from retrue.workspace.promote.lineage import Effect, Side, pooled


def test_windows_are_pooled_by_their_labelled_rows() -> None:
    """By hand: 0.8 +- 0.1 on 300 rows and 0.6 +- 0.2 on 100 come to 0.75 +- sqrt(30^2 + 20^2) / 400."""
    found = pooled("1", [(0.8, 0.7, 0.9), (0.6, 0.4, 0.8)], [300, 100], estimated=False)
    reach = math.hypot(30, 20) / 400
    assert found.value == pytest.approx(0.75)
    assert found.interval == pytest.approx((0.75 - reach, 0.75 + reach))
    assert pooled("1", [(0.8, None, None)], [1], estimated=True).interval is None


@pytest.mark.parametrize(
    ("metric", "after", "change"),
    [
        ("accuracy", Side("2", 0.8, (0.78, 0.82), 3, False), "better"),
        ("accuracy", Side("2", 0.6, (0.58, 0.62), 3, False), "worse"),
        ("brier", Side("2", 0.6, (0.58, 0.62), 3, False), "better"),
        ("accuracy", Side("2", 0.71, (0.69, 0.73), 3, False), "within noise"),
        ("accuracy", Side("2", 0.8, None, 3, False), "can't tell"),
        ("accuracy", None, "can't tell"),
    ],
)
def test_an_effect_is_told_with_its_interval(metric: str, after: Side | None, change: str) -> None:
    found = Effect(metric, Side("1", 0.7, (0.68, 0.72), 5, False), after)
    assert found.change == change
    if after is not None and after.interval is not None and found.difference is not None:
        reach = math.hypot(0.02, 0.02)
        gap = after.value - 0.7
        assert found.difference[1] == pytest.approx((gap - reach, gap + reach))
