"""A model is degraded where it is worse by more than chance, habit and the floor together explain."""

import numpy as np
import pytest

from retrue.judge.performance import Past, judge_metric, judge_performance
from retrue.judge.settings import Settings
from retrue.judge.verdict import VerdictKind
from retrue.metrics import Measure


def around(value: float, reach: float) -> Measure:
    return Measure(value, interval=(value - reach, value + reach))


def test_a_worse_model_is_degraded_and_the_sentence_says_by_how_much() -> None:
    verdict = judge_metric("accuracy", around(0.764, 0.008), around(0.827, 0.003), 5_000, 1e-3)
    assert (verdict.kind, verdict.alarm, verdict.metric) == (VerdictKind.DEGRADED, True, "accuracy")
    assert verdict.reason.startswith(
        "accuracy 0.764 (0.756 to 0.772), reference 0.827: worse by 0.063 (0.054 to 0.072)"
    )
    assert verdict.threshold is not None
    assert 0.764 < verdict.threshold < 0.827


@pytest.mark.parametrize(
    ("window", "why"),
    [
        (around(0.80, 0.05), "overlapping intervals"),
        (around(0.822, 0.001), "below the floor of one point"),
        (around(0.9, 0.01), "better"),
        (around(0.827, 0.01), "the same"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_otherwise_it_is_true(window: Measure, why: str) -> None:
    assert judge_metric("accuracy", window, around(0.827, 0.001), 5_000, 1e-3).kind is VerdictKind.TRUE, why


def test_errors_are_worse_when_they_are_higher_by_a_share_of_the_reference() -> None:
    worse = judge_metric("mae", around(110.0, 2.0), around(100.0, 1.0), 5_000, 1e-3)
    assert worse.kind is VerdictKind.DEGRADED
    assert worse.threshold is not None
    assert worse.threshold > 100
    assert judge_metric("mae", around(104.0, 0.1), around(100.0, 0.1), 5_000, 1e-3).kind is VerdictKind.TRUE
    assert judge_metric("mae", around(90.0, 2.0), around(100.0, 1.0), 5_000, 1e-3).kind is VerdictKind.TRUE


def test_a_model_whose_quality_comes_and_goes_needs_more_to_alarm() -> None:
    past = Past(np.random.default_rng(1).normal(0.83, 0.03, size=60), np.full(60, 0.004))
    window, reference = around(0.764, 0.008), around(0.827, 0.003)
    assert judge_metric("accuracy", window, reference, 5_000, 1e-3, past=past).kind is VerdictKind.TRUE


def test_few_labels_or_no_value_are_not_comparable() -> None:
    few = judge_metric("roc_auc", around(0.5, 0.1), around(0.8, 0.01), 12, 1e-3)
    assert (few.kind, few.reason) == (VerdictKind.NOT_COMPARABLE, "12 rows with labels, needs 50")
    one = judge_metric("roc_auc", Measure(None, note="one class only"), around(0.8, 0.01), 500, 1e-3)
    assert one.reason == "one class only"
    base = judge_metric("roc_auc", around(0.8, 0.01), Measure(None, note="one class only"), 500, 1e-3)
    assert base.reason == "the reference: one class only"


def test_a_reference_of_few_labels_is_nothing_to_judge_by() -> None:
    few = judge_metric("accuracy", around(0.677, 0.01), around(1.0, 0.3), 5_000, 1e-3, labelled_before=5)
    assert (few.kind, few.alarms) == (VerdictKind.NOT_COMPARABLE, False)
    assert few.reason == "the reference has 5 rows with labels, needs 50"


def test_only_metrics_with_a_better_direction_that_both_sides_have_are_judged() -> None:
    window = {"accuracy": around(0.8, 0.01), "base_rate": around(0.2, 0.01), "roc_auc": around(0.8, 0.01)}
    reference = {"accuracy": around(0.8, 0.01), "base_rate": around(0.9, 0.01)}
    verdicts = judge_performance(window, reference, 900, Settings(), span_of=("a", "b"), slice="origin = 'JFK'")
    assert [(v.metric, v.window, v.slice) for v in verdicts] == [("accuracy", ("a", "b"), "origin = 'JFK'")]


def test_without_intervals_the_floor_alone_decides() -> None:
    assert judge_metric("accuracy", Measure(0.8), Measure(0.82), 900, 1e-3).kind is VerdictKind.DEGRADED


def test_a_reason_calls_metrics_as_tables_do() -> None:
    assert judge_metric("mae", around(104.0, 0.1), around(100.0, 0.1), 5_000, 1e-3).reason.startswith("MAE 104")
    assert judge_metric("roc_auc", around(0.7, 0.01), around(0.7, 0.01), 5_000, 1e-3).reason.startswith("ROC AUC 0.7")


def test_what_the_counts_may_be_off_by_is_no_degradation() -> None:
    """Percentages where the reference has shares: all scores share the last bin, and the area is off by up to 0.5."""
    blurred = Measure(0.50, interval=(0.49, 0.51), error=0.5)
    verdict = judge_metric("roc_auc", blurred, around(0.73, 0.01), 5_000, 1e-3)
    assert (verdict.kind, verdict.reason) == (
        VerdictKind.NOT_COMPARABLE,
        "ROC AUC can't be told: it may be off by 0.500, for many scores share a bin",
    )
    sharp = Measure(0.50, interval=(0.49, 0.51), error=0.001)
    assert judge_metric("roc_auc", sharp, around(0.73, 0.01), 5_000, 1e-3).kind is VerdictKind.DEGRADED
