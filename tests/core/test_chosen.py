"""Counts of predicted class x its own score x label: complete, mergeable, and absent from older profiles."""

from __future__ import annotations

import numpy as np
import polars as pl

from retrue.core.chosen import BINS, count_chosen, few
from retrue.core.outcome import MulticlassOutcome
from retrue.core.outcome_grid import MulticlassGrid
from retrue.core.weighted import WeightedMulticlass

GRID = MulticlassGrid("y", "d", {"a": "p", "b": "q"}, ("a", "b"), np.array([0.5]))
ROWS = pl.DataFrame(
    {"y": ["a", "b", None, "x", "x"], "d": ["a", "a", "b", "z", None], "p": [0.9] * 5, "q": [0.1, 0.1, None, 0.1, 0.1]}
)


def test_every_row_with_a_prediction_is_counted_once() -> None:
    """By hand: right and sure, wrong and sure, no label and no score, an unknown class that is right; no prediction."""
    found = GRID.count(ROWS).chosen
    assert found is not None
    cells = {tuple(map(int, cell)): int(found[tuple(cell)]) for cell in np.argwhere(found)}
    assert cells == {(0, 1, 1): 1, (0, 1, 0): 1, (1, 2, 2): 1, (2, 2, 1): 1}


def test_at_most_so_many_cuts_are_used() -> None:
    for m in (0, 1, BINS, BINS + 1, 613):
        cuts = np.arange(float(m))
        assert few(cuts).size <= BINS
        assert np.isin(few(cuts), cuts).all()
    assert few(np.arange(100.0)).size == 100


def test_weights_count_as_so_many_rows() -> None:
    label, predicted, p = np.array([0, 1]), np.array([0, 0]), np.array([[0.7, 0.3], [0.6, 0.4]])
    once = count_chosen(label, predicted, p, np.array([0.5]), np.array([2.0, 3.0]))
    assert once.sum() == 5
    assert once[0, 1].tolist() == [3.0, 2.0, 0.0]


def test_a_profile_from_before_stays_one_whatever_is_added() -> None:
    now = GRID.count(ROWS)
    before = MulticlassOutcome.from_fields({k: v for k, v in now.fields().items() if k != "chosen"})
    assert before.chosen is None
    for mixed in (before + now, now + before, now - before, before.scaled(2.0)):
        assert isinstance(mixed, MulticlassOutcome)
        assert mixed.chosen is None
        assert "chosen" not in mixed.fields()
    assert (before + now).matrix.tolist() == (now + now).matrix.tolist()


def test_a_weighted_profile_from_before_reads_too() -> None:
    now = GRID.weigh(ROWS, np.full(5, 2.0))
    assert isinstance(now, WeightedMulticlass)
    assert now.chosen is not None
    before = WeightedMulticlass.from_fields({k: v for k, v in now.fields().items() if k != "chosen"})
    assert before.chosen is None
