"""Conditions on one column: the best of all, and lengths that are those of a code."""

import itertools
import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from retrue.explain.column import BINS, Mask
from retrue.explain.conditions import Chooser, cost
from retrue.explain.questions import Share
from retrue.explain.ranges import RangeColumn
from retrue.explain.sets import SetColumn


def marked(places: tuple[int, ...]) -> Mask:
    mask = np.zeros(BINS, bool)
    mask[list(places)] = True
    return mask


def every_range(column: RangeColumn) -> list[Mask]:
    spans = itertools.combinations(range(column.bins + 1), 2)
    found = [marked(tuple(range(start, stop))) for start, stop in spans if stop - start < column.bins]
    if column.null is not None:
        found += [marked(tuple(range(column.bins))), marked((column.null,))]
    return found


@pytest.mark.parametrize("null", [False, True])
@pytest.mark.parametrize("edges", [1, 2, 5, 61])
def test_the_lengths_of_all_ranges_are_those_of_a_code(edges: int, null: bool) -> None:
    """Kraft's inequality: the sum of exp(-length) is at most 1."""
    column = RangeColumn("x", edges + 1 if null else None, tuple(range(edges)))
    total = sum(math.exp(-cost(column, mask)) for mask in every_range(column))
    assert 0.9 < total <= 1 + 1e-9


def test_the_lengths_of_all_sets_are_those_of_a_code() -> None:
    column = SetColumn("x", 6, ("a", "b", "c", "d", "e", "f"))
    sets = [places for size in range(1, 7) for places in itertools.combinations(range(7), size)]
    assert 0.8 < sum(math.exp(-cost(column, marked(places))) for places in sets) <= 1


counts = st.lists(st.tuples(st.integers(0, 300), st.integers(0, 300)), min_size=6, max_size=6)


@settings(deadline=None, max_examples=30)
@given(counts)
def test_the_best_range_is_the_best_of_all_ranges(rows: list[tuple[int, int]]) -> None:
    sums = np.zeros((1, BINS, 2))
    sums[0, :6] = rows
    question = Share(None, None, *map(float, sums[0].sum(axis=0)))
    column = RangeColumn("x", 5, (1, 2, 3, 4))
    (mask,) = Chooser(question, 20).choose([column], sums)
    best = max(worth(question, column, sums[0], one) for one in every_range(column))
    assert (worth(question, column, sums[0], mask) if mask.any() else best) == pytest.approx(best, abs=1e-4)


@settings(deadline=None, max_examples=30)
@given(counts)
def test_the_best_set_is_nearly_the_best_of_all_sets(rows: list[tuple[int, int]]) -> None:
    sums = np.zeros((1, BINS, 2))
    sums[0, :6] = rows
    question = Share(None, None, *map(float, sums[0].sum(axis=0)))
    column = SetColumn("x", None, ("a", "b", "c", "d", "e", "f"))
    (mask,) = Chooser(question, 20).choose([column], sums)
    sets = [marked(places) for size in range(1, 6) for places in itertools.combinations(range(6), size)]
    best = max(worth(question, column, sums[0], one) for one in sets)
    assert best - 0.5 <= (worth(question, column, sums[0], mask) if mask.any() else best)


def worth(question: Share, column: RangeColumn | SetColumn, sums: np.ndarray, mask: Mask) -> float:
    total = sums[mask].sum(axis=0)
    return float(question.score(total)) - cost(column, mask) if total.max() >= 20 else -math.inf
