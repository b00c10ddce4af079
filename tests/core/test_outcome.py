"""Outcomes add up, and count every event: labelled, unlabelled, scored or not."""

from __future__ import annotations

from typing import Any

import numpy as np
import polars as pl
import pytest

from retrue.core.outcome import BinaryOutcome, pack_sums, unpack_sums
from retrue.core.outcome_grid import BinaryGrid, MulticlassGrid, OutcomeGrid, RegressionGrid, error_grid, score_cuts
from retrue.core.ranking import RankingGrid
from retrue.core.state import Sums
from retrue.errors import ProfileError

CUTS = score_cuts(np.linspace(0, 1, 9))
GRIDS: dict[str, OutcomeGrid] = {
    "binary": BinaryGrid("label", "score", None, "1", CUTS),
    "multiclass": MulticlassGrid("label", "prediction", {"0": "score"}, ("0", "1"), CUTS),
    "regression": RegressionGrid("label", "score", error_grid(np.array([1.0, 2.0]), np.array([0.0, 3.0]))),
    "ranking": RankingGrid("liked", "shown", 2, ("a",), np.array([1.0])),
}
FRAME = pl.DataFrame(
    {
        "label": ["1", "0", None, "1", None],
        "prediction": ["1", "1", "0", None, None],
        "score": [0.9, 0.4, 0.3, None, None],
        "shown": [["a", "b"], ["c"], ["a"], None, None],
        "liked": [["a"], ["x"], None, [], None],
    }
)


@pytest.mark.parametrize("task", GRIDS)
def test_every_event_is_labelled_or_not(task: str) -> None:
    """Three of five have a label; events without a score or prediction are counted too."""
    outcome = GRIDS[task].count(FRAME)
    assert outcome.labelled + outcome.unlabelled == FRAME.height
    assert outcome.coverage == pytest.approx(0.6)
    assert GRIDS[task].empty().coverage is None


@pytest.mark.parametrize("task", GRIDS)
def test_parts_make_the_whole(task: str) -> None:
    grid = GRIDS[task]
    assert (grid.count(FRAME.head(2)) + grid.count(FRAME.tail(3))).agrees(grid.count(FRAME))
    assert not grid.count(FRAME.head(2)).agrees(grid.count(FRAME))


@pytest.mark.parametrize("task", GRIDS)
def test_columns_that_did_not_come_leave_every_event_unlabelled(task: str) -> None:
    outcome = GRIDS[task].count(pl.DataFrame({"other": [1, 2, 3]}))
    assert (outcome.labelled, outcome.unlabelled) == (0, 3)


@pytest.mark.parametrize(
    ("a", "b", "said"),
    [
        (GRIDS["binary"], BinaryGrid("label", "score", None, "1", np.array([0.5])), "different score grids"),
        (GRIDS["multiclass"], MulticlassGrid("label", "p", {}, ("0", "2"), CUTS), "different classes"),
        (GRIDS["ranking"], RankingGrid("liked", "shown", 3, ("a",), np.array([1.0])), "different k"),
    ],
)
def test_outcomes_on_different_grids_do_not_add_up(a: OutcomeGrid, b: OutcomeGrid, said: str) -> None:
    with pytest.raises(ProfileError, match=said):
        a.count(FRAME) + b.count(FRAME)
    with pytest.raises(ProfileError, match=said):
        a.count(FRAME).subtract(b.count(FRAME))


def test_a_label_that_came_moves_its_event() -> None:
    """What a late label adds is the labelled event less the unlabelled one: the rest isn't read again."""
    grid = GRIDS["binary"]
    before, after = FRAME, FRAME.with_columns(label=pl.Series(["1", "0", "0", "1", None]))
    one = before[2:3], after[2:3]
    moved = (grid.count(before) + grid.count(one[1])).subtract(grid.count(one[0]))
    assert isinstance(moved, BinaryOutcome)
    whole = grid.count(after)
    assert isinstance(whole, BinaryOutcome)
    np.testing.assert_array_equal(moved.counts, whole.counts)
    np.testing.assert_array_equal(moved.matrix, whole.matrix)


def test_named_sums_survive_packing_in_their_order() -> None:
    losses = {"b/c": Sums(2, 1.0, 4.0), "a": Sums()}
    again: dict[str, Any] = unpack_sums(pack_sums(losses))
    assert list(again.items()) == list(losses.items())


def test_a_label_that_is_neither_class_is_no_label() -> None:
    """`weird` counts as not labelled; `1.0`, `true` and 1 are one class, `0.0`, `false` and 0 the other."""
    from retrue.core.outcome_grid import BinaryGrid

    grid = BinaryGrid("y", "p", None, "1", np.arange(101) / 100, "0")
    frame = pl.DataFrame({"y": ["1", "true", "1.0", "0", "false", "0.0", "weird", None], "p": [0.5] * 8})
    found = grid.count(frame)
    assert (found.labelled, found.unlabelled) == (6, 2)
    assert grid.truth(frame["y"]).tolist() == [1, 1, 1, 0, 0, 0, 2, 2]
    assert grid.counts_label(frame["y"]).tolist() == [True] * 6 + [False] * 2
    open_world = BinaryGrid("y", "p", None, "a", np.arange(101) / 100)
    assert open_world.truth(pl.Series(["A", "b", None])).tolist() == [1, 0, 2]


@pytest.mark.parametrize(
    "labels", [[1, 0], [1.0, 0.0], [True, False], ["1", "0"], ["Yes", "No"], ["y", "n"], ["TRUE ", " f"], ["t", "no "]]
)
@pytest.mark.parametrize("classes", [("no", "yes"), ("0", "1"), ("False", "True")])
def test_yes_and_no_are_understood_however_they_are_written(labels: list[Any], classes: tuple[str, str]) -> None:
    from retrue.core.outcome_grid import BinaryGrid

    grid = BinaryGrid("y", "p", None, classes[1], np.arange(101) / 100, classes[0])
    assert grid.truth(pl.Series(labels)).tolist() == [1, 0]
