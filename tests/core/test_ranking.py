"""Ranked lists against scikit-learn and by hand."""

from __future__ import annotations

from typing import Any

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.metrics import ndcg_score

from retrue.core.ranking import RankingGrid, as_lists

ITEMS = "abcdefgh"


def per_list(shown: list[Any], liked: list[Any], k: int = 3) -> dict[str, float | None]:
    grid = RankingGrid("liked", "shown", k, ("a", "b"), np.array([0.75, 0.25]))
    frame = pl.DataFrame({"shown": [shown], "liked": [liked]}, schema=dict.fromkeys(("shown", "liked"), pl.List(str)))
    return {name: sums.mean for name, sums in grid.count(frame).losses.items()}


@given(st.permutations(ITEMS), st.sets(st.sampled_from(ITEMS), min_size=1), st.integers(1, 8))
def test_ndcg_is_scikit_learns(shown: list[str], liked: set[str], k: int) -> None:
    """Scikit-learn's NDCG at k of binary relevance over all items."""
    truth = np.array([[float(item in liked) for item in ITEMS]])
    scores = np.array([[-shown.index(item) for item in ITEMS]])
    assert per_list(shown, sorted(liked), k)["ndcg"] == pytest.approx(ndcg_score(truth, scores, k=k))


@pytest.mark.parametrize(
    ("shown", "liked", "expected"),
    [
        (["a", "b", "c"], ["b"], {"hit_rate": 1, "mrr": 1 / 2, "map": 1 / 2, "popularity": 1 / 3}),
        (["a", "b", "c"], ["a", "c"], {"hit_rate": 1, "mrr": 1, "map": (1 + 2 / 3) / 2}),
        (["x", "y", "z", "a"], ["a"], {"hit_rate": 0, "mrr": 0, "map": 0, "ndcg": 0, "popularity": 0}),
        (["a", "b"], [], {"hit_rate": 0, "mrr": 0, "map": 0, "ndcg": 0}),
        ([], ["a"], {"hit_rate": 0, "mrr": 0, "map": 0, "ndcg": 0, "popularity": 0}),
        (["b", "b", "a"], ["a"], {"hit_rate": 1, "mrr": 1 / 2, "map": 1 / 2}),
        ([None, "a"], ["a", None], {"hit_rate": 1, "mrr": 1}),
    ],
)
def test_one_list_by_hand(shown: list[Any], liked: list[Any], expected: dict[str, float]) -> None:
    """At k = 3; an item that is repeated counts once, nulls are no items, no relevant item scores 0."""
    found = per_list(shown, liked)
    assert {name: found[name] for name in expected} == pytest.approx(expected)


def test_lists_without_a_label_wait() -> None:
    grid = RankingGrid("liked", "shown", 3, (), np.empty(0))
    frame = pl.DataFrame({"shown": [["a"], ["b"]], "liked": [None, ["b"]]})
    outcome = grid.count(frame)
    assert (outcome.labelled, outcome.waiting) == (1, 1)
    np.testing.assert_array_equal(grid.event_scores(frame), [np.nan, 1.0])


def test_the_reference_tells_how_popular_an_item_is() -> None:
    frame = pl.DataFrame({"shown": [["a", "b"], ["a"], None, ["a"]]})
    grid = RankingGrid.fit(frame, "liked", "shown", 2)
    assert (grid.items, grid.shares.tolist()) == (("a", "b"), [0.75, 0.25])


@pytest.mark.parametrize(
    ("series", "lists"),
    [
        (pl.Series(["a", None]), [["a"], None]),
        (pl.Series([1, 2]), [["1"], ["2"]]),
        (pl.Series([["a", None]]), [["a", None]]),
        (pl.Series([[1, 2]], dtype=pl.Array(pl.Int64, 2)), [["1", "2"]]),
        (pl.Series([None, None]), [None, None]),
    ],
)
def test_a_single_item_is_a_list_of_one(series: pl.Series, lists: list[Any]) -> None:
    assert as_lists(series).to_list() == lists
