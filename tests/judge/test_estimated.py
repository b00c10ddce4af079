"""Estimates and concept drift are judged like labelled performance: chance, habit, floor; and by their own doubt."""

from __future__ import annotations

import numpy as np
import polars as pl
import pytest

from retrue.core.outcome import BinaryOutcome
from retrue.core.outcome_grid import BinaryGrid
from retrue.estimate.cbpe import cbpe
from retrue.estimate.estimate import Estimate, concept_drift, refuse
from retrue.estimate.shift import LabelShift
from retrue.judge.estimated import judge_concept_drift, judge_estimate, judge_label_shift
from retrue.judge.measured import measure_outcome
from retrue.judge.performance import Past
from retrue.judge.settings import Settings
from retrue.judge.verdict import Verdict, VerdictKind
from retrue.metrics import Measure

REFERENCE = {"accuracy": Measure(0.8, interval=(0.79, 0.81)), "mae": Measure(2.0, interval=(1.95, 2.05))}
SETTINGS = Settings(estimated=True)
GRID = BinaryGrid("y", "p", None, "1", np.linspace(0, 1, 101))


def said(name: str, value: float, low: float, high: float, rows: int = 5_000) -> Estimate:
    """An estimate of one metric."""
    return Estimate("auto", "a blend", rows, {name: Measure(value, interval=(low, high))}, ("some are new",))


def judged(estimate: Estimate, past: dict[str, Past] | None = None) -> Verdict:
    """The one verdict on it."""
    (verdict,) = judge_estimate(estimate, REFERENCE, 6_000, list(estimate.metrics), SETTINGS, 20, past)
    return verdict


def test_an_estimate_that_is_surely_worse_is_degraded_and_says_how_it_was_made() -> None:
    verdict = judged(said("accuracy", 0.7, 0.68, 0.72))
    assert (verdict.kind, verdict.metric, verdict.n) == (VerdictKind.DEGRADED, "estimated_accuracy", 5_000)
    assert verdict.reason.startswith(
        "estimated accuracy 0.700 (0.680 to 0.720), reference 0.800: worse by 0.100, more than"
    )
    assert verdict.reason.endswith("that chance explains; without labels: a blend; some are new")


@pytest.mark.parametrize("value", [0.79, 0.8, 0.9])
def test_what_chance_or_the_better_side_explains_is_in_true(value: float) -> None:
    assert judged(said("accuracy", value, value - 0.01, value + 0.01)).kind is VerdictKind.TRUE


def test_an_error_is_worse_where_it_is_greater() -> None:
    assert judged(said("mae", 3.0, 2.9, 3.1)).kind is VerdictKind.DEGRADED
    assert judged(said("mae", 1.0, 0.9, 1.1)).kind is VerdictKind.TRUE


def test_an_estimate_that_doubts_itself_does_not_alarm() -> None:
    """It may be off by one standard error, (0.95 - 0.7) / 1.96, which is more than the 0.1 that it is worse."""
    verdict = judged(said("accuracy", 0.7, 0.4, 0.95))
    assert (verdict.kind, verdict.alarms) == (VerdictKind.TRUE, False)
    assert "that the estimate may be off by" in verdict.reason


def test_only_the_side_towards_the_reference_counts() -> None:
    """That it may be worse still is no doubt."""
    assert judged(said("accuracy", 0.7, 0.1, 0.72)).kind is VerdictKind.DEGRADED


def test_few_rows_need_more() -> None:
    """What labels of 60 rows would show by chance is 10 points at this level."""
    assert judged(said("accuracy", 0.7, 0.68, 0.72, rows=60)).kind is VerdictKind.TRUE
    few = judged(said("accuracy", 0.7, 0.68, 0.72, rows=40))
    assert (few.kind, few.reason) == (VerdictKind.NOT_COMPARABLE, "40 rows with a score, needs 50")


def test_what_the_metric_wanders_by_itself_is_no_degradation() -> None:
    rng = np.random.default_rng(1)
    past = {"accuracy": Past(rng.normal(0.8, 0.05, 30), np.full(30, 0.005))}
    verdict = judged(said("accuracy", 0.7, 0.68, 0.72), past)
    assert verdict.kind is VerdictKind.TRUE
    assert "its own variation" in verdict.reason


