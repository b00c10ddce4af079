"""Estimators of classifiers: right under covariate shift, careful beyond it, and never at a loss for a reason."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import polars as pl
import pytest

from retrue.core.outcome import BinaryOutcome
from retrue.core.outcome_grid import BinaryGrid
from retrue.errors import MetricError
from retrue.estimate.auto import METHODS, Classifier
from retrue.estimate.estimator import Estimator
from retrue.estimate.fitting import fit
from retrue.estimate.record import Matured
from retrue.metrics import get
from retrue.schema import Schema

Rows = Callable[..., pl.DataFrame]
NAMES = ("accuracy", "roc_auc", "f1", "base_rate", "brier")


def realised(estimator: Estimator, window: pl.DataFrame) -> BinaryOutcome:
    assert isinstance(estimator, Classifier)
    assert isinstance(estimator.learned.grid, BinaryGrid)
    return estimator.learned.grid.count(window)


def true_base_rate(window: pl.DataFrame) -> float:
    return float(window["p"].to_numpy().mean())


@pytest.mark.parametrize("method", ["auto", "pape", "m-cbpe", "outcome model", "importance"])
def test_it_follows_a_shift_inside_the_scores(estimator: Estimator, rows: Rows, method: str) -> None:
    """The group with more positives grows from 50 % to 90 %: no score moves, so CBPE sees nothing."""
    window = rows(3_000, 0.9, 5)
    truth = true_base_rate(window)
    blind = estimator.estimate(window, method="cbpe", metrics=["base_rate"])["base_rate"].value
    found = estimator.estimate(window, method=method, metrics=["base_rate"])["base_rate"]
    assert blind == pytest.approx(0.5, abs=0.02)
    assert truth == pytest.approx(0.62, abs=0.02)
    assert found.value == pytest.approx(truth, abs=0.035)
    assert found.interval is not None
    assert found.interval[0] <= truth <= found.interval[1]


@pytest.mark.slow
def test_the_interval_holds_what_the_labels_say(estimator: Estimator, rows: Rows) -> None:
    missed = 0
    for seed, share in enumerate((0.5, 0.2, 0.9)):
        window = rows(1_000, share, 20 + seed)
        said, real = estimator.estimate(window, metrics=NAMES), realised(estimator, window)
        for name in NAMES:
            interval, value = said[name].interval, get(name).compute(real).value
            assert interval is not None
            assert value is not None
            missed += not interval[0] <= value <= interval[1]
    assert missed <= 2


def test_labels_of_the_window_are_not_looked_at(estimator: Estimator, rows: Rows) -> None:
    window = rows(500, 0.5, 6)
    with_labels = estimator.estimate(window, metrics=NAMES)
    assert estimator.estimate(window.drop("y"), metrics=NAMES).metrics == with_labels.metrics
    odd = window.with_columns(y=pl.lit("maybe"))
    assert estimator.estimate(odd, metrics=NAMES).metrics == with_labels.metrics


def test_all_metrics_of_the_task_come_with_an_interval(estimator: Estimator, rows: Rows) -> None:
    found = estimator.estimate(rows(800, 0.5, 7))
    assert {"precision", "recall", "specificity", "average_precision", "log_loss"} <= set(found.metrics)
    for name, measure in found.metrics.items():
        assert measure.value is not None, name
        assert measure.interval is not None, name
        assert measure.interval[0] <= measure.value <= measure.interval[1], name
    assert "outcome model and PAPE" in found.how
    assert found.rows == 800


def test_a_metric_may_have_a_threshold(estimator: Estimator, rows: Rows) -> None:
    window = rows(2_000, 0.5, 8)
    found = estimator.estimate(window, metrics=["precision@0.7"])["precision@0.7"]
    chosen = window.filter(pl.col("s") >= 0.7)
    assert found.value == pytest.approx(float(chosen["p"].to_numpy().mean()), abs=0.05)


def odd_windows(window: pl.DataFrame) -> dict[str, pl.DataFrame]:
    return {
        "the window has no rows": window.head(0),
        "none of the 400 rows has a score in 's'": window.drop("s"),
        "the window has 1 row with a score, needs 30": window.head(1),
        "all scores of the window are 0.5": window.with_columns(s=pl.lit(0.5)),
        "100 % of 400 rows lie where the reference has no rows": window.with_columns(group=pl.lit("unheard of")),
        "100 % of 400 rows lie where": window.with_columns(s=pl.col("s") * 100),
    }


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("case", range(6))
def test_bad_windows_have_a_reason(estimator: Estimator, rows: Rows, method: str, case: int) -> None:
    reason, window = list(odd_windows(rows(400, 0.5, 9)).items())[case]
    found = estimator.estimate(window, method=method, metrics=NAMES)
    assert reason in str(found.refused)
    assert all(m.value is None and m.note for m in found.metrics.values())


@pytest.mark.parametrize(
    "change",
    [
        {"x": pl.lit(None, dtype=pl.Float64)},
        {"x": pl.lit(float("inf"))},
        {"x": pl.lit("text")},
        {"group": pl.lit(None, dtype=pl.String)},
        {"s": pl.when(pl.col("x") > 0.5).then(pl.col("s"))},
        {"s": pl.lit("text")},
    ],
)
def test_odd_columns_never_crash_and_never_give_nan(estimator: Estimator, rows: Rows, change: dict[str, Any]) -> None:
    found = estimator.estimate(rows(400, 0.5, 10).with_columns(**change), metrics=NAMES)
    for measure in found.metrics.values():
        ends = [measure.value, *(measure.interval or ())]
        assert all(end is None or np.isfinite(end) for end in ends)
        assert measure.value is not None or measure.note


def test_rows_without_a_score_are_told(estimator: Estimator, rows: Rows) -> None:
    window = rows(400, 0.5, 11).with_row_index("i")
    some = window.with_columns(s=pl.when(pl.col("i") % 4 > 0).then(pl.col("s")))
    found = estimator.estimate(some, metrics=NAMES)
    assert "100 of 400 rows have no score and are left out" in found.warnings
    assert found.rows == 300


@pytest.mark.slow
def test_some_rows_beyond_the_reference_widen_the_interval(estimator: Estimator, rows: Rows) -> None:
    """5 % of rows are of a group never seen: accuracy may be 5 points better or worse."""
    window = rows(1_000, 0.5, 12).with_row_index("i")
    some = window.with_columns(group=pl.when(pl.col("i") < 50).then(pl.lit("new")).otherwise("group"))
    plain, wide = (estimator.estimate(w, metrics=["accuracy"])["accuracy"].interval for w in (window, some))
    assert plain is not None
    assert wide is not None
    assert wide[1] - wide[0] >= plain[1] - plain[0] - 1e-9
    assert wide[1] - wide[0] >= 0.05
    assert "5 % of 1,000 rows lie where" in estimator.estimate(some, metrics=["accuracy"]).warnings[0]


def odd_references(reference: pl.DataFrame) -> dict[str, pl.DataFrame]:
    return {
        "the reference has 50 rows with a label and a score in 's', needs 200": reference.head(50),
        "the reference has 0 labels of '0', needs 20": reference.with_columns(y=pl.lit(1)),
        "all scores of the reference are 0.3": reference.with_columns(s=pl.lit(0.3)),
        "the reference has 0 rows with a label": reference.drop("y"),
        "the reference has 0 rows with a label and": reference.with_columns(y=pl.lit("what")),
    }


@pytest.mark.parametrize("case", range(5))
def test_bad_references_have_a_reason(schema: Schema, rows: Rows, case: int) -> None:
    reason, reference = list(odd_references(rows(600, 0.5, 13)).items())[case]
    found = fit(reference, schema).estimate(rows(300, 0.5, 14))
    assert reason in str(found.refused)
    assert found["accuracy"].note == f"can't be estimated: {found.refused}"


def test_tasks_without_an_estimator_say_so(rows: Rows) -> None:
    frame = rows(300, 0.5, 15).with_columns(shown=pl.lit(["a", "b"]))
    ranking = Schema.infer(frame, label="y", prediction="shown", task="ranking")
    assert "no estimator for a ranking" in str(fit(frame, ranking).estimate(frame).refused)
    assert "neither a score nor a prediction" in str(fit(frame, Schema.infer(frame)).estimate(frame).refused)


def test_a_reference_too_small_for_trees_still_calibrates(schema: Schema, rows: Rows) -> None:
    found = fit(rows(300, 0.5, 16), schema).estimate(rows(300, 0.5, 17), metrics=["accuracy"])["accuracy"]
    assert found.interval is not None
    assert found.interval[1] - found.interval[0] > 0.08


def test_an_unknown_method_or_metric_is_told(estimator: Estimator, rows: Rows) -> None:
    with pytest.raises(MetricError, match="did you mean 'pape'"):
        estimator.estimate(rows(50, 0.5, 18), method="papes")
    with pytest.raises(MetricError, match="unknown metric"):
        estimator.estimate(rows(50, 0.5, 18), metrics=["nonsense"])


@pytest.mark.slow
def test_labels_that_refute_it_silence_it(estimator: Estimator, rows: Rows) -> None:
    """The labels turn round: three matured windows in which everything predicted was wrong."""
    past = []
    for seed in range(3):
        window = rows(500, 0.5, 40 + seed)
        turned = window.with_columns(y=1 - pl.col("y"))
        past.append(Matured(estimator.estimate(window, metrics=["accuracy"]), realised(estimator, turned)))
    window = rows(500, 0.5, 50)
    one = estimator.estimate(window, metrics=["accuracy"], past=past[:1])
    assert "should have been" in one.warnings[0]
    assert one["accuracy"].value is not None
    all_three = estimator.estimate(window, metrics=["accuracy"], past=past)
    assert all_three["accuracy"].value is None
    assert "labels refuted the last 3 estimates" in str(all_three["accuracy"].note)
    assert all_three.withheld["accuracy"].value is not None


@pytest.mark.slow
def test_a_record_of_good_estimates_changes_little(estimator: Estimator, rows: Rows) -> None:
    past = []
    for seed in range(3):
        window = rows(500, 0.5, 60 + seed)
        past.append(Matured(estimator.estimate(window, metrics=["accuracy"]), realised(estimator, window)))
    window = rows(500, 0.5, 70)
    found, before = (estimator.estimate(window, metrics=["accuracy"], past=p) for p in (past, []))
    assert found["accuracy"].value == pytest.approx(before["accuracy"].value, abs=0.02)
    assert "experts weighed by their errors" in found.how


CLASSES = ("a", "b", "c")


def several(n: int, share: float, seed: int) -> pl.DataFrame:
    """Three classes whose scores are right on average, while `u`, which they don't know, moves the odds of class a."""
    rng = np.random.default_rng(seed)
    z, u = rng.normal(0, 1, (n, 3)), (rng.random(n) < share).astype(float)
    moved = z + np.outer(1.5 * (u - 0.5), [1, 0, 0])
    p = np.exp(moved) / np.exp(moved).sum(axis=1, keepdims=True)
    s = np.exp(z) / np.exp(z).sum(axis=1, keepdims=True)
    y = (rng.random(n)[:, None] > np.cumsum(p, axis=1)).sum(axis=1).clip(0, 2)
    columns: dict[str, Any] = {f"p_{name}": s[:, k] for k, name in enumerate(CLASSES)}
    features: dict[str, Any] = {f"z{k}": z[:, k] for k in range(3)}
    labels = np.array(CLASSES)[y]
    return pl.DataFrame({**features, "u": np.where(u == 1, "yes", "no"), **columns, "y": labels, "truth": p[:, 0]})


