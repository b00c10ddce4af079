"""A rising share of a signal alarms; chance, habit and too few rows don't."""

from __future__ import annotations

import numpy as np
import pytest

from retrue.judge.settings import Settings
from retrue.judge.signals import Usual, judge_share
from retrue.judge.verdict import Verdict, VerdictKind


def usual(share: float = 0.05, windows: int = 20, spread: float = 0.0) -> Usual:
    rng = np.random.default_rng(0)
    sizes = np.full(windows, 1_000.0)
    shares = np.clip(share + spread * rng.normal(size=windows), 0, 1)
    return Usual.of(rng.binomial(1_000, shares).astype(float), sizes)


def judged(hits: int, n: int = 1_000, of: Usual | None = None) -> Verdict:
    return judge_share("odd", hits, n, of or usual(), Settings(), tests=20)


def test_a_rise_beyond_chance_alarms_and_says_the_numbers() -> None:
    found = judged(150, of=Usual.of(np.full(20, 50.0), np.full(20, 1_000.0)))
    assert (found.kind, found.alarms, found.slice, found.metric) == (VerdictKind.DRIFTING, True, "odd", "signal_share")
    assert found.reason.startswith("odd: 15 % of 1,000 rows, 5 % in the reference; more than the")
    assert found.interval is not None
    assert found.interval[0] < 0.15 < found.interval[1]


@pytest.mark.parametrize("hits", [0, 20, 50, 60])
def test_a_fall_and_what_chance_explains_are_true(hits: int) -> None:
    assert judged(hits).kind is VerdictKind.TRUE


def test_a_share_that_wanders_by_itself_is_given_more_room() -> None:
    assert judged(110, of=usual(spread=0.0)).alarms
    assert not judged(110, of=usual(spread=0.03)).alarms


def test_a_signal_that_was_never_met_alarms_only_once_enough_rows_meet_it() -> None:
    never = Usual.of(np.zeros(20), np.full(20, 1_000.0))
    assert not judged(4, n=200, of=never).alarms  # fewer than five rows are an anecdote
    assert judged(12, n=200, of=never).alarms


def test_a_share_that_no_window_could_exceed_is_not_judged() -> None:
    """Where the limit is 100 % nothing can alarm, so that nothing is said to be within it; the reason says why."""
    wild = Usual.of(np.array([0.0, 1_000.0] * 10), np.full(20, 1_000.0))
    few = Usual.of(np.array([57.0]), np.array([60.0]))
    most = Usual.of(np.full(20, 995.0), np.full(20, 1_000.0))
    for of, n, said in (
        (wild, 1_000, "it varies too much to judge"),
        (few, 55, "too few rows to judge"),
        (most, 1_000, "nearly all rows meet it, so that it can't rise"),
    ):
        found = judged(n, n=n, of=of)
        assert (found.kind, found.alarms, found.value) == (VerdictKind.NOT_COMPARABLE, False, 1.0)
        assert found.reason.endswith(f"in the reference; {said}")


def test_too_few_rows_and_an_unknown_usual_are_said() -> None:
    assert judged(5, n=20).reason == "odd: 20 rows, needs 50"
    found = judge_share("odd", 5, 100, None, Settings(), tests=20)
    assert (found.kind, found.alarms) == (VerdictKind.NOT_COMPARABLE, False)
    assert "isn't known before 6 calm windows" in found.reason


def test_false_alarms_keep_to_the_budget() -> None:
    """20 tests a day for 30 days share one alarm: each alarms in 1 of 600 windows that are like the reference."""
    rng = np.random.default_rng(5)
    of, alarms = usual(), 0
    for _ in range(2_000):
        alarms += judged(int(rng.binomial(1_000, 0.05)), of=of).alarms
    assert alarms <= 12  # 3.3 expected; a Poisson count beyond 12 has a chance of 3 in 100,000
