"""What predictions are worth: validated, and the same from TOML and JSON."""

from __future__ import annotations

from typing import Any

import polars as pl
import pytest

from retrue.comparing import compare
from retrue.config import parse
from retrue.errors import SchemaError
from retrue.schema import Schema
from retrue.schema.worth import worth_of

TABLE = {"x": [1.0, 2.5] * 10, "y": [0, 1] * 10, "p": [0.2, 0.9] * 10}
PETS = {"x": [1.0, 2.5] * 10, "y": ["cat", "dog"] * 10, "said": ["cat", "cow"] * 10}


def of(value_matrix: Any) -> Schema:
    """A binary schema with this value matrix."""
    return Schema.infer(TABLE, label="y", score="p", value_matrix=value_matrix)


def test_it_survives_json_and_toml() -> None:
    binary = of({"tp": 100, "fp": -5.5})
    pets = Schema.infer(PETS, label="y", prediction="said", task="multiclass", value_matrix={"cat": {"dog": -1.5}})
    for one in (binary, pets):
        assert Schema.from_json(one.to_json()).value_matrix == one.value_matrix
        assert Schema.from_toml(one.to_toml()).value_matrix == one.value_matrix


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"tp": 1, "fq": 2}, "'fq' in value_matrix: expected tn, fp, fn, tp"),
        ({"tp": "much"}, "tp is worth 'much'"),
        ({"tp": float("nan")}, "expected a finite number"),
        ({"tp": True}, "tp is worth True"),
        ({"tp": 0}, "everything is worth 0"),
        ({}, "expected a table such as"),
        ([1, 2], "expected a table such as"),
    ],
)
def test_what_does_not_fit_is_an_error(given: Any, said: str) -> None:
    with pytest.raises(SchemaError, match=said):
        of(given)


def test_labels_of_a_multiclass_matrix_must_be_classes() -> None:
    with pytest.raises(SchemaError, match=r"'cats'.*did you mean 'cat'"):
        Schema.infer(PETS, label="y", prediction="said", task="multiclass", value_matrix={"cats": {"dog": 1}})
    with pytest.raises(SchemaError, match="of label 'cat'"):
        Schema.infer(PETS, label="y", prediction="said", task="multiclass", value_matrix={"cat": {"dgo": 1}})


def test_a_regression_has_none() -> None:
    with pytest.raises(SchemaError, match="a role of its own: value="):
        Schema.infer({"y": [1.5, 2.5] * 30, "p": [1.0, 2.0] * 30}, label="y", prediction="p", value_matrix={"tp": 1})


def test_it_is_read_from_the_configuration() -> None:
    config = parse(
        {"models": {"m": {"label": "y", "score": "p", "value_matrix": {"tp": 10, "fn": -2.5}, "impact": "f1"}}}
    )
    settings = config.models["m"]
    assert settings.roles()["value_matrix"] == {"tp": 10, "fn": -2.5}
    assert settings.options() == {"impact": "f1"}


def test_its_realised_value_is_the_mean_over_labelled_events() -> None:
    """By hand: half of the rows are true positives worth 100, the others true negatives worth 2."""
    report = compare(TABLE, TABLE, label="y", score="p", value_matrix={"tp": 100, "tn": 2})
    assert report.performance["value_per_event"].window.value == pytest.approx(51)


def test_a_rule_watches_it() -> None:
    rules = ["value_per_event >= 60"]
    report = compare(TABLE, TABLE, label="y", score="p", value_matrix={"tp": 100, "tn": 2}, rules=rules)
    (broken,) = [v for v in report.verdicts if v.metric == "value_per_event"]
    assert broken.alarm


def test_several_classes_are_worth_what_their_pairs_are() -> None:
    """By hand: half of the rows are cats called cats (3); dogs called cows are worth -1."""
    matrix = {"cat": {"cat": 3}, "dog": {"cow": -1}}
    roles: dict[str, Any] = {"label": "y", "prediction": "said", "task": "multiclass", "value_matrix": matrix}
    report = compare(pl.DataFrame(PETS), pl.DataFrame(PETS), **roles)
    assert report.performance["value_per_event"].window.value == pytest.approx(1)


def test_what_is_not_named_is_worth_nothing() -> None:
    assert worth_of({"fn": -1}) == [[0.0, 0.0], [-1.0, 0.0]]
