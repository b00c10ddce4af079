"""The area under the ROC curve, read from score bins."""

from __future__ import annotations

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.metrics import roc_auc_score

from retrue.core.outcome import BinaryOutcome
from retrue.core.outcome_grid import BinaryGrid, score_cuts
from retrue.metrics.performance.arrays import binary, multiclass
from retrue.metrics.performance.roc_auc import area_of, roc_auc, roc_auc_macro
from retrue.metrics.performance.score_bins import score_bins


def on_other_cuts(labels: object, scores: object) -> BinaryOutcome:
    """Give the outcome on the cuts of a reference that looked different."""
    cuts = score_cuts(np.random.default_rng(1).beta(2, 8, 40))
    return BinaryGrid("y", "p", None, "1", cuts).count(pl.DataFrame({"y": labels, "p": scores}))


@given(
    rows=st.lists(st.tuples(st.booleans(), st.floats(-0.5, 1.5, width=16)), min_size=2, max_size=60).filter(
        lambda rows: len({label for label, _ in rows}) == 2
    )
)
def test_the_area_is_within_its_error_of_sklearns(rows: list[tuple[bool, float]]) -> None:
    labels, scores = zip(*rows, strict=True)
    found = roc_auc(on_other_cuts(labels, scores))
    assert found.value is not None
    assert found.error is not None
    assert abs(found.value - roc_auc_score(labels, scores)) <= found.error + 1e-12


def test_on_the_references_own_rows_the_error_is_small() -> None:
    rng = np.random.default_rng(4)
    labels = rng.integers(0, 2, 20_000)
    scores = rng.beta(1 + labels, 3)
    found = roc_auc(binary(labels, scores))
    assert found.value == pytest.approx(roc_auc_score(labels, scores), abs=1e-5)
    assert found.error is not None
    assert found.error < 1e-3


def test_ties_that_are_known_cost_no_precision() -> None:
    """A score with few values has a bin for each, and the ties between them count half, exactly."""
    rng = np.random.default_rng(5)
    labels, scores = rng.integers(0, 2, 500), rng.choice([0.1, 0.35, 0.35, 0.8], 500)
    found = roc_auc(binary(labels, scores))
    assert found.error == 0.0
    assert found.value == pytest.approx(roc_auc_score(labels, scores), abs=1e-12)


@pytest.mark.parametrize("constant", [0.5, 0.123456])
def test_a_constant_score_is_one_tie_wherever_the_cuts_lie(constant: float) -> None:
    """It has an area of a half, exactly; beside others only these may be in another order."""
    rng = np.random.default_rng(8)
    labels = rng.integers(0, 2, 900)
    found = roc_auc(on_other_cuts(labels, np.full(900, constant)))
    assert (found.value, found.error) == (0.5, 0.0)
    mixed = np.where(np.arange(900) < 450, constant, rng.uniform(0.6, 1.0, 900))
    part = roc_auc(on_other_cuts(labels, mixed))
    assert part.error is not None
    assert part.value is not None
    assert 0 < part.error < 0.05
    assert abs(part.value - roc_auc_score(labels, mixed)) <= part.error


def test_different_scores_in_one_bin_stay_a_blur() -> None:
    rng = np.random.default_rng(9)
    labels = rng.integers(0, 2, 900)
    found = roc_auc(on_other_cuts(labels, rng.uniform(20, 100, 900)))
    assert found.error == pytest.approx(0.5)


def test_the_variance_is_delongs() -> None:
    """Expected: the placement values of DeLong et al. (1988), equations 3 to 5, by their definition, pair by pair."""
    rng = np.random.default_rng(6)
    labels = rng.integers(0, 2, 80)
    scores = rng.choice([0.1, 0.2, 0.5, 0.7, 0.9], 80, p=[0.3, 0.2, 0.2, 0.2, 0.1])
    x, y = scores[labels == 1], scores[labels == 0]
    pairs = (x[:, None] > y) + 0.5 * (x[:, None] == y)
    expected = pairs.mean(axis=1).var(ddof=1) / x.size + pairs.mean(axis=0).var(ddof=1) / y.size
    area = area_of(score_bins(binary(labels, scores)))
    assert area is not None
    assert area.variance == pytest.approx(expected, rel=1e-12)


def test_a_perfect_area_of_few_rows_is_not_certain() -> None:
    found = roc_auc(binary([0, 0, 0, 1, 1, 1], scores=[0.1, 0.2, 0.3, 0.7, 0.8, 0.9]))
    assert found.value == 1.0
    assert found.interval == pytest.approx((0.4385, 1.0), abs=1e-4)


def test_one_class_has_no_area() -> None:
    assert roc_auc(binary([1, 1, 1], scores=[0.1, 0.2, 0.3])).note == "only one class among 3 labels"
    found = roc_auc_macro(multiclass(["a", "a"], scores={"a": [0.5, 0.6], "b": [0.5, 0.4]}))
    assert found.note == "only one class among 2 labels"


def test_classes_without_an_area_are_named() -> None:
    scores = {"a": [0.5, 0.6, 0.1], "b": [0.5, 0.4, 0.9]}
    found = roc_auc_macro(multiclass(["a", "a", "b"], scores=scores, classes=["a", "b", "c"]))
    assert found.value is not None
    assert found.note == "left out, one class only: c"
