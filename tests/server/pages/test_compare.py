"""Comparisons by what the models themselves say: versions, times, slices, models; refused where they predict apart."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import polars as pl
import pytest
from sklearn.metrics import f1_score, log_loss
from tests.server.conftest import START, loans

import retrue as rt
from retrue.errors import SchemaError
from retrue.server.pages.compare import compared, part_of, told, weighed
from retrue.server.pages.differing import Weighed
from retrue.server.pages.sides import Side, side_of

ROWS = 1_200
WORDS = {0: "yes", 1: "zero"}
"""Labels of which the lesser one is positive: a guess from the values alone would turn them round."""
KINDS = ("low", "mid", "top")


def answered(first: int, *, wrong: int) -> pl.DataFrame:
    """Make loans that say `yes` or `zero`; the prediction is wrong in one of `wrong` rows, whatever the region."""
    made = loans(first, ROWS)
    truth = pl.col("y").replace_strict(WORDS, return_dtype=pl.String)
    fault = pl.int_range(pl.len()) % wrong == 0
    turned = pl.when(truth == "yes").then(pl.lit("zero")).otherwise(pl.lit("yes"))
    said = pl.when(fault).then(turned).otherwise(truth)
    return made.with_columns(truth.alias("y"), said.alias("said")).drop("p")


def sorted_into(first: int, *, sure: float) -> pl.DataFrame:
    """Make loans of three classes with a probability each; `sure` is that of the true one."""
    made = loans(first, ROWS).drop("p").with_columns(pl.Series("y", [KINDS[n % 3] for n in range(ROWS)]))
    shares = [pl.when(pl.col("y") == kind).then(sure).otherwise((1 - sure) / 2).alias(f"p_{kind}") for kind in KINDS]
    return made.with_columns(*shares)


def live(model: rt.Model, version: str, rows: pl.DataFrame) -> None:
    """Log predictions of a version, and their labels."""
    model.log(rows.drop("y"), version=version, at=START + timedelta(days=2))
    model.label(rows.select("id", "y"), at=START + timedelta(days=2))


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Iterator[rt.Workspace]:
    """A store: `first` got worse in its second half and has two versions, `second` is better, the others differ."""
    roles: dict[str, Any] = {"id": "id", "time": "at", "window": "1h", "estimate": "off"}
    with rt.open(tmp_path_factory.mktemp("compared") / "store") as opened:
        model = opened.register(
            "first", answered(-ROWS, wrong=10), label="y", prediction="said", positive="yes", **roles
        )
        live(model, "1", answered(0, wrong=20)[: ROWS // 2].vstack(answered(0, wrong=3)[ROWS // 2 :]))
        live(model, "2", answered(ROWS, wrong=3))
        opened.register("second", answered(-ROWS, wrong=40), label="y", prediction="said", positive="yes", **roles)
        opened.register("turned", answered(-ROWS, wrong=40), label="y", prediction="said", positive="zero", **roles)
        named = answered(-ROWS, wrong=40).rename({"y": "truth"})
        opened.register("named", named, label="truth", prediction="said", positive="yes", **roles)
        counted = loans(-ROWS, ROWS).with_columns(pl.col("income").alias("y"), (pl.col("income") + 1.5).alias("said"))
        opened.register("counted", counted.drop("p"), label="y", prediction="said", task="regression", **roles)
        scores = {kind: f"p_{kind}" for kind in KINDS}
        opened.register("sorted", sorted_into(-ROWS, sure=0.8), label="y", score=scores, **roles)
        opened.register("surer", sorted_into(-ROWS, sure=0.9), label="y", score=scores, **roles)
        four = sorted_into(-ROWS, sure=0.9).with_columns(p_new=pl.lit(0.0))
        opened.register("wider", four, label="y", score={**scores, "new": "p_new"}, **roles)
        yield opened


def sides(store: rt.Workspace, a: str, b: str) -> tuple[Side, Side]:
    """Both sides as the page reads them."""
    found = []
    for text in (a, b):
        name, part = part_of(text, "a")
        found.append(side_of(store.model(name), part, text))
    return found[0], found[1]


def of_two(store: rt.Workspace, a: str, b: str) -> Weighed:
    """The comparison of two sides."""
    return weighed(*sides(store, a, b))


@pytest.mark.parametrize(
    ("kind", "a", "b", "change"),
    [
        ("versions", "first@1 ..2026-01-05T10:00", "first@2", "worse"),
        ("times", "first@1 ..2026-01-05T10:00", "first@1 2026-01-05T10:00..", "worse"),
        ("slices", "first@1 where at < '2026-01-05T10:00'", "first@1 where at >= '2026-01-05T10:00'", "worse"),
        ("models", "first@1 reference", "second reference", "better"),
    ],
)
def test_which_is_better_is_told_by_the_positive_class_of_the_model(
    store: rt.Workspace, kind: str, a: str, b: str, change: str
) -> None:
    """Of versions, times, slices and models; the F1 of either side is scikit-learn's of the class called positive."""
    found = of_two(store, a, b)
    assert found.trouble is None, kind
    assert found.lines[0][3].change == change
    first, second = sides(store, a, b)
    report = told(first.model.schema, first.frame, second.frame, "f1")
    assert report is not None
    for measure, side in ((report.reference, first), (report.window, second)):
        assert measure.value == pytest.approx(f1_score(side.frame["y"], side.frame["said"], pos_label="yes"))


def test_scores_of_several_classes_are_compared(store: rt.Workspace) -> None:
    """By scikit-learn's log loss, which needs the score of each class."""
    first, second = sides(store, "sorted reference", "surer reference")
    report = told(first.model.schema, first.frame, second.frame, "log_loss")
    assert report is not None
    for measure, side in ((report.reference, first), (report.window, second)):
        scores = side.frame.select(f"p_{kind}" for kind in KINDS).to_numpy()
        assert measure.value == pytest.approx(log_loss(side.frame["y"], scores, labels=list(KINDS)), rel=1e-2)
    assert next(compared(first, second))[3].change in {"better", "same"}


@pytest.mark.parametrize(
    ("b", "says"),
    [
        ("turned reference", "the positive class differs, 'yes' on side first@1 reference, 'zero' on side"),
        ("named reference", "the label differs, 'y' on side first@1 reference, 'truth' on side named reference"),
        ("counted reference", "the task differs, 'binary' on side first@1 reference, 'regression' on side"),
    ],
)
def test_models_that_predict_something_else_are_refused_in_words(store: rt.Workspace, b: str, says: str) -> None:
    """Neither is called better; how their features differ is told all the same."""
    found = of_two(store, "first@1 reference", b)
    assert isinstance(found.trouble, SchemaError)
    assert says in found.trouble.what
    assert found.trouble.expected
    assert found.trouble.hint
    assert not found.lines
    assert found.features


def test_models_with_other_classes_are_refused(store: rt.Workspace) -> None:
    """One class more is another question."""
    found = of_two(store, "sorted reference", "wider reference")
    assert isinstance(found.trouble, SchemaError)
    assert "the classes differ" in found.trouble.what
    assert "'new'" in found.trouble.what
