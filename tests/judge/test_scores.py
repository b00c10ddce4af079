"""Scores that stop being probabilities are broken data; those that never were are none of the judge's business."""

from __future__ import annotations

import numpy as np
import polars as pl

from retrue.core.outcome import BinaryOutcome
from retrue.core.outcome_grid import BinaryGrid, score_cuts
from retrue.judge.scores import judge_scores
from retrue.judge.verdict import VerdictKind

RNG = np.random.default_rng(4)
LABELS, SCORES = RNG.integers(0, 2, 2_000), RNG.random(2_000)


def outcome(scores: np.ndarray[tuple[int], np.dtype[np.float64]], fitted: object = SCORES) -> BinaryOutcome:
    """Rows with these scores, on the grid of some others."""
    grid = BinaryGrid("y", "p", None, "1", score_cuts(np.asarray(fitted, np.float64)))
    return grid.count(pl.DataFrame({"y": LABELS[: scores.size], "p": scores}))


def test_percentages_where_the_reference_has_probabilities_are_broken() -> None:
    found = judge_scores("p", outcome(SCORES * 100), outcome(SCORES))
    assert found is not None
    assert (found.kind, found.column) == (VerdictKind.BROKEN, "p")
    assert found.value == np.mean(SCORES * 100 > 1)
    assert "99 % of 2,000 rows have a score that is no probability" in found.reason
    assert "prediction=" in found.reason


def test_raw_margins_on_both_sides_are_no_fault_of_the_data() -> None:
    margins = RNG.normal(size=2_000)
    assert judge_scores("p", outcome(margins, margins), outcome(margins, margins)) is None


def test_one_score_among_many_that_is_no_probability_is_no_news() -> None:
    assert judge_scores("p", outcome(np.append(SCORES[:-1], 1.5)), outcome(SCORES)) is None


def test_few_rows_tell_nothing() -> None:
    assert judge_scores("p", outcome(SCORES[:5] * 100), outcome(SCORES)) is None
