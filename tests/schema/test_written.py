"""Schemas are written as TOML and JSON and come back the same; what is no schema is refused."""

from __future__ import annotations

import json
import tomllib
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from retrue.errors import SchemaError
from retrue.schema import Column, Kind, Schema, Task
from retrue.schema.written import to_toml

TEXTS = st.text(st.characters(codec="utf-8"), max_size=20)
SEEN = st.none() | st.lists(TEXTS, max_size=2).map(tuple)
NAMES = st.lists(TEXTS, min_size=9, max_size=12, unique=True)


@st.composite
def schemas(draw: st.DrawFn) -> Schema:
    """Any schema, with any names."""
    names = draw(NAMES)
    columns = tuple(Column(name, draw(st.sampled_from(Kind)), draw(TEXTS), draw(TEXTS), draw(SEEN)) for name in names)
    score = draw(st.sampled_from([None, names[3], {names[0]: names[3], names[1]: names[4]}]))
    return Schema(
        columns,
        id=draw(st.sampled_from([None, names[0]])),
        time=draw(st.sampled_from([None, names[1]])),
        label=draw(st.sampled_from([None, names[2], "a label that comes later"])),
        score=score,
        features=tuple(draw(st.lists(st.sampled_from(names[5:]), unique=True))),
        slices=tuple(draw(st.lists(st.sampled_from(names), unique=True))),
        task=draw(st.sampled_from([None, *Task])),
        positive=draw(st.none() | TEXTS),
        classes=tuple(draw(st.lists(TEXTS, max_size=3))),
        timezone=draw(st.sampled_from(["UTC", "Europe/Berlin"])),
    )


@given(schemas())
def test_toml_and_json_and_dicts_come_back_as_they_were_written(schema: Schema) -> None:
    assert Schema.from_toml(schema.to_toml()) == schema
    assert Schema.from_json(schema.to_json()) == schema
    assert Schema.from_dict(schema.to_dict()) == schema


@given(schemas())
def test_what_is_written_is_what_other_readers_read(schema: Schema) -> None:
    """The independent readers are tomllib and json."""
    plain = {key: value for key, value in schema.to_dict().items() if value is not None}
    assert tomllib.loads(schema.to_toml()) == plain
    assert json.loads(schema.to_json()) == schema.to_dict()


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | TEXTS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXTS, inner, max_size=3),
    max_leaves=6,
)
KEYS = st.sampled_from([*Schema.infer({"x": [1]}).to_dict(), "other"])


@given(st.dictionaries(KEYS, JSON) | JSON)
def test_what_is_no_schema_is_a_schema_error_and_never_another(values: Any) -> None:
    try:
        schema = Schema.from_dict(values)
    except SchemaError:
        return
    assert Schema.from_dict(schema.to_dict()) == schema


@given(TEXTS)
def test_text_that_is_no_schema_is_a_schema_error(text: str) -> None:
    for read in (Schema.from_toml, Schema.from_json):
        with pytest.raises(SchemaError):
            read(text)


def changed(**values: Any) -> dict[str, Any]:
    """A written schema with other values."""
    return {**Schema.infer({"x": [1, 2], "y": [0, 1]}, label="y").to_dict(), **values}


@pytest.mark.parametrize(
    ("values", "message"),
    [
        (changed(lable="y"), "unknown key 'lable' in schema.*did you mean 'label'"),
        (changed(columns=[{"name": "x", "kind": "numerc"}]), "unknown kind 'numerc' in column 'x'.*'numeric'"),
        (
            changed(columns=[{"name": "x", "kind": "numeric", "type": "y"}]),
            "unknown key 'type' in a column of the schema",
        ),
        (changed(columns=[{"kind": "numeric"}]), "a column without a name"),
        (changed(columns=3), "columns are 3.*a list of columns"),
        (changed(columns=["x"]), "'x' in a column of the schema"),
        (changed(task="binery"), "unknown task 'binery'"),
        (changed(format=2), "a schema of format 2: expected at most 1. Hint: upgrade Retrue"),
        (changed(format="1"), "format '1'"),
        (changed(features="x"), "features is 'x' in schema: expected a list of texts"),
        (changed(id=5), "id is 5 in schema: expected a text"),
        (changed(score={"a": 1}), "score column is 1"),
        (changed(score="z"), "unknown column 'z' in role score"),
        (changed(timezone="Nowhere"), "unknown time zone 'Nowhere'"),
    ],
)
def test_a_wrong_entry_is_named(values: dict[str, Any], message: str) -> None:
    with pytest.raises(SchemaError, match=message):
        Schema.from_dict(values)
    with pytest.raises(SchemaError, match=message):
        Schema.from_json(json.dumps(values))


def test_dtype_and_reason_may_be_left_out_by_hand() -> None:
    schema = Schema.from_toml('format = 1\n[[columns]]\nname = "x"\nkind = "numeric"\n')
    assert schema.columns == (Column("x", Kind.NUMERIC, "", ""),)
    assert schema.timezone == "UTC"


def test_the_toml_is_made_for_people() -> None:
    assert to_toml({"format": 1, "label": None, "score": {"a b": "p"}, "columns": [{"name": 'x"\n'}]}) == (
        'format = 1\n\n[score]\n"a b" = "p"\n\n[[columns]]\nname = "x\\"\\n"\n'
    )


def test_projections_are_names_of_a_column_that_there_is() -> None:
    table = {"note": ["a b", "c d"]}
    schema = Schema.infer(table, projections={"note": ["words"]})
    assert Schema.from_toml(schema.to_toml()).column("note").projections == ("words",)
    assert schema.replace(projections={"note": []}).column("note").projections == ()
    with pytest.raises(SchemaError, match=r"unknown column 'noet' in projections.*did you mean 'note'"):
        Schema.infer(table, projections={"noet": ["words"]})
    with pytest.raises(SchemaError, match=r"projections of 'note' are 'words'.*list of names"):
        Schema.infer(table, projections={"note": "words"})
