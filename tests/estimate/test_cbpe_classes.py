"""CBPE of several classes from profiles: what the predicted class's score says, and what it can't."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import polars as pl
import pytest

from retrue.core.outcome import MulticlassOutcome
from retrue.core.outcome_grid import MulticlassGrid, score_cuts
from retrue.core.state import Floats
from retrue.errors import ProfileError
from retrue.estimate.cbpe import cbpe
from retrue.metrics import get
from retrue.metrics.performance.arrays import multiclass

CLASSES = ("a", "b", "c")
SCORES = {name: f"p_{name}" for name in CLASSES}


def chances(n: int, seed: int, first: float = 1.0) -> Floats:
    """P of each class: a Dirichlet draw, sharper or leaning to class a."""
    return np.asarray(np.random.default_rng(seed).dirichlet([first, 0.6, 0.6], n))


GRID = MulticlassGrid("y", None, SCORES, CLASSES, score_cuts(chances(2_000, 0).ravel()))


def frame(p: Floats, seed: int = 1) -> pl.DataFrame:
    y = (np.random.default_rng(seed).random(len(p))[:, None] > np.cumsum(p, axis=1)).sum(axis=1).clip(0, 2)
    scores = {column: p[:, k] for k, column in enumerate(SCORES.values())}
    return pl.DataFrame({**scores, "y": np.array(CLASSES)[y]})


def outcome(p: Floats, seed: int = 1, *, labels: bool = True) -> MulticlassOutcome:
    made = frame(p, seed)
    return GRID.count(made if labels else made.drop("y"))


REFERENCE = outcome(chances(30_000, 2))


def test_with_calibrated_scores_the_closed_form_comes_out() -> None:
    """Accuracy is E max p; precision of a class is E[p_k | it is predicted], recall E[p_k, predicted] / E p_k."""
    p = chances(8_000, 3, first=2.0)
    found = cbpe(outcome(p, labels=False), REFERENCE)
    best = p.argmax(axis=1)
    hits = np.array([p[best == k, k].sum() for k in range(3)])
    assert found["accuracy"].value == pytest.approx(float(p.max(axis=1).mean()), abs=0.01)
    precision = hits / np.bincount(best, minlength=3)
    assert found["precision_macro"].value == pytest.approx(float(precision.mean()), abs=0.015)
    assert cbpe(outcome(p), REFERENCE, ["precision@b"])["precision@b"].value == pytest.approx(precision[1], abs=0.03)
    f1 = 2 * hits / (np.bincount(best, minlength=3) + p.sum(axis=0))
    assert found["f1_macro"].value == pytest.approx(float(f1.mean()), abs=0.02)
    assert found.rows == 8_000


def test_what_needs_the_other_scores_is_not_told() -> None:
    found = cbpe(outcome(chances(500, 4), labels=False), REFERENCE)
    for name in ("roc_auc_macro", "log_loss"):
        assert found[name].value is None
        assert "the score of the predicted class only: needs rows" in str(found[name].note)
    told = {name: m for name, m in found.metrics.items() if m.value is not None}
    assert {"accuracy", "f1_macro", "recall_macro"} <= set(told)
    for name, m in told.items():
        assert m.value is not None
        assert m.interval is not None, name
        assert m.interval[0] <= m.value <= m.interval[1], name


def test_the_windows_own_labels_are_not_looked_at_and_windows_add_up() -> None:
    a, b = (chances(2_000, seed) for seed in (5, 6))
    both = cbpe(outcome(a, labels=False) + outcome(b), REFERENCE)
    whole = cbpe(outcome(np.concatenate([a, b]), labels=False), REFERENCE)
    assert both.metrics == whole.metrics
    assert both["accuracy"].value is not None


@pytest.mark.slow
def test_the_interval_holds_what_the_labels_say() -> None:
    """40 windows of four references: at least 87 % (binomial bound at 1 in 1,000 for 95 %)."""
    held = 0
    for seed in range(4):
        reference = outcome(chances(3_000, 100 + seed), 200 + seed)
        for i in range(10):
            window = outcome(chances(600, 1_000 + 10 * seed + i, 0.5 + i / 5), 5_000 + 10 * seed + i)
            said = cbpe(window, reference, ["accuracy", "f1_macro"])
            for name in ("accuracy", "f1_macro"):
                interval, value = said[name].interval, get(name).compute(window).value
                assert interval is not None
                assert value is not None
                held += interval[0] <= value <= interval[1]
    assert held >= 69


def test_a_class_that_the_reference_never_predicted_is_unlike_anything() -> None:
    made = frame(chances(3_000, 7))
    never = GRID.count(made.filter(pl.max_horizontal("p_a", "p_b", "p_c") > pl.col("p_c")))
    window = outcome(chances(500, 8), labels=False)
    assert "lie where the reference has no rows" in str(cbpe(window, never).refused)


@pytest.mark.parametrize(
    ("window", "reason"),
    [
        (GRID.count(frame(chances(5, 9)).drop("y")), "the window has 5 rows with a score for the predicted class"),
        (GRID.count(frame(chances(5, 9)).head(0)), "the window has no rows"),
        (GRID.count(pl.DataFrame({"y": ["a", "b"]})), "none of the 2 rows has a score for its predicted class"),
        (
            replace(outcome(chances(500, 9)), chosen=None),
            "the window's profile doesn't hold the predicted class's score",
        ),
    ],
)
def test_bad_windows_have_a_reason(window: MulticlassOutcome, reason: str) -> None:
    found = cbpe(window, REFERENCE)
    assert reason in str(found.refused)
    assert all(m.value is None and m.note for m in found.metrics.values())


def test_bad_references_have_a_reason() -> None:
    window = outcome(chances(500, 10), labels=False)
    few = outcome(chances(50, 11))
    assert "the reference has 50 rows with a label and a score" in str(cbpe(window, few).refused)
    older = replace(REFERENCE, chosen=None)
    assert "the reference's profile doesn't hold" in str(cbpe(window, older).refused)
    even = GRID.count(frame(np.tile([0.6, 0.3, 0.1], (500, 1))))
    assert "all scores of the reference lie in one bin" in str(cbpe(window, even).refused)
    with pytest.raises(ProfileError, match="different grids"):
        cbpe(window, multiclass(["a", "b"], ["a", "b"]))
