"""The layout takes roles and lake types from the schema."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import polars as pl
import pytest

from retrue.errors import StoreError
from retrue.schema import Schema
from retrue.store.layout import Layout, lake_type, polars_type, type_named


def schema(**roles: Any) -> Schema:
    frame = pl.DataFrame(
        {
            "id": [f"k{i}" for i in range(100)],
            "t": [datetime(2013, 3, 1, tzinfo=UTC)] * 100,
            "count": [i % 40 for i in range(100)],
            "y": [0, 1] * 50,
            "flag": [True, False] * 50,
        }
    )
    return Schema.infer(frame, id="id", time="t", label="y", **roles)


def test_roles_and_types_come_from_the_schema() -> None:
    layout = Layout.of(schema(timezone="Europe/Berlin"), window=3600)
    assert (layout.roles, layout.label, layout.timezone, layout.window) == (
        ("id", "t", "_version"), "y", "Europe/Berlin", 3600,
    )  # fmt: skip
    assert layout.types["count"] == "Float64"
    assert layout.types["flag"] == "Boolean"


def test_classes_stay_integers_and_regression_targets_become_floats() -> None:
    assert Layout.of(schema(task="binary")).types["y"] == "Int64"
    assert Layout.of(schema(task="regression", kinds={"y": "numeric"})).types["y"] == "Float64"


def test_numbers_that_the_schema_does_not_know_are_floats() -> None:
    frame = pl.DataFrame({"id": [1], "t": ["2013-03-01"], "y": [1], "latency": [3], "tags": [[1]]})
    wanted = Layout(id="id", time="t", label="y").wanted(frame)
    assert (wanted["y"], wanted["latency"], wanted["tags"]) == ("Int64", "Float64", "List(Int64)")
    assert (wanted["id"], wanted["t"], wanted["_version"]) == ("String", "Datetime", "String")


def test_a_layout_survives_json() -> None:
    import json

    layout = Layout.of(schema())
    assert Layout.from_dict(json.loads(json.dumps(layout.to_dict()))) == layout


@pytest.mark.parametrize("dtype", [pl.Float64(), pl.Int64(), pl.Boolean(), pl.String(), pl.Date(), pl.List(pl.Int64())])
def test_lake_types_name_themselves(dtype: pl.DataType) -> None:
    name = lake_type(dtype)
    assert name is not None
    assert polars_type(name) == dtype


@pytest.mark.parametrize(
    ("dtype", "expected"),
    [
        (pl.UInt64(), "Float64"),
        (pl.Decimal(10, 2), "Float64"),
        (pl.Categorical(), "String"),
        (pl.Enum(["a"]), "String"),
        (pl.Struct({"a": pl.Int8}), "String"),
        (pl.List(pl.List(pl.Int8)), "List(List(Int64))"),
        (pl.List(pl.List(pl.Struct({"a": pl.Int8}))), "String"),
        (pl.Duration(), "Float64"),
        (pl.Time(), "Float64"),
        (pl.List(pl.Binary()), "String"),
        (pl.Datetime("ms"), "Datetime"),
        (pl.Null(), None),
    ],
)
def test_types_without_a_plain_form_get_the_nearest(dtype: pl.DataType, expected: str | None) -> None:
    assert lake_type(dtype) == expected
    assert lake_type(type_named(str(dtype))) == expected or isinstance(dtype, pl.Duration | pl.Decimal)


def test_an_unknown_lake_type_is_refused() -> None:
    with pytest.raises(StoreError, match="unknown lake type 'Complex'"):
        polars_type("Complex")
