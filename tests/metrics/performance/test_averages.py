"""Averages over classes: their gradient, and what happens to classes that are rare, absent or new."""

from __future__ import annotations

import numpy as np
import pytest

from retrue.core.state import Floats
from retrue.metrics.performance.arrays import multiclass
from retrue.metrics.performance.averages import F1, PRECISION, RECALL, Kind, by_class, gradient, variance, variances
from retrue.metrics.performance.macro import f1_macro, precision_macro, recall_macro
from retrue.metrics.performance.micro import f1_micro, precision_micro, recall_micro
from retrue.metrics.performance.weighted import recall_weighted

KINDS = [PRECISION, RECALL, F1]
SHARES = np.random.default_rng(2).dirichlet(np.ones(16)).reshape(4, 4)


@pytest.mark.parametrize("kind", KINDS)
def test_the_gradient_is_that_of_finite_differences(kind: Kind) -> None:
    weights, expected = np.array([0.5, 0.3, 0.2]), np.zeros((4, 4))
    for cell in np.ndindex(4, 4):
        step = np.zeros((4, 4))
        step[cell] = 1e-6
        up, down = by_class(SHARES + step, kind), by_class(SHARES - step, kind)
        expected[cell] = (weights * (up - down)).sum() / 2e-6
    assert gradient(SHARES, kind, weights) == pytest.approx(expected, abs=1e-7)


@pytest.mark.parametrize("kind", KINDS)
def test_one_class_by_itself_varies_as_the_average_that_is_all_its_own(kind: Kind) -> None:
    expected = [variance(SHARES, gradient(SHARES, kind, weights), 50) for weights in np.eye(3)]
    assert variances(SHARES, kind, 50) == pytest.approx(np.array(expected), rel=1e-9)


def test_three_rows_of_a_class_all_found_are_not_certain() -> None:
    """The delta method alone would give an interval of no width."""
    found = recall_macro(multiclass(["a"] * 3 + ["b"] * 3, ["a"] * 3 + ["b"] * 3))
    assert found.value == 1.0
    assert found.interval is not None
    assert found.interval[0] < 0.65


def test_a_class_that_is_never_predicted_counts_as_0_and_is_named() -> None:
    found = precision_macro(multiclass(["a", "b", "b"], ["a", "a", "a"]))
    assert found.value == pytest.approx(1 / 6)
    assert found.note == "never predicted, counted as 0: b"


def test_a_class_that_is_absent_does_not_pull_the_average_down() -> None:
    found = f1_macro(multiclass(["a", "b"], ["a", "b"], classes=["a", "b", "c"]))
    assert found.value == 1.0
    assert found.note == "absent, left out: c"


def test_rows_with_a_new_label_count_against_precision_only() -> None:
    """A label that the reference never had can't be missed by a class, only be taken for one."""
    outcome = multiclass(["a", "b", "new"], ["a", "b", "b"], classes=["a", "b"])
    assert precision_macro(outcome).value == 0.75
    assert recall_macro(outcome).value == 1.0
    assert precision_micro(outcome).value == 2 / 3
    assert recall_micro(outcome).value == 1.0
    assert f1_micro(outcome).value == pytest.approx(0.8)


def test_only_new_labels_have_no_recall() -> None:
    outcome = multiclass(["new", "new"], ["a", "b"], classes=["a", "b"])
    assert recall_weighted(outcome).note == "no label is a class of the reference"
    assert recall_micro(outcome).note == "no label is a class of the reference"


def covered(kind: Kind, size: int, shares: Floats) -> float:
    """Give the part of 400 resamples whose interval holds the truth."""
    from retrue.metrics.performance.averages import average

    labels, predictions = np.indices((3, 3)).reshape(2, 9)
    names = np.array(["a", "b", "c"])
    truth = by_class(np.pad(shares, (0, 1)), kind).mean()
    hits = 0
    rng = np.random.default_rng(12)
    for _ in range(400):
        cells = np.repeat(np.arange(9), rng.multinomial(size, shares.ravel()))
        outcome = multiclass(names[labels[cells]], names[predictions[cells]], classes=names)
        interval = average(outcome, kind, weighted=False).interval
        assert interval is not None
        hits += interval[0] <= truth <= interval[1]
    return hits / 400


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("size", [60, 400])
def test_intervals_hold_the_truth(kind: Kind, size: int) -> None:
    """Close to 95 %, with a class of six rows among sixty."""
    confusion = np.array([[0.9, 0.07, 0.03], [0.2, 0.7, 0.1], [0.1, 0.3, 0.6]])
    assert covered(kind, size, np.array([0.6, 0.3, 0.1])[:, None] * confusion) >= 0.92
