"""The task, its classes and the positive class are found, explained, and can be said."""

from __future__ import annotations

from typing import Any

import polars as pl
import pytest

from retrue.errors import SchemaError
from retrue.schema import Schema, Task

N = 60


@pytest.mark.parametrize(
    ("columns", "roles", "task", "positive", "classes"),
    [
        ({"y": [True, False]}, {"label": "y"}, "binary", "true", ("false", "true")),
        ({"y": [0, 1, None]}, {"label": "y"}, "binary", "1", ("0", "1")),
        ({"y": [0.0, 1.0, float("nan")]}, {"label": "y"}, "binary", "1", ("0", "1")),
        ({"y": ["no", "yes"]}, {"label": "y"}, "binary", "yes", ("no", "yes")),
        ({"y": ["Y", "N"]}, {"label": "y"}, "binary", "Y", ("N", "Y")),
        ({"y": ["good", "bad"]}, {"label": "y"}, "binary", "good", ("bad", "good")),
        ({"y": [-1, 1]}, {"label": "y"}, "binary", "1", ("-1", "1")),
        ({"y": [5, 3]}, {"label": "y"}, "binary", "5", ("3", "5")),
        ({"y": ["good", "bad"]}, {"label": "y", "positive": "bad"}, "binary", "bad", ("good", "bad")),
        ({"y": [1, 0]}, {"label": "y", "positive": 0}, "binary", "0", ("1", "0")),
        ({"y": [0, 0]}, {"label": "y"}, "binary", "1", ("0", "1")),
        ({"y": ["no", "no"], "p": [0.1, 0.2]}, {"label": "y", "score": "p"}, "binary", "yes", ("no", "yes")),
        ({"y": ["a", "a"]}, {"label": "y"}, "binary", "a", ("not a", "a")),
        ({"y": [None, None], "p": [0.1, 0.2]}, {"label": "y", "score": "p"}, "binary", "1", ("0", "1")),
        ({"p": [0.1, 0.2]}, {"score": "p"}, "binary", "1", ("0", "1")),
        ({"y": ["a", "b", "c"]}, {"label": "y"}, "multiclass", None, ("a", "b", "c")),
        (
            {"y": ["a", "b", "c"], "g": ["a", "b", "d"]},
            {"label": "y", "prediction": "g"},
            "multiclass",
            None,
            tuple("abcd"),
        ),
        ({"y": [10, 9, 2] * N}, {"label": "y"}, "multiclass", None, ("2", "9", "10")),
        ({"y": pl.Series(["b", "a", "c"], dtype=pl.Categorical)}, {"label": "y"}, "multiclass", None, ("a", "b", "c")),
        ({"y": [1.5, 2.5, 3.5]}, {"label": "y"}, "regression", None, ()),
        ({"y": list(range(50))}, {"label": "y"}, "regression", None, ()),
        ({"y": [1, 2, 3] * N, "g": [1.5, 2.5, 3.5] * N}, {"label": "y", "prediction": "g"}, "regression", None, ()),
        ({"g": [1.5, 2.5]}, {"prediction": "g"}, "regression", None, ()),
        ({"g": ["a", "b", "c"]}, {"prediction": "g"}, "multiclass", None, ("a", "b", "c")),
        ({"g": [[1, 2], [3, 4]], "y": [[1], [5]]}, {"prediction": "g", "label": "y"}, "ranking", None, ()),
        ({"g": [["a", "b"], ["c"]], "y": ["a", "x"]}, {"prediction": "g", "label": "y"}, "ranking", None, ()),
        ({"x": [1, 2]}, {}, None, None, ()),
        ({"y": [0, 1]}, {"label": "y", "task": "regression"}, "regression", None, ()),
        ({"y": ["a", "b"]}, {"label": "y", "task": "multiclass"}, "multiclass", None, ("a", "b")),
    ],
)
def test_label_score_and_prediction_tell_the_task(
    columns: dict[str, Any], roles: dict[str, Any], task: str | None, positive: str | None, classes: tuple[str, ...]
) -> None:
    schema = Schema.infer(columns, **roles)
    assert (schema.task, schema.positive, schema.classes) == (task, positive, classes)


