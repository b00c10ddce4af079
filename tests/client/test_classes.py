"""Answers that name their classes, as the scores that a model has of them."""

from __future__ import annotations

from typing import Any

import pytest
from tests.adapters.capture.shapes import event, read, vertex_row, without_time

import retrue as rt

AUTOML = {"classes": ["no", "yes"], "scores": [0.2, 0.8]}
"""https://docs.cloud.google.com/gemini-enterprise-agent-platform/reference/rest/Shared.Types/"""


def labelled(*labels: Any, **options: Any) -> rt.Schema:
    """A model whose labels are these, of one feature."""
    table = {"x": [1.0 * n for n in range(len(labels))], "y": list(labels), **options.pop("scores", {})}
    return rt.Schema.infer(rt.read_table(table), label="y", **options)


def test_scores_of_named_classes_are_the_model_s_scores_of_them() -> None:
    one = [vertex_row([{"x": 1.5}], [AUTOML])]
    assert without_time(read(one, "vertex")) == [
        {"id": "77", "version": "12", "x": 1.5, "output_no": 0.2, "output_yes": 0.8}
    ]
    half = {"p": [0.5, 0.5]}
    for labels in (("no", "yes"), (0, 1)):  # called so, or meaning the same
        (row,) = read(one, "vertex", schema=labelled(*labels, score="p", scores=half, task="binary"))
        assert {name: value for name, value in row.items() if name in "xp"} == {"x": 1.5, "p": 0.8}
        assert not [name for name in row if name.startswith("output")]
    three = labelled(
        "a", "b", "c", score={"c": "pc", "a": "pa", "b": "pb"}, scores=dict.fromkeys(("pa", "pb", "pc"), [0.3] * 3)
    )
    told = {"predictions": {"scores": [0.1, 0.2, 0.3, 0.4], "labels": ["b", "new", "c", "a"]}}
    (row,) = read([event("request", {"instances": [{"x": 1.5}]}), event("response", told)], "kserve", schema=three)
    assert [row[name] for name in ("pa", "pb", "pc", "output_new")] == [0.4, 0.1, 0.3, 0.2]


def test_of_several_rows_named_classes_are_each_row_s_own() -> None:
    two = [vertex_row([{"x": 1.5}, {"x": 2.5}], [AUTOML, {**AUTOML, "scores": [0.7, 0.3]}])]
    assert [row["output_yes"] for row in read(two, "vertex")] == [0.8, 0.3]
    call = [event("request", {"instances": [{"x": 1}, {"x": 2}]}), event("response", {**AUTOML, "scores": [0.9, 0.7]})]
    assert [(row["classes"], row["scores"]) for row in read(call, "kserve")] == [("no", 0.9), ("yes", 0.7)]


def test_classes_that_a_model_does_not_have_are_told_and_can_be_named() -> None:
    pets = [vertex_row([{"x": 1.5}], [{"classes": ["cat", "dog"], "scores": [0.2, 0.8]}])]
    schema = labelled(0, 1, score="p", scores={"p": [0.5, 0.5]}, task="binary")
    with pytest.raises(
        rt.TableError, match=r"scores of the classes 'cat', 'dog'.* expected those of '0', '1'.*output_CLASS"
    ):
        read(pets, "vertex", schema=schema)
    assert read(pets, "vertex", schema=schema, columns={"output_dog": "p"})[0]["p"] == 0.8
    schema = labelled("cat", "dog", "cow", prediction="kind", scores={"kind": ["cat", "dog", "cow"]})
    assert read(pets, "vertex", schema=schema)[0]["kind"] == "dog"
