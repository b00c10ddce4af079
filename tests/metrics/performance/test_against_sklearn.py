"""Metrics against scikit-learn on random data: equal where the outcome is exact, within the stated error elsewhere."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from sklearn import metrics as sk

from retrue.core.outcome import BinaryOutcome, MulticlassOutcome, RankingOutcome, RegressionOutcome
from retrue.metrics import get
from retrue.metrics.performance.arrays import binary, multiclass, ranking, regression

RNG = np.random.default_rng(11)
N = 2000

Y = RNG.integers(0, 2, N)
P = np.round(RNG.beta(1 + 2 * Y, 2), 3)
HARD = (P >= 0.5).astype(int)
BINARY: dict[str, Callable[[], Any]] = {
    "accuracy": lambda: sk.accuracy_score(Y, HARD),
    "precision": lambda: sk.precision_score(Y, HARD),
    "recall": lambda: sk.recall_score(Y, HARD),
    "specificity": lambda: sk.recall_score(Y, HARD, pos_label=0),
    "f1": lambda: sk.f1_score(Y, HARD),
    "log_loss": lambda: sk.log_loss(Y, P),
    "brier": lambda: sk.brier_score_loss(Y, P),
    "base_rate": Y.mean,
    "predicted_rate": HARD.mean,
    "mean_score": P.mean,
    "true_positives": lambda: sk.confusion_matrix(Y, HARD, normalize="all")[1, 1],
    "false_positives": lambda: sk.confusion_matrix(Y, HARD, normalize="all")[0, 1],
    "false_negatives": lambda: sk.confusion_matrix(Y, HARD, normalize="all")[1, 0],
    "true_negatives": lambda: sk.confusion_matrix(Y, HARD, normalize="all")[0, 0],
    "accuracy@0.27": lambda: sk.accuracy_score(Y, P >= 0.27),
    "precision@0.27": lambda: sk.precision_score(Y, P >= 0.27),
    "recall@0.91": lambda: sk.recall_score(Y, P >= 0.91),
    "specificity@0.27": lambda: sk.recall_score(Y, P >= 0.27, pos_label=0),
    "f1@0.27": lambda: sk.f1_score(Y, P >= 0.27),
    "predicted_rate@0.8": (P >= 0.8).mean,
}


@pytest.fixture(scope="module")
def of_binary() -> BinaryOutcome:
    """Give the outcome of 2,000 scores."""
    return binary(Y, P)


@pytest.mark.parametrize("name", BINARY)
def test_binary_metrics_equal_sklearn(name: str, of_binary: BinaryOutcome) -> None:
    assert get(name).compute(of_binary).value == pytest.approx(BINARY[name](), rel=1e-9)


CLASSES = np.array(["ant", "bee", "cat", "dog"])
LABELS = RNG.choice(CLASSES, N, p=[0.5, 0.3, 0.15, 0.05])
LOGITS = RNG.normal(size=(N, 4)) + 1.5 * (LABELS[:, None] == CLASSES)
PROBABILITIES = np.exp(LOGITS) / np.exp(LOGITS).sum(axis=1, keepdims=True)
GUESSES = CLASSES[PROBABILITIES.argmax(axis=1)]
SCORERS: dict[str, Callable[..., Any]] = {
    "precision": sk.precision_score,
    "recall": sk.recall_score,
    "f1": sk.f1_score,
}
MULTICLASS: dict[str, Callable[[], Any]] = {
    "accuracy": lambda: sk.accuracy_score(LABELS, GUESSES),
    "log_loss": lambda: sk.log_loss(LABELS, PROBABILITIES),
    "specificity@cat": lambda: sk.recall_score(LABELS == "cat", GUESSES == "cat", pos_label=False),
    "base_rate@dog": (LABELS == "dog").mean,
    "predicted_rate@dog": (GUESSES == "dog").mean,
}


@pytest.fixture(scope="module")
def of_multiclass() -> MulticlassOutcome:
    """Give the outcome of 2,000 rows with four classes and their probabilities."""
    return multiclass(LABELS, scores=dict(zip(CLASSES, PROBABILITIES.T, strict=True)))


@pytest.mark.parametrize("name", MULTICLASS)
def test_multiclass_metrics_equal_sklearn(name: str, of_multiclass: MulticlassOutcome) -> None:
    assert get(name).compute(of_multiclass).value == pytest.approx(MULTICLASS[name](), rel=1e-9)


@pytest.mark.parametrize("average", ["macro", "weighted", "micro"])
@pytest.mark.parametrize("name", SCORERS)
def test_averages_over_classes_equal_sklearn(name: str, average: str, of_multiclass: MulticlassOutcome) -> None:
    found = get(f"{name}_{average}").compute(of_multiclass)
    assert found.value == pytest.approx(SCORERS[name](LABELS, GUESSES, average=average), rel=1e-9)


@pytest.mark.parametrize("which", CLASSES)
@pytest.mark.parametrize("name", SCORERS)
def test_metrics_of_one_class_equal_sklearn(name: str, which: str, of_multiclass: MulticlassOutcome) -> None:
    expected = SCORERS[name](LABELS, GUESSES, labels=[which], average=None)[0]
    assert get(f"{name}@{which}").compute(of_multiclass).value == pytest.approx(expected, rel=1e-9)


def test_one_against_rest_auc_is_sklearns_within_its_error(of_multiclass: MulticlassOutcome) -> None:
    expected = sk.roc_auc_score(LABELS, PROBABILITIES, multi_class="ovr", average="macro")
    found = get("roc_auc_macro").compute(of_multiclass)
    assert found.value is not None
    assert found.error is not None
    assert abs(found.value - expected) <= found.error < 2e-3
    of_cat = get("roc_auc@cat").compute(of_multiclass).value
    assert of_cat == pytest.approx(sk.roc_auc_score(LABELS == "cat", PROBABILITIES[:, 2]), abs=2e-3)


TRUTH = RNG.gamma(2, 10, N)
ESTIMATE = TRUTH + RNG.normal(1, 5, N)
REGRESSION: dict[str, Callable[[], Any]] = {
    "mae": lambda: sk.mean_absolute_error(TRUTH, ESTIMATE),
    "rmse": lambda: sk.root_mean_squared_error(TRUTH, ESTIMATE),
    "mape": lambda: sk.mean_absolute_percentage_error(TRUTH, ESTIMATE),
    "bias": (ESTIMATE - TRUTH).mean,
    "r2": lambda: sk.r2_score(TRUTH, ESTIMATE),
}


@pytest.fixture(scope="module")
def of_regression() -> RegressionOutcome:
    """Give the outcome of 2,000 numeric predictions."""
    return regression(TRUTH, ESTIMATE)


@pytest.mark.parametrize("name", REGRESSION)
def test_regression_metrics_equal_sklearn(name: str, of_regression: RegressionOutcome) -> None:
    assert get(name).compute(of_regression).value == pytest.approx(REGRESSION[name](), rel=1e-9)


ITEMS = np.array([f"item{i}" for i in range(8)])
ORDERS = np.array([RNG.permutation(8) for _ in range(50)])
RELEVANT = RNG.random((50, 8)) < 0.3
RELEVANT[~RELEVANT.any(axis=1), 0] = True


@pytest.fixture(scope="module")
def of_ranking() -> RankingOutcome:
    """Give the outcome of 50 full rankings of eight items, some of them relevant."""
    relevant = [ITEMS[row].tolist() for row in RELEVANT]
    found = ranking(relevant, [ITEMS[order].tolist() for order in ORDERS], k=8)
    assert isinstance(found, RankingOutcome)
    return found


def test_ranking_metrics_equal_sklearn(of_ranking: RankingOutcome) -> None:
    """Expected: ndcg_score, and per list label_ranking_average_precision_score, where the whole list is shown."""
    scores = np.empty((50, 8))
    np.put_along_axis(scores, ORDERS, np.broadcast_to(-np.arange(8.0), (50, 8)), axis=1)
    assert get("ndcg").compute(of_ranking).value == pytest.approx(sk.ndcg_score(RELEVANT, scores))
    expected = sk.label_ranking_average_precision_score(RELEVANT, scores)
    assert get("map").compute(of_ranking).value == pytest.approx(expected)
    first = np.take_along_axis(RELEVANT, ORDERS, axis=1).argmax(axis=1) + 1
    assert get("mrr").compute(of_ranking).value == pytest.approx((1 / first).mean())
    assert get("hit_rate").compute(of_ranking).value == 1.0
    assert get("popularity").compute(of_ranking).value == pytest.approx(1 / 8)
