"""Scores that are no probabilities have no losses, no calibration and no threshold of 0.5; their order still counts."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.metrics import accuracy_score, roc_auc_score

from retrue.core.outcome import BinaryOutcome
from retrue.metrics import get
from retrue.metrics.performance.arrays import binary

RNG = np.random.default_rng(2)
LABELS = RNG.integers(0, 2, 1_000)
MARGINS = RNG.normal(LABELS, 1.0)
REST_ON_PROBABILITIES = ("log_loss", "brier", "ece")
CUT_AT_HALF = ("accuracy", "precision", "recall", "f1", "specificity", "predicted_rate")


def measured(name: str, outcome: BinaryOutcome) -> tuple[float | None, str]:
    """The metric's value and note."""
    found = get(name).compute(outcome)
    return found.value, found.note or ""


@pytest.mark.parametrize("name", [*REST_ON_PROBABILITIES, *CUT_AT_HALF])
@pytest.mark.parametrize("scores", [MARGINS, MARGINS * 100, MARGINS + 50], ids=["margins", "wide", "above"])
def test_a_metric_of_probabilities_has_no_value_and_says_why(name: str, scores: list[float]) -> None:
    value, note = measured(name, binary(LABELS, scores=scores))
    assert value is None
    assert "no probabilities" in note


def test_a_prediction_column_makes_a_threshold_needless() -> None:
    predicted = (MARGINS > 0).astype(int)
    value, _ = measured("accuracy", binary(LABELS, scores=MARGINS, predictions=predicted))
    assert value == accuracy_score(LABELS, predicted)


def test_the_order_of_scores_counts_whatever_they_are() -> None:
    value, note = measured("roc_auc", binary(LABELS, scores=MARGINS))
    assert value == pytest.approx(roc_auc_score(LABELS, MARGINS), abs=2e-3)
    assert not note


@pytest.mark.parametrize("name", ["log_loss", "brier"])
def test_a_few_scores_outside_are_left_out_with_a_note(name: str) -> None:
    scores = np.append(np.full(999, 0.25), 1.5)
    value, note = measured(name, binary(LABELS, scores=scores))
    assert value is not None
    assert note == "1 of 1,000 rows have a score outside 0 to 1 and are left out"
