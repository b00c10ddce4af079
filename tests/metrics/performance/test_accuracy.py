"""Accuracy with classes that the reference never had."""

from __future__ import annotations

import pytest

from retrue.metrics.performance.accuracy import accuracy
from retrue.metrics.performance.arrays import multiclass


def test_new_classes_count_as_wrong_and_the_error_says_how_many_may_be_right() -> None:
    """Label `new` with prediction `newer` or `new`: the outcome keeps one count for both."""
    found = accuracy(multiclass(["a", "b", "new", "new"], ["a", "a", "new", "b"], classes=["a", "b"]))
    assert found.value == 0.25
    assert found.error == 0.25
    assert found.note == "1 row with a class that the reference never had, in label and prediction"


def test_rows_without_a_prediction_are_not_counted() -> None:
    found = accuracy(multiclass(["a", "b", "b"], ["a", None, "a"]))
    assert found.value == pytest.approx(0.5)