def test_a_score_for_each_of_two_classes_is_the_score_of_the_positive_one() -> None:
    columns = {"y": ["no", "yes"], "pn": [0.5, 0.25], "py": [0.5, 0.75]}
    schema = Schema.infer(columns, label="y", score={"no": "pn", "yes": "py"})
    assert (schema.task, schema.score, schema.positive) == (Task.BINARY, "py", "yes")


def test_a_score_for_each_class_adds_classes_that_no_label_has_yet() -> None:
    columns: dict[str, Any] = {"y": ["a", "b", "a"], "pa": [0.5] * 3, "pb": [0.25] * 3, "pc": [0.25] * 3}
    schema = Schema.infer(columns, label="y", score={"a": "pa", "b": "pb", "c": "pc"})
    assert (schema.task, schema.classes, schema.scores) == (Task.MULTICLASS, ("a", "b", "c"), ("pa", "pb", "pc"))
    assert schema.features == ()


def test_classes_too_rare_for_the_sample_are_found() -> None:
    """They are looked for in the whole table."""
    labels = ["a", "b", "c"] * 3_000 + ["rare"]
    schema = Schema.infer(pl.LazyFrame({"y": labels}), label="y", sample_rows=50)
    assert schema.classes == ("a", "b", "c", "rare")
    assert "has 3 classes" in schema.column("y").reason


@pytest.mark.parametrize(
    ("columns", "roles", "message"),
    [
        ({"y": ["a", "b", "c"], "p": [0.1, 0.2, 0.3]}, {"label": "y", "score": "p"}, "one score column and 3 classes"),
        (
            {"y": [1.5, 2.5], "p": [0.1, 0.2]},
            {"label": "y", "score": "p"},
            "a score in a regression.*expected prediction=",
        ),
        ({"y": [0, 1], "p": [0.1, 0.9]}, {"label": "y", "prediction": "p"}, "has fractions.*score='p'"),
        ({"y": ["a", "b", "c"]}, {"label": "y", "task": "binary"}, "3 classes in a binary task.*expected two"),
        ({"y": ["a", "b"]}, {"label": "y", "positive": "c"}, "unknown class positive='c': expected 'a' or 'b'"),
        ({"y": [1.5, 2.5]}, {"label": "y", "positive": "1"}, "positive='1' for regression: expected a binary task"),
        ({"x": [1]}, {"positive": "1"}, "positive='1' for no task"),
        ({"y": [f"c{i % 600}" for i in range(9_000)]}, {"label": "y"}, "600 classes in label 'y': expected <= 512"),
    ],
)
def test_what_does_not_fit_a_task_is_an_error_that_says_what_would(
    columns: dict[str, Any], roles: dict[str, Any], message: str
) -> None:
    with pytest.raises(SchemaError, match=message):
        Schema.infer(columns, **roles)


@pytest.mark.parametrize(
    ("labels", "scores", "positive"),
    [
        ([1, 2], [0.2, 0.8], "2"),
        ([1, 2], [0.8, 0.2], "1"),
        (["late", "ontime"], [0.9, 0.1], "late"),
        (["yes", "maybe"], [0.1, 0.9], "maybe"),  # `yes` alone says nothing about `maybe`
        ([0, 1], [0.9, 0.1], "1"),  # a model worse than chance doesn't turn 0 and 1 around
    ],
)
def test_the_class_with_the_higher_scores_is_positive_where_names_dont_say(
    labels: list[Any], scores: list[float], positive: str
) -> None:
    schema = Schema.infer({"y": labels * N, "p": scores * N}, label="y", score="p")
    assert schema.positive == positive
