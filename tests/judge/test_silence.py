"""Silence is told where far too few events or labels come, and nowhere else."""

from __future__ import annotations

import numpy as np
import pytest

from retrue.judge.silence import ENOUGH, judge_labels, judge_volume
from retrue.judge.verdict import VerdictKind

STEADY = [1_000, 980, 1_020, 990, 1_010, 1_005, 995, 1_000]


@pytest.mark.parametrize(("events", "silent"), [(0, True), (40, True), (450, True), (500, False), (3_000, False)])
def test_far_too_few_events_are_silence(events: int, *, silent: bool) -> None:
    """Less than half of what is usual, and far outside its spread."""
    verdict = judge_volume(events, STEADY)
    assert (verdict is not None) is silent
    if verdict is not None:
        assert (verdict.kind, verdict.alarm, verdict.value) == (VerdictKind.SILENT, True, events)


def test_nobody_knows_what_is_usual_after_a_few_windows() -> None:
    assert judge_volume(0, STEADY[: ENOUGH - 1]) is None


@pytest.mark.parametrize("usual", [[0] * 20, [0, 1, 2, 0, 3, 1, 0, 2], [0, 0, 900, 1_000, 0, 0, 950, 1_020]])
def test_windows_that_are_often_empty_may_be_empty(usual: list[int]) -> None:
    """Nights, Sundays, and models that are hardly used."""
    assert judge_volume(0, usual) is None


@pytest.mark.parametrize("rate", [3.0, 30.0, 3_000.0])
def test_chance_alone_is_no_silence(rate: float) -> None:
    """Poisson counts: none of 20,000 windows, though the eight before are all that is known."""
    counts = np.random.default_rng(0).poisson(rate, 20_000)
    found = [judge_volume(int(counts[i]), counts[i - 8 : i].tolist()) for i in range(8, counts.size)]
    assert sum(verdict is not None for verdict in found) <= 1


def test_heavy_tails_are_no_silence() -> None:
    """Lognormal traffic that differs by half from day to day: at most a few in ten thousand."""
    rng = np.random.default_rng(1)
    counts = rng.lognormal(7, 0.5, 10_000).astype(int)
    found = [judge_volume(int(counts[i]), counts[i - 60 : i].tolist()) for i in range(60, counts.size)]
    assert sum(verdict is not None for verdict in found) <= 5


def test_labels_that_stop_are_told_and_rare_ones_are_not() -> None:
    stopped = judge_labels(2, 400, [0.9] * 10)
    assert stopped is not None
    assert (stopped.kind, stopped.metric) == (VerdictKind.SILENT, "labelled")
    assert judge_labels(0, 30, [0.02] * 10) is None
    assert judge_labels(0, 400, [0.9] * (ENOUGH - 1)) is None
    assert judge_labels(0, 0, [0.9] * 10) is None
    assert judge_labels(300, 400, [0.9] * 10) is None
