"""Impact: what a column's move is expected to cost."""

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from retrue.estimate.impact import EVALUATED, CellColumn, Impact, ScoredColumn, impact, impact_of_cells

RIGHT = ScoredColumn(sums=np.array([950.0, 600.0, 500.0]), n=np.array([1000, 1000, 1000]))


def found(window: list[int], reference: list[int], scores: ScoredColumn = RIGHT) -> Impact:
    result = impact(np.array(window), np.array(reference), scores)
    assert result is not None
    return result


def test_it_is_the_mean_score_under_the_new_shares_less_that_under_the_old() -> None:
    # By hand: 0.5 of the rows move from a bin right 95 % of the time to one right 50 % of the time.
    moved = found([0, 0, 10_000], [5_000, 0, 5_000])
    assert moved.value == pytest.approx(0.5 * (0.50 - 0.95), abs=0.01)
    assert moved.loss[0] > 0.2


def test_a_column_that_moves_where_the_model_does_equally_well_costs_nothing() -> None:
    even = ScoredColumn(sums=np.array([800.0, 800.0, 800.0]), n=np.array([1000, 1000, 1000]))
    moved = found([10_000, 0, 0], [0, 0, 10_000], even)
    assert abs(moved.value) < 1e-9
    assert max(abs(end) for end in moved.interval) < 0.04


def test_no_move_is_no_impact() -> None:
    assert found([10, 20, 30], [100, 200, 300]).value == pytest.approx(0)


def test_the_interval_covers_the_truth_nineteen_times_in_twenty() -> None:
    rng = np.random.default_rng(1)
    right, q, p = np.array([0.9, 0.7, 0.5]), np.array([0.2, 0.3, 0.5]), np.array([0.5, 0.3, 0.2])
    truth, hits = float(((q - p) * right).sum()), 0
    for _ in range(500):
        window, reference = rng.multinomial(2000, q), rng.multinomial(4000, p)
        scores = ScoredColumn(sums=rng.binomial(reference, right).astype(float), n=reference)
        low, high = found(window.tolist(), reference.tolist(), scores).interval
        hits += low <= truth <= high
    assert hits / 500 >= 0.93


def test_a_loss_counts_the_other_way() -> None:
    loss = ScoredColumn(np.array([100.0, 900.0]), np.array([1000, 1000]), np.array([20.0, 900.0]), "log_loss", "lower")
    worse = found([0, 10_000], [5_000, 5_000], loss)
    assert worse.value > 0
    assert worse.loss == worse.interval


def test_rows_where_the_model_was_never_evaluated_are_reported() -> None:
    few = ScoredColumn(sums=np.array([900.0, 1.0, 0.0]), n=np.array([1000, EVALUATED - 1, 0]))
    moved = found([50, 20, 30], [990, 10, 0], few)
    assert (moved.uncovered, moved.uncovered_before) == pytest.approx((0.5, 0.01))


def test_without_rows_or_labels_there_is_none() -> None:
    nothing = np.zeros(3, int)
    assert impact(nothing, np.ones(3, int), RIGHT) is None
    assert impact(np.ones(3, int), nothing, RIGHT) is None
    assert impact(np.ones(3, int), np.ones(3, int), ScoredColumn(np.zeros(3), nothing)) is None


bins = st.lists(st.integers(0, 10_000), min_size=3, max_size=3).filter(lambda counts: sum(counts) > 0)


@given(bins, bins)
def test_a_score_between_zero_and_one_never_moves_by_more_than_one(window: list[int], reference: list[int]) -> None:
    moved = found(window, reference)
    assert -1 <= moved.value <= 1
    assert moved.interval[0] <= moved.value <= moved.interval[1]


def test_narrow_bins_of_an_ordered_column_borrow_from_their_neighbours() -> None:
    rng = np.random.default_rng(2)
    chance = np.linspace(0.9, 0.5, 400)
    reference = np.concatenate([[0], np.full(400, 3), np.zeros(6, int)])
    right = np.concatenate([[0], rng.binomial(3, chance), np.zeros(6, int)]).astype(float)
    window = np.concatenate([[0], np.zeros(300, int), np.full(100, 10), np.zeros(6, int)])
    narrow = found(window.tolist(), reference.tolist(), ScoredColumn(right, reference))
    wide = found(window.tolist(), reference.tolist(), ScoredColumn(right, reference, ordered=True))
    truth = float(chance[300:].mean() - chance.mean())
    assert narrow.uncovered == pytest.approx(1.0)  # fewer than five labelled rows in each
    assert wide.uncovered == 0.0
    assert abs(wide.value - truth) < abs(narrow.value - truth)
    assert wide.interval[0] < truth < wide.interval[1]


cells = st.lists(st.integers(0, 5_000), min_size=12, max_size=12).filter(lambda counts: sum(counts) > 0)


def balanced(shares: Any) -> float | None:
    """A metric of four cells that isn't linear in them: the mean of recall and specificity."""
    tn, fp, fn, tp = shares.tolist()
    return None if tn + fp == 0 or fn + tp == 0 else (tn / (tn + fp) + tp / (fn + tp)) / 2


@given(bins, bins, cells, st.permutations(range(3)))
def test_metrics_of_cells_have_none_without_a_move_and_know_no_order_of_bins(
    window: list[int], reference: list[int], counts: list[int], order: list[int]
) -> None:
    table = np.array(counts).reshape(3, 4)
    column = CellColumn(table, balanced, "balanced")
    here = impact_of_cells(np.array(window), np.array(reference), column)
    turned = impact_of_cells(np.array(window)[order], np.array(reference)[order], replace(column, cells=table[order]))
    still = impact_of_cells(np.array(reference), np.array(reference), column)
    assert still is None or (still.value == 0 and still.interval[0] <= 0 <= still.interval[1])
    assert (here is None) == (turned is None)
    if here is not None and turned is not None:
        assert turned.value == pytest.approx(here.value, abs=1e-9)
        assert -1 <= here.value <= 1
        assert np.isfinite(here.interval).all()


@given(bins, bins)
def test_a_mean_is_the_same_from_its_cells(window: list[int], reference: list[int]) -> None:
    """Accuracy as a function of two cells, wrong and right, against the mean of right."""
    right = RIGHT.sums.astype(int)
    column = CellColumn(np.stack([RIGHT.n - right, right], axis=1), lambda shares: float(shares[1]), "accuracy")
    one, other = impact_of_cells(np.array(window), np.array(reference), column), found(window, reference)
    assert one is not None
    assert one.value == pytest.approx(other.value, abs=1e-9)
    assert one.interval == pytest.approx(other.interval, abs=1e-4)
