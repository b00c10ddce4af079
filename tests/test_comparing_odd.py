"""Compare where labels haven't come, and where columns are of any type or name: nothing costs the rest."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import numpy as np
import polars as pl
import pytest

import retrue as rt
from retrue.comparing import make_reference
from retrue.judge.verdict import VerdictKind


def test_what_is_estimated_without_labels_is_what_labels_say() -> None:
    """The same rows with and without their labels; where a score means what it meant, the interval holds the truth."""
    rng = np.random.default_rng(0)

    def events(rows: int, shift: float) -> pl.DataFrame:
        x = rng.normal(shift, 1, rows)
        p = 1 / (1 + np.exp(-2 * x))
        return pl.DataFrame({"x": x, "p": p, "y": (rng.random(rows) < p).astype(int)})

    reference, window = events(8_000, 0.0), events(4_000, 0.7)
    known = rt.compare(reference, window, label="y", score="p")
    guessed = rt.compare(reference, window.drop("y"), label="y", score="p")
    assert known.estimated == {}
    assert guessed.performance == {}
    for name in ("accuracy", "roc_auc", "precision", "recall", "log_loss"):
        low, high = guessed.estimated[name].window.interval or (0, 0)
        assert low <= (known.performance[name].window.value or -1) <= high, name
        assert guessed.estimated[name].reference == known.performance[name].reference
    assert "Estimated performance, without labels" in guessed.to_html()


def test_several_classes_are_estimated_from_the_predicted_class_s_score() -> None:
    rng = np.random.default_rng(3)

    def events(rows: int, lean: float) -> pl.DataFrame:
        p = rng.dirichlet([lean, 0.7, 0.7], rows)
        y = (rng.random(rows)[:, None] > np.cumsum(p, axis=1)).sum(axis=1).clip(0, 2)
        scores = {f"p_{name}": p[:, k] for k, name in enumerate("abc")}
        return pl.DataFrame({**scores, "y": np.array(["a", "b", "c"])[y]})

    reference, window = events(6_000, 0.7), events(2_000, 2.0)
    score = {name: f"p_{name}" for name in "abc"}
    known = rt.compare(reference, window, label="y", score=score)
    guessed = rt.compare(reference, window.drop("y"), label="y", score=score)
    for name in ("accuracy", "f1_macro", "recall_macro"):
        low, high = guessed.estimated[name].window.interval or (0, 0)
        assert low <= (known.performance[name].window.value or -1) <= high, name
    assert "no labels: performance is estimated" in str(guessed)


def numbers(rows: int, low: float, seed: int) -> pl.DataFrame:
    """The larger x, the more the prediction misses: by 1 + 3 x on average."""
    rng = np.random.default_rng(seed)
    x = rng.uniform(low, 1, rows)
    f = rng.normal(50, 10, rows)
    return pl.DataFrame({"x": x, "f": f, "y": f + (1 + 3 * x) * rng.laplace(0, 1, rows)})


def test_a_regression_is_estimated_from_rows() -> None:
    """E|e| = 1 + 3 x: 2.5 in the reference, 3.25 in the window (by integration). A stored reference has no rows."""
    reference, window = numbers(4_000, 0.0, 5), numbers(12_000, 0.5, 6)
    found = rt.compare(reference, window.drop("y"), label="y", prediction="f")
    low, high = found.estimated["mae"].window.interval or (0, 0)
    assert low < 3.25 < high
    assert high - low < 0.6
    assert found.estimated["mae"].reference.value == pytest.approx(2.5, abs=0.1)
    assert "cross-fitted on 4,000 reference rows" in found.estimate_notes[0]
    assert found.estimate_notes[1].startswith("From 10,000 of 12,000 rows; right as long as")
    assert "no labels: performance is estimated" in str(found)
    assert rt.compare(reference, window, label="y", prediction="f").estimate_notes == ()
    stored = make_reference(reference, label="y", prediction="f")
    assert "a stored reference holds no rows to learn from" in rt.compare(stored, window.drop("y")).estimate_notes[0]


def test_where_nothing_can_be_estimated_the_report_says_why() -> None:
    """A window of twelve rows."""
    p = np.linspace(0.05, 0.95, 1_000)
    reference = pl.DataFrame({"p": p, "y": (np.random.default_rng(0).random(1_000) < p).astype(int)})
    found = rt.compare(reference, reference.head(12).drop("y"), label="y", score="p")
    assert found.estimated == {}
    assert found.estimate_notes == (
        "Performance can't be estimated without labels: the window has 12 rows with a score, needs 30",
    )
    assert "needs 30" in str(found)


NUMBERS = [i % 17 / 3 for i in range(600)]


@pytest.mark.parametrize(
    "odd",
    [
        pl.Series([["a"], ["b", "c"]] * 300),
        pl.Series([[1], [2, 3]] * 300),
        pl.Series([[]] * 600, dtype=pl.List(pl.Float64)),
        pl.Series([[1.0]] * 600),
        pl.Series([[1.0], [2.0, 3.0]] * 300),
        pl.Series([{"a": 1, "b": "x"}] * 600),
        pl.Series([b"ab", b"c"] * 300),
        pl.Series([timedelta(days=1)] * 600),
        pl.Series([timedelta(days=1), None] * 300),
    ],
    ids=lambda series: f"{series.dtype}",
)
def test_a_column_of_any_type_costs_the_rest_nothing(odd: pl.Series) -> None:
    """What can't be profiled is left out; what was text and is something else now is out of true, or missing."""
    table = pl.DataFrame({"x": NUMBERS, "odd": odd})
    report = rt.compare(table, table)
    assert report.columns["x"].verdict.kind is VerdictKind.TRUE
    assert report.exit_status == 0
    for other in (["some text of several words"] * 600, ["a", "b"] * 300, NUMBERS):
        for pair in (
            (table, table.with_columns(odd=pl.Series(other))),
            (table.with_columns(odd=pl.Series(other)), table),
        ):
            assert rt.compare(*pair).columns["x"].verdict.kind is VerdictKind.TRUE