def test_a_refusal_is_told_once() -> None:
    refused = refuse("auto", "no scores", ["accuracy", "mae"])
    verdicts = judge_estimate(refused, REFERENCE, 6_000, ["accuracy", "mae"], SETTINGS, 20)
    assert [(v.kind.value, v.metric, v.reason) for v in verdicts] == [
        ("not_comparable", "estimated_accuracy", "can't be estimated: no scores")
    ]


def test_a_reference_of_few_labels_is_nothing_to_judge_an_estimate_by() -> None:
    (few,) = judge_estimate(said("accuracy", 0.6, 0.58, 0.62), REFERENCE, 5, ["accuracy"], SETTINGS, 20)
    assert (few.kind, few.alarms) == (VerdictKind.NOT_COMPARABLE, False)
    assert few.reason == "the reference has 5 rows with labels, needs 50"


def test_a_metric_that_cannot_be_told_says_why() -> None:
    estimate = Estimate("auto", "", 500, {"accuracy": Measure(None, note="can't be estimated: labels refuted it")})
    assert judged(estimate).reason == "can't be estimated: labels refuted it"


# --- concept drift ----------------------------------------------------------------------------------------------------


def drifted(value: float, reach: float, name: str = "accuracy", past: Past | None = None) -> Verdict:
    """The verdict on realised - estimated."""
    drift = {name: Measure(value, reference=0.8, interval=(value - reach, value + reach))}
    habits = None if past is None else {name: past}
    (verdict,) = judge_concept_drift(drift, [name], "inputs", 500, SETTINGS, 20, habits)
    return verdict


def test_realised_far_below_the_estimate_is_concept_drift() -> None:
    verdict = drifted(-0.2, 0.05)
    assert (verdict.kind, verdict.metric, verdict.value) == (VerdictKind.DEGRADED, "concept_drift_accuracy", -0.2)
    assert verdict.reason.startswith(
        "concept drift in accuracy −0.200 (−0.250 to −0.150): labels say 0.600, the inputs"
    )
    assert verdict.threshold is not None
    assert -0.2 < verdict.threshold < 0


def test_better_than_estimated_is_no_alarm() -> None:
    assert drifted(0.2, 0.05).kind is VerdictKind.TRUE
    assert drifted(-0.2, 0.05, "mae").kind is VerdictKind.TRUE
    assert drifted(0.2, 0.05, "mae").kind is VerdictKind.DEGRADED


def test_how_far_they_are_apart_in_good_windows_is_no_drift() -> None:
    rng = np.random.default_rng(2)
    assert drifted(-0.1, 0.02, past=Past(rng.normal(0, 0.05, 30), np.full(30, 0.005))).kind is VerdictKind.TRUE


def test_a_moved_base_rate_is_a_notice_and_one_that_stayed_is_nothing() -> None:
    moved = LabelShift(0.31, (0.28, 0.34), 0.2, 1e-9, 0.5)
    (verdict,) = judge_label_shift(moved, 900)
    assert (verdict.notice, verdict.value) == (True, 0.31)
    assert verdict.reason == "the scores moved as they would if the base rate had gone from 20 % to 31 % (28 % to 34 %)"
    assert judge_label_shift(LabelShift(0.2, (0.18, 0.22), 0.2, 0.9, 0.5), 900) == []
    assert judge_label_shift(None, 900) == []


@pytest.mark.slow
def test_calm_windows_stay_within_the_budget() -> None:
    """No drift, 20 columns, 600 days: one alarm in 30 days over 46 tests a day, of which these are four."""
    rng = np.random.default_rng()

    def outcome(n: int) -> BinaryOutcome:
        scores = rng.beta(2, 3, n).round(3)
        return GRID.count(pl.DataFrame({"y": (rng.random(n) < scores).astype(int), "p": scores}))

    reference = outcome(10_000)
    own, tests, alarms, days = measure_outcome(reference), 46, 0, 600
    names = ("roc_auc", "accuracy")
    for day in range(days):
        window = outcome((100, 1_000, 10_000)[day % 3])
        estimate = cbpe(window, reference, names)
        drift = concept_drift(estimate, window)
        verdicts = judge_estimate(estimate, own, 10_000, names, SETTINGS, tests)
        verdicts += judge_concept_drift(drift, names, "scores", 1_000, SETTINGS, tests)
        alarms += sum(verdict.alarms for verdict in verdicts)
    expected = days / 30 * 4 / 46
    assert alarms <= expected + 4 * expected**0.5 + 1
