"""Groups by predicted class and confidence become an expected confusion matrix."""

from __future__ import annotations

import numpy as np
import pytest

from retrue.core.outcome import MulticlassOutcome
from retrue.estimate.chosen_cells import ChosenCells, mistakes
from retrue.estimate.expected import TOTAL
from retrue.metrics.performance.arrays import multiclass


def outcome() -> MulticlassOutcome:
    """Predicted a: 6 right, 1 is b, 3 are c; predicted b: always right; c is never predicted."""
    labels = ["a"] * 6 + ["b"] + ["c"] * 3 + ["b"] * 5
    scores = {"a": [0.8] * 10 + [0.1] * 5, "b": [0.1] * 10 + [0.8] * 5, "c": [0.1] * 15}
    return multiclass(labels, scores=scores)


def test_mistakes_are_spread_as_the_reference_s_are() -> None:
    found = mistakes(outcome())
    assert found.sum(axis=0) == pytest.approx(np.ones(4))
    assert found[:, 0] == pytest.approx([0, 0.25, 0.75, 0])
    assert found[:, 1] == pytest.approx([6 / 9, 0, 3 / 9, 0], abs=1e-6)  # never wrong: as the other labels are


def test_the_expected_matrix_has_the_predictions_and_the_chances() -> None:
    of = outcome()
    assert of.chosen is not None
    cells = ChosenCells.of(of, of.chosen, of)
    assert cells.weight.tolist() == [10.0, 5.0]
    shares = cells.expect(np.array([0.5, 1.0])).matrix / TOTAL * 15
    assert shares[:3, 0] == pytest.approx([5, 1.25, 3.75], abs=1e-5)
    assert shares[:3, 1] == pytest.approx([0, 5, 0], abs=1e-5)
    assert cells.truth(np.array([0.5, 1.0]), right=False).tolist() == [0, 0]