def test_a_column_without_a_name_is_a_column() -> None:
    """As pandas writes its index."""
    table = pl.DataFrame({"": range(600), "x": NUMBERS, "y": [0, 1] * 300})
    assert rt.compare(table, table).exit_status == 0
    assert rt.compare(table, table, label="y", score="x").columns["x"].verdict.kind is VerdictKind.TRUE


def test_a_column_goes_before_a_projection_of_its_name() -> None:
    """`x.words` is measured, not the words of `x`."""
    texts = [f"some longer text number {i} with words" for i in range(600)]
    before = pl.DataFrame({"x": texts, "x.words": NUMBERS})
    after = before.with_columns(x=pl.Series([text * 9 for text in texts]))
    report = rt.compare(before, after)
    assert report.columns["x.words"].verdict.kind is VerdictKind.TRUE
    assert report.columns["x.characters"].verdict.kind is not VerdictKind.TRUE


def test_a_reference_of_five_rows_calls_no_model_degraded() -> None:
    """Its accuracy of 1 is five rows' luck: the columns say so, and so must performance."""
    rng = np.random.default_rng(3)
    score = rng.random(5_000)
    window = pl.DataFrame({"p": score, "y": (rng.random(5_000) < score).astype(int)})
    reference = pl.DataFrame({"p": [0.1, 0.2, 0.3, 0.8, 0.9], "y": [0, 0, 0, 1, 1]})
    found = rt.compare(reference, window, label="y", score="p")
    assert not found.alarms
    assert any(v.metric == "accuracy" and "needs 50" in v.reason for v in found.verdicts)


def turned(rows: int, share: float, seed: int) -> pl.DataFrame:
    """In hard rows the score tells nothing, though it looks as sure as elsewhere; `share` of the rows are hard."""
    rng = np.random.default_rng(seed)
    hard, p = rng.random(rows) < share, rng.random(rows)
    chance = np.where(hard, 0.5, p)
    return pl.DataFrame({"where": np.where(hard, "hard", "easy"), "p": p, "y": (rng.random(rows) < chance).astype(int)})


ROLES: dict[str, Any] = {"label": "y", "score": "p", "features": ["where"]}


def test_a_classifier_is_estimated_from_rows_and_a_worse_estimate_is_degraded() -> None:
    """The scores' distribution stays, so that score bins say nothing happened; features tell that hard rows came."""
    reference, window = turned(5_000, 0.1, 1), turned(2_000, 0.9, 2)
    found, known = rt.compare(reference, window.drop("y"), **ROLES), rt.compare(reference, window, **ROLES)
    real = known.performance["accuracy"].window.value or 0
    assert found.estimated["accuracy"].window.value == pytest.approx(real, abs=0.04)
    alarms = {one.metric: one.kind for one in found.alarms}
    assert alarms["estimated_accuracy"] is VerdictKind.DEGRADED
    assert found.exit_status == 1
    assert "estimated ROC AUC 0.5" in repr(found)
    assert "below the reference" in repr(found)
    from_bins = rt.compare(make_reference(reference, **ROLES), window.drop("y"))
    assert from_bins.estimated["accuracy"].window.value == pytest.approx(0.73, abs=0.03)
    assert from_bins.estimate_notes == ("From the scores: right as long as what a score means stays as it was.",)


def test_score_bins_tell_nothing_where_many_rows_of_a_feature_are_broken() -> None:
    reference, window = turned(4_000, 0.1, 3), turned(2_000, 0.1, 4).drop("y")
    stored = make_reference(reference, **ROLES)
    empty = pl.int_range(pl.len()) % 10
    few, found = (
        rt.compare(stored, window.with_columns(where=pl.when(empty >= share).then("where"))) for share in (1, 4)
    )
    assert few.estimated
    assert not found.estimated
    (note,) = found.estimate_notes
    assert "40 % of the rows are broken in 'where'" in note
    assert "estimated_roc_auc" in [one.metric for one in found.verdicts if one.kind is VerdictKind.NOT_COMPARABLE]