@pytest.fixture(scope="module")
def classes() -> Estimator:
    frame = several(2_000, 0.5, 1)
    schema = Schema.infer(
        frame, label="y", score={name: f"p_{name}" for name in CLASSES}, features=["z0", "z1", "z2", "u"]
    )
    return fit(frame, schema)


@pytest.mark.slow
def test_several_classes_are_estimated_together(classes: Estimator) -> None:
    window = several(2_000, 0.9, 2)
    assert isinstance(classes, Classifier)
    said, real = classes.estimate(window), classes.learned.grid.count(window)
    assert {"accuracy", "f1_macro", "roc_auc_macro", "log_loss"} <= set(said.metrics)
    for name in ("accuracy", "f1_macro", "roc_auc_macro", "log_loss"):
        interval, value = said[name].interval, get(name).compute(real).value
        assert interval is not None
        assert value is not None
        assert interval[0] - 0.02 <= value <= interval[1] + 0.02, name
    asked = classes.estimate(window, metrics=["base_rate@a"])["base_rate@a"].value
    assert asked == pytest.approx(float(window["truth"].to_numpy().mean()), abs=0.04)


def test_a_class_without_a_score_is_told() -> None:
    frame = several(400, 0.5, 3)
    schema = Schema.infer(frame.drop("p_c"), label="y", score={"a": "p_a", "b": "p_b"}, task="multiclass")
    found = fit(frame, schema).estimate(frame)
    assert "a score for class 'c': the schema names none" in str(found.refused)
