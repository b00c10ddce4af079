"""A metric's name may carry a parameter after `@`."""

from __future__ import annotations

import pytest

from retrue.errors import MetricError
from retrue.metrics import get, registered
from retrue.metrics.performance.arrays import binary, multiclass
from retrue.schema import Task


def test_a_parameter_is_a_threshold_of_a_binary_score() -> None:
    outcome = binary([0, 0, 1, 1], scores=[0.1, 0.35, 0.4, 0.9])
    assert get("precision").compute(outcome).value == 1.0
    assert get("precision@0.3").compute(outcome).value == 2 / 3


def test_a_parameter_is_a_class_of_several() -> None:
    outcome = multiclass(["cat", "cat", "a@b"], ["cat", "a@b", "a@b"])
    assert get("recall@cat").compute(outcome).value == 0.5
    assert get("recall@a@b").compute(outcome).value == 1.0


def test_a_metric_with_a_parameter_knows_its_name_and_tasks() -> None:
    metric = get("recall@cat")
    assert metric.name == "recall@cat"
    assert metric.tasks == (Task.BINARY, Task.MULTICLASS)
    assert metric.description.endswith("(at cat)")
    assert metric not in registered()


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("precison@0.3", "did you mean 'precision'"),
        ("mae@0.3", "unknown metric 'mae@0.3': expected no parameter"),
        ("ndcg@5", "expected no parameter"),
        ("accuracy@", "expected accuracy@threshold"),
        ("f1@", "expected f1@threshold or f1@class"),
    ],
)
def test_a_name_that_makes_no_sense_is_an_error_that_helps(name: str, said: str) -> None:
    with pytest.raises(MetricError, match=said):
        get(name)
