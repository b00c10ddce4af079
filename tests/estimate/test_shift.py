"""Label shift: base rates from scores alone."""

from __future__ import annotations

import numpy as np
import pytest

from retrue.core.outcome import BinaryOutcome
from retrue.core.outcome_grid import BinaryGrid, score_cuts
from retrue.estimate.shift import label_shift
from retrue.metrics.performance.arrays import table

GRID = BinaryGrid("label", "score", None, "1", score_cuts(np.random.default_rng(0).random(5_000)), "0")


def rows(n: int, rate: float, rng: np.random.Generator, move: float = 0.0) -> BinaryOutcome:
    """Scores of two overlapping classes; `move` shifts both (which no base rate does)."""
    y = (rng.random(n) < rate).astype(int)
    return GRID.count(table(label=y, score=1 / (1 + np.exp(-rng.normal(1.5 * y - 0.75 + move, 1)))))


def test_a_moved_base_rate_is_found_within_its_interval() -> None:
    rng = np.random.default_rng(1)
    reference = rows(20_000, 0.3, rng)
    for rate in (0.1, 0.5, 0.7):
        found = label_shift(rows(4_000, rate, rng), reference)
        assert found is not None
        assert found.base_rate == pytest.approx(rate, abs=0.06)
        assert found.interval[0] < found.base_rate < found.interval[1]
        assert found.evident
        assert found.before == pytest.approx(0.3, abs=0.02)


@pytest.mark.slow
def test_its_intervals_and_its_tests_are_calibrated() -> None:
    """500 windows each: intervals hold 95 %, and both p-values are below 5 % in 5 % (bounds at 1 in 10,000)."""
    rng = np.random.default_rng(2)
    held = moved = unexplained = 0
    for _ in range(500):
        reference, rate = rows(4_000, 0.3, rng), 0.3
        found = label_shift(rows(1_500, rate, rng), reference)
        assert found is not None
        held += found.interval[0] <= rate <= found.interval[1]
        moved += found.moved < 0.05
        unexplained += found.explained < 0.05
    assert held >= 455
    assert moved <= 45
    assert unexplained <= 48


def test_scores_that_moved_in_another_way_are_not_explained() -> None:
    rng = np.random.default_rng(3)
    found = label_shift(rows(8_000, 0.3, rng, move=0.8), rows(20_000, 0.3, rng))
    assert found is not None
    assert not found.evident
    assert found.explained < 0.01


def test_too_few_rows_or_scores_that_tell_nothing_say_nothing() -> None:
    rng = np.random.default_rng(4)
    reference = rows(5_000, 0.3, rng)
    assert label_shift(rows(20, 0.3, rng), reference) is None
    assert label_shift(reference, rows(5_000, 0.0, rng)) is None
    flat = GRID.count(table(label=[0, 1] * 500, score=[0.5] * 1_000))
    assert label_shift(reference, flat) is None
