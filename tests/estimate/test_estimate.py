"""What an estimate says, and what labels make of it."""

from __future__ import annotations

import json
import math

import pytest

from retrue.errors import MetricError
from retrue.estimate.estimate import Estimate, concept_drift, metric_names, refuse
from retrue.metrics import Measure, get
from retrue.metrics.performance.arrays import binary
from retrue.schema import Task

SAID = Estimate("cbpe", "how", 100, {"accuracy": Measure(0.8, interval=(0.75, 0.84)), "f1": Measure(None, note="why")})


def test_it_reads_like_a_mapping_and_prints_plain_values() -> None:
    assert SAID["accuracy"].value == 0.8
    plain = json.loads(json.dumps(SAID.to_dict()))
    assert plain["metrics"]["accuracy"]["interval"] == [0.75, 0.84]
    assert plain["metrics"]["f1"] == {"value": None, "reference": None, "error": None, "interval": None, "note": "why"}


def test_it_comes_back_from_plain_values_as_it_was() -> None:
    whole = Estimate(
        "auto", "how", 7, SAID.metrics, ("careful",), None, {"pape": {"accuracy": 0.8}}, SAID.metrics, {"accuracy": 2.0}
    )
    assert Estimate.from_dict(json.loads(json.dumps(whole.to_dict()))) == whole
    refused = refuse("cbpe", "no rows", ["f1"])
    assert Estimate.from_dict(refused.to_dict()) == refused


def test_an_unknown_metric_names_the_nearest() -> None:
    with pytest.raises(MetricError, match="did you mean 'accuracy'"):
        SAID["acuracy"]


def test_every_metric_of_the_confusion_matrix_and_of_the_score_can_be_asked_for() -> None:
    wanted = {
        "accuracy",
        "precision",
        "recall",
        "specificity",
        "f1",
        "roc_auc",
        "average_precision",
        "log_loss",
        "brier",
    }
    assert wanted <= set(metric_names(Task.BINARY))
    assert {"accuracy", "f1_macro", "roc_auc_macro", "log_loss"} <= set(metric_names(Task.MULTICLASS))


def test_concept_drift_is_what_lies_outside_the_interval() -> None:
    """Accuracy 0.70 was realised, 0.75 to 0.84 estimated: between 0.14 and 0.05 were lost to concept drift."""
    came = binary([1] * 70 + [0] * 30, predictions=[1] * 100)
    drift = concept_drift(SAID, came)["accuracy"]
    assert drift.value == pytest.approx(-0.1)
    assert drift.interval == pytest.approx((-0.14, -0.05))
    inside = concept_drift(SAID, binary([1] * 82 + [0] * 18, predictions=[1] * 100))["accuracy"].interval
    assert inside is not None
    assert inside[0] < 0 < inside[1]


def test_concept_drift_has_a_reason_where_it_cannot_be_told() -> None:
    unlabelled = concept_drift(SAID, binary([None] * 5, predictions=[1] * 5))
    assert unlabelled["accuracy"].value is None
    assert "no labels" in str(unlabelled["accuracy"].note)
    assert unlabelled["f1"].note == "why"


def test_a_refusal_says_why_for_every_metric() -> None:
    said = refuse("auto", "no rows", ["accuracy", "f1"])
    assert said.refused == "no rows"
    assert {m.note for m in said.metrics.values()} == {"can't be estimated: no rows"}


def test_labels_of_some_rows_leave_open_what_chance_says_of_the_others() -> None:
    """By the finite population correction: half of the labels known adds half of their variance."""
    said = Estimate("cbpe", "", 800, {"accuracy": Measure(0.8, interval=(0.78, 0.82))})
    whole = binary([1] * 600 + [0] * 200, predictions=[1] * 800)
    half = binary([1] * 300 + [0] * 100 + [None] * 400, predictions=[1] * 800)
    (low, high), (lower, higher) = (concept_drift(said, o)["accuracy"].interval or (0, 0) for o in (whole, half))
    assert (low, high) == pytest.approx((-0.07, -0.03))
    own = get("accuracy").compute(half).interval
    assert own is not None
    assert lower == pytest.approx(-0.05 - math.hypot(0.02, 0.5**0.5 * (0.75 - own[0])))
    assert higher == pytest.approx(-0.05 + math.hypot(0.02, 0.5**0.5 * (own[1] - 0.75)))
