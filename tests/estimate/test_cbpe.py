"""CBPE from profiles: any window's performance from score bins alone."""

from __future__ import annotations

import numpy as np
import polars as pl
import pytest

from retrue.core.outcome import BinaryOutcome
from retrue.core.outcome_grid import BinaryGrid, score_cuts
from retrue.core.state import Floats
from retrue.errors import ProfileError
from retrue.estimate.cbpe import cbpe, threshold_of
from retrue.estimate.record import Matured
from retrue.metrics import get
from retrue.metrics.performance.arrays import binary, multiclass, regression

GRID = BinaryGrid("y", "s", None, "1", score_cuts(np.random.default_rng(0).random(5_000)), "0")


def outcome(scores: Floats, seed: int = 1, *, labels: bool = True) -> BinaryOutcome:
    """The outcome of calibrated scores."""
    rng = np.random.default_rng(seed)
    y = (rng.random(scores.size) < scores).astype(int)
    frame = pl.DataFrame({"s": scores, "y": y})
    return GRID.count(frame if labels else frame.drop("y"))


def uniform(n: int, seed: int) -> Floats:
    return np.random.default_rng(seed).random(n)


REFERENCE = outcome(uniform(40_000, 2))


def test_with_calibrated_scores_the_closed_form_comes_out() -> None:
    """E max(p, 1 - p), and AUC = E[p (1 - q) [p > q]] / (E p E(1 - q)), over the window's own scores."""
    p = np.random.default_rng(3).beta(2, 3, 4_000)
    found = cbpe(outcome(p, labels=False), REFERENCE)
    assert found["accuracy"].value == pytest.approx(float(np.maximum(p, 1 - p).mean()), abs=0.01)
    ordered = np.sort(p)
    below = np.cumsum(1 - ordered) - (1 - ordered)
    area = float((ordered * below).sum() / (ordered.sum() * (1 - ordered).sum()))
    assert found["roc_auc"].value == pytest.approx(area, abs=0.01)
    assert found["brier"].value == pytest.approx(float((p * (1 - p)).mean()), abs=0.005)
    assert found.rows == 4_000
    assert found.refused is None


def test_the_windows_own_labels_are_not_looked_at() -> None:
    p = uniform(3_000, 4)
    with_labels, without = cbpe(outcome(p), REFERENCE), cbpe(outcome(p, labels=False), REFERENCE)
    for name, said in with_labels.metrics.items():
        assert said.value == pytest.approx(without[name].value), name
        assert said.interval == pytest.approx(without[name].interval), name


def test_windows_add_up() -> None:
    a, b = (outcome(uniform(2_000, seed), labels=False) for seed in (5, 6))
    both = cbpe(a + b, REFERENCE)
    values = [cbpe(part, REFERENCE)["accuracy"].value for part in (a, b)]
    assert both["accuracy"].value == pytest.approx(np.mean([v for v in values if v is not None]), abs=1e-4)


@pytest.mark.slow
@pytest.mark.parametrize("name", ["accuracy", "roc_auc", "f1", "log_loss", "brier", "average_precision"])
def test_the_interval_holds_what_the_labels_say(name: str) -> None:
    """95 % or more of 100 windows of 1,000 rows, over 20 references of 3,000: binomial bound at 1 in 1,000."""
    held = 0
    for seed in range(20):
        reference = outcome(uniform(3_000, 100 + seed), 200 + seed)
        for i in range(5):
            window = outcome(uniform(1_000, 1_000 + 10 * seed + i), 5_000 + 10 * seed + i)
            said, real = cbpe(window, reference, [name])[name], get(name).compute(window).value
            assert said.interval is not None
            assert real is not None
            held += said.interval[0] <= real <= said.interval[1]
    assert held >= 87


def test_a_smaller_reference_gives_a_wider_interval() -> None:
    window = outcome(uniform(20_000, 7))

    def width(n: int) -> float:
        interval = cbpe(window, outcome(uniform(n, 8)))["roc_auc"].interval
        assert interval is not None
        return interval[1] - interval[0]

    assert width(300) > 2 * width(30_000)


def test_predictions_by_another_threshold_are_found_out() -> None:
    """The reference's own predictions were score >= 0.3."""
    rng = np.random.default_rng(9)
    scores = rng.random(5_000)
    labels = (rng.random(5_000) < scores).astype(int)
    reference = binary(labels, scores=scores, predictions=(scores >= 0.3).astype(int))
    assert threshold_of(reference) == pytest.approx(0.3)
    real = float(np.where(scores >= 0.3, scores, 1 - scores).mean())
    assert cbpe(reference, reference)["accuracy"].value == pytest.approx(real, abs=0.02)


