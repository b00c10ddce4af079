"""The record of matured windows: whom to believe, how far, and when not at all."""

from __future__ import annotations

import pytest

from retrue.core.outcome import BinaryOutcome
from retrue.estimate.estimate import Estimate
from retrue.estimate.record import Matured, refuted, stretch, weigh, withhold
from retrue.metrics import Measure
from retrue.metrics.performance.arrays import binary


def right(share: float) -> BinaryOutcome:
    """100 rows of which so many are predicted right."""
    hits = round(100 * share)
    return binary([1] * hits + [0] * (100 - hits), predictions=[1] * 100)


def matured(said: float, came: float, reach: float = 0.02, **experts: float) -> Matured:
    measure = Measure(said, interval=(said - reach, said + reach))
    told = {name: {"accuracy": value} for name, value in experts.items()}
    return Matured(Estimate("auto", "", 100, {"accuracy": measure}, experts=told), right(came))


def test_the_expert_that_was_right_counts_most() -> None:
    past = [matured(0.8, 0.9, good=0.9, bad=0.7)] * 4
    weights = weigh(past, "accuracy", {"good": 1.0, "bad": 1.0}, 0.01)
    assert weights["good"] == 1.0
    assert weights["bad"] < 0.01


def test_errors_that_chance_makes_tell_little() -> None:
    past = [matured(0.8, 0.80, good=0.801, bad=0.803)] * 4
    weights = weigh(past, "accuracy", {"good": 1.0, "bad": 1.0}, 0.02)
    assert weights["bad"] > 0.8


def test_without_a_record_only_priors_count() -> None:
    assert weigh([], "accuracy", {"a": 1.0, "b": 0.5}, 0.01) == {"a": 1.0, "b": 0.5}


def test_old_windows_are_forgotten() -> None:
    past = [matured(0.5, 0.9)] * 3 + [matured(0.9, 0.9)] * 6
    assert stretch(past, "accuracy") == 1.0
    assert refuted(past, "accuracy") is None


def test_intervals_that_were_too_narrow_are_stretched_by_how_much() -> None:
    """Two standard errors are 0.0204; being off by 0.04 is 3.92 of them."""
    assert stretch([matured(0.80, 0.84)] * 4, "accuracy") == pytest.approx(3.92, rel=0.01)
    assert stretch([matured(0.80, 0.80)] * 4, "accuracy") == 1.0


def test_labels_refute_estimates_that_were_far_off_three_times() -> None:
    assert refuted([matured(0.8, 0.95)] * 2, "accuracy") is None
    reason = refuted([matured(0.8, 0.95)] * 3, "accuracy")
    assert reason is not None
    assert "off by 0.15" in reason


def test_what_was_withheld_stays_refuted() -> None:
    """The record goes on with what would have been said, by the interval as it was before it was stretched."""
    first = matured(0.8, 0.95, reach=0.1)
    withheld = Estimate(
        "auto", "", 100, {"accuracy": Measure(None)},
        withheld=first.estimate.metrics, stretched={"accuracy": 5.0},
    )  # fmt: skip
    assert refuted([Matured(withheld, first.realised)] * 6, "accuracy") is not None


def test_windows_without_labels_or_estimates_are_passed_over() -> None:
    silent = Matured(Estimate("auto", "", 0, {"accuracy": Measure(None)}), right(0.9))
    unlabelled = Matured(matured(0.8, 0.9).estimate, binary([None], predictions=[1]))
    assert stretch([silent, unlabelled], "accuracy") == 1.0
    assert refuted([silent, unlabelled] * 3, "accuracy") is None


def test_refuted_metrics_are_withheld_and_all_others_stay() -> None:
    said = Estimate("auto", "", 100, {"accuracy": Measure(0.8), "f1": Measure(0.7)})
    found = withhold(said, [matured(0.8, 0.95)] * 3)
    assert found["accuracy"].value is None
    assert "labels refuted the last 3 estimates" in str(found["accuracy"].note)
    assert found.withheld == {"accuracy": Measure(0.8)}
    assert found["f1"].value == 0.7
    assert withhold(said, []) == said
