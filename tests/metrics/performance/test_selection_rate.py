"""Selection rate: all rows count, labelled or not."""

from __future__ import annotations

import numpy as np
import polars as pl
from hypothesis import given
from hypothesis import strategies as st

from retrue.core.outcome import BinaryOutcome
from retrue.core.outcome_grid import BinaryGrid
from retrue.metrics.performance.arrays import binary
from retrue.metrics.performance.selection_rate import selection_rate

labels = st.sampled_from([0, 1, None])


@given(st.lists(st.tuples(labels, st.sampled_from([0, 1])), min_size=1, max_size=50))
def test_it_is_the_mean_of_all_predictions(rows: list[tuple[int | None, int]]) -> None:
    label, prediction = zip(*rows, strict=True)
    found = selection_rate(binary(list(label), predictions=list(prediction))).value
    assert found is not None
    assert np.isclose(found, np.mean(prediction))


@given(st.lists(st.tuples(labels, st.integers(0, 100)), min_size=1, max_size=50), st.integers(1, 99))
def test_at_a_threshold_it_is_the_share_of_scores_from_there_up(rows: list[tuple[int | None, int]], at: int) -> None:
    label, score = zip(*rows, strict=True)
    outcome = binary(list(label), scores=[s / 100 for s in score])
    found = selection_rate(outcome, at=str(at / 100)).value
    assert found is not None
    assert np.isclose(found, np.mean([s >= at for s in score]))


def test_nothing_predicted_is_said() -> None:
    grid = BinaryGrid("label", None, "prediction", "1", np.empty(0))
    assert selection_rate(grid.count(pl.DataFrame({"label": [1], "prediction": [None]}))).value is None
    empty = grid.empty()
    assert isinstance(empty, BinaryOutcome)
    assert selection_rate(empty).note == "no rows to measure"


def test_a_label_that_comes_moves_a_row_and_leaves_the_rate() -> None:
    early, late = (binary([0, label, 1], predictions=[0, 1, 1]) for label in (None, 1))
    assert early.waiting.tolist() == [0, 1]
    assert late.waiting.tolist() == [0, 0]
    assert selection_rate(early).value == selection_rate(late).value == 2 / 3


def test_an_outcome_stored_before_predictions_were_counted_is_read() -> None:
    old = {name: value for name, value in binary([0, None], predictions=[0, 1]).fields().items() if name != "waiting"}
    assert BinaryOutcome.from_fields(old).waiting.tolist() == [0, 0]