def test_predictions_that_are_no_cut_of_the_score_leave_the_confusion_matrix_open() -> None:
    rng = np.random.default_rng(10)
    scores = rng.random(2_000)
    labels, other = (rng.random(2_000) < scores).astype(int), rng.integers(0, 2, 2_000)
    reference = binary(labels, scores=scores, predictions=other)
    found = cbpe(reference, reference)
    assert found["accuracy"].value is None
    assert "can't be estimated" in str(found["accuracy"].note)
    assert found["roc_auc"].value is not None


def reference_of(n: int, positives: int) -> BinaryOutcome:
    rng = np.random.default_rng(11)
    frame = pl.DataFrame({"s": rng.random(n), "y": np.arange(n) < positives}).with_columns(pl.col("y").cast(int))
    return GRID.count(frame)


@pytest.mark.parametrize(
    ("window", "reference", "reason"),
    [
        (outcome(np.zeros(0)), REFERENCE, "the window has no rows"),
        (outcome(np.full(50, np.nan)), REFERENCE, "none of the 50 rows has a score"),
        (outcome(uniform(5, 12)), REFERENCE, "the window has 5 rows with a score, needs 30"),
        (outcome(uniform(900, 12) * 100, labels=False), REFERENCE, "lie where the reference has no rows"),
        (outcome(uniform(900, 12)), reference_of(150, 75), "the reference has 150 rows with a label and a score"),
        (outcome(uniform(900, 12)), reference_of(900, 0), "the reference has 0 positive labels, needs 20"),
        (outcome(uniform(900, 12)), reference_of(900, 890), "the reference has 10 negative labels, needs 20"),
        (outcome(uniform(900, 12)), outcome(np.full(900, 0.5)), "all scores of the reference lie in one bin"),
    ],
)
def test_bad_input_has_a_reason(window: BinaryOutcome, reference: BinaryOutcome, reason: str) -> None:
    found = cbpe(window, reference)
    assert reason in str(found.refused)
    assert all(m.value is None and m.note for m in found.metrics.values())


def test_other_tasks_and_predictions_without_scores_have_a_reason() -> None:
    told = multiclass(["a", "b", "c"] * 100, ["a", "b", "c"] * 100)
    assert "none of the 300 rows has a score for its predicted class" in str(cbpe(told, told).refused)
    numbers = regression([1.0, 2.0], [1.0, 3.0])
    assert "the profiles of a regression hold nothing of rows without a label" in str(cbpe(numbers, numbers).refused)


def test_another_grid_is_refused() -> None:
    with pytest.raises(ProfileError, match="different grids"):
        cbpe(binary([0, 1], scores=[0.1, 0.777]), REFERENCE)


def test_moved_base_rates_widen_the_interval() -> None:
    """Twice as many positives, each looking as before: P(y | score) moves, the interval holds that."""
    rng = np.random.default_rng(13)

    def rows(n: int, rate: float) -> BinaryOutcome:
        y = (rng.random(n) < rate).astype(int)
        scores = 1 / (1 + np.exp(-rng.normal(2.0 * y - 1, 1)))
        return GRID.count(pl.DataFrame({"s": scores, "y": y}))

    reference, window = rows(20_000, 0.3), rows(5_000, 0.6)
    found, real = cbpe(window, reference, ["base_rate", "precision"]), get("precision").compute(window).value
    assert "base rate had gone from 30" in found.warnings[0]
    for name, truth in (("base_rate", 0.6), ("precision", real)):
        interval = found[name].interval
        assert interval is not None
        assert truth is not None
        assert interval[0] - 0.02 <= truth <= interval[1] + 0.02


def test_past_labels_widen_and_then_forbid() -> None:
    """As `Estimator.estimate` does it: the record is made of the same pairs."""
    scores = uniform(1_000, 9)
    window = outcome(scores)
    said = cbpe(window, REFERENCE, ["accuracy"])
    off = GRID.count(pl.DataFrame({"s": scores, "y": (scores < 0.5).astype(int)}))
    turned = Matured(said, off)
    assert cbpe(window, REFERENCE, ["accuracy"], past=[Matured(said, window)]).stretched["accuracy"] < 2
    wider = cbpe(window, REFERENCE, ["accuracy"], past=[turned])
    assert wider.stretched["accuracy"] > 4
    assert wider["accuracy"].value == said["accuracy"].value
    silent = cbpe(window, REFERENCE, ["accuracy"], past=[turned] * 3)
    assert (silent["accuracy"].value, silent.withheld["accuracy"].value) == (None, said["accuracy"].value)
