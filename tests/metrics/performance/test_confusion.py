"""The confusion matrix at any threshold, and of one class."""

from __future__ import annotations

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.metrics import confusion_matrix, multilabel_confusion_matrix

from retrue.core.outcome import BinaryOutcome
from retrue.core.outcome_grid import BinaryGrid, score_cuts
from retrue.errors import MetricError
from retrue.metrics.performance.arrays import binary, multiclass
from retrue.metrics.performance.confusion import Confusion, at_threshold, confusion

RNG = np.random.default_rng(3)
LABELS = RNG.integers(0, 2, 3000)
SCORES = RNG.beta(1 + LABELS, 2)


def on_coarse_cuts(labels: object, scores: object) -> BinaryOutcome:
    """Give the outcome on the hundredths alone, so that other thresholds lie inside a bin."""
    grid = BinaryGrid("y", "p", None, "1", score_cuts(np.empty(0)))
    return grid.count(pl.DataFrame({"y": labels, "p": scores}))


def cells(counts: Confusion) -> tuple[float, float, float, float]:
    """Give the counts in scikit-learn's order."""
    return counts.tn, counts.fp, counts.fn, counts.tp


@pytest.mark.parametrize("threshold", [0.0, 0.01, 0.07, 0.29, 0.3, 0.5, 0.57, 0.99, 1.0])
def test_counts_at_hundredths_are_exact(threshold: float) -> None:
    """Expected: sklearn.metrics.confusion_matrix."""
    expected = confusion_matrix(LABELS, threshold <= SCORES, labels=[0, 1]).ravel()
    found = confusion(on_coarse_cuts(LABELS, SCORES), threshold)
    assert found.exact
    assert cells(found) == tuple(expected)


def test_scores_that_are_on_a_threshold_count_as_positive() -> None:
    found = confusion(on_coarse_cuts([0, 1, 1], [0.3, 0.3, 0.29]), 0.3)
    assert cells(found) == (0, 1, 1, 1)


@given(threshold=st.floats(-0.5, 1.5))
def test_counts_at_any_threshold_lie_between_the_worst_and_the_best(threshold: float) -> None:
    """Expected: sklearn.metrics.confusion_matrix."""
    outcome = on_coarse_cuts(LABELS, SCORES)
    tn, fp, fn, tp = confusion_matrix(LABELS, threshold <= SCORES, labels=[0, 1]).ravel()
    found = at_threshold(outcome, threshold)
    assert found.n == LABELS.size
    if found.worst is None or found.best is None:
        assert cells(found) == (tn, fp, fn, tp)
        return
    assert found.worst.tp <= min(tp, found.tp) <= max(tp, found.tp) <= found.best.tp
    assert found.best.fp <= min(fp, found.fp) <= max(fp, found.fp) <= found.worst.fp
    assert found.worst.n == found.best.n == LABELS.size


def test_a_threshold_in_an_empty_bin_is_exact() -> None:
    assert confusion(on_coarse_cuts([0, 1], [0.1, 0.9]), 0.555).exact


def test_the_models_own_predictions_need_no_threshold() -> None:
    outcome = binary([0, 0, 1, 1, 1], scores=[0.9] * 5, predictions=[0, 1, 0, 1, 1])
    assert cells(confusion(outcome)) == (1, 1, 1, 2)


@pytest.mark.parametrize("at", ["low", "", "nan", "inf"])
def test_a_threshold_is_a_number(at: str) -> None:
    with pytest.raises(MetricError, match="no threshold: expected a number"):
        confusion(on_coarse_cuts([0, 1], [0.1, 0.9]), at)


def test_a_class_is_counted_against_the_rest() -> None:
    """Expected: sklearn.metrics.multilabel_confusion_matrix."""
    labels, predictions = RNG.choice(list("abc"), 200), RNG.choice(list("abc"), 200)
    outcome = multiclass(labels, predictions)
    for name, expected in zip("abc", multilabel_confusion_matrix(labels, predictions), strict=True):
        assert cells(confusion(outcome, name)) == tuple(expected.ravel())


def test_an_unknown_class_is_an_error_that_names_the_nearest() -> None:
    with pytest.raises(MetricError, match="did you mean 'horse'"):
        confusion(multiclass(["horse", "cat"], ["cat", "cat"]), "hors")
