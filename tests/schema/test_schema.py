"""A schema: roles that fit, what is profiled, what can be replaced."""

from __future__ import annotations

import dataclasses
from typing import Any

import polars as pl
import pytest

from retrue.errors import RetrueError, SchemaError, TableError
from retrue.schema import Kind, Schema, Task

EVENTS = pl.DataFrame(
    {
        "flight_id": [f"f{i:05}" for i in range(400)],
        "scheduled": pl.datetime_range(pl.datetime(2024, 1, 1), pl.datetime(2024, 1, 17, 15), "1h", eager=True)[:400],
        "model_version": ["v1", "v2"] * 200,
        "origin": ["JFK", "LGA", "EWR", "JFK"] * 100,
        "distance": [float(i % 97) + 0.5 for i in range(400)],
        "remarks": [f"all is well on flight number {i}" for i in range(400)],
        "gate": [None] * 400,
        "late": [i % 3 == 0 for i in range(400)],
        "p_late": [(i % 10) / 10 for i in range(400)],
        "guess": [i % 2 == 0 for i in range(400)],
        "ms": [5 + i % 7 for i in range(400)],
        "fare": [100 + i % 50 for i in range(400)],
    }
)
ROLES: dict[str, Any] = {
    "id": "flight_id",
    "time": "scheduled",
    "version": "model_version",
    "label": "late",
    "score": "p_late",
    "prediction": "guess",
    "latency": "ms",
    "value": "fare",
}


@pytest.fixture(scope="module")
def schema() -> Schema:
    """A schema with all roles but weight."""
    return Schema.infer(EVENTS, **ROLES, slices=["origin", "model_version"])


def test_columns_without_a_role_are_the_features(schema: Schema) -> None:
    assert schema.features == ("origin", "distance", "remarks", "gate")


def test_named_features_are_the_features() -> None:
    assert Schema.infer(EVENTS, label="late", features=["distance"]).features == ("distance",)


def test_profiled_are_features_scores_outcomes_and_slices_but_what_has_no_grid(schema: Schema) -> None:
    """No id, time or version, even as a slice; no text, no empty column."""
    expected = ["origin", "distance", "p_late", "guess", "late", "fare", "ms"]
    assert [column.name for column in schema.profiled] == expected


def test_a_role_implies_a_kind_and_is_part_of_the_reason(schema: Schema) -> None:
    kinds = {name: schema.column(name).kind for name in ROLES.values()}
    assert kinds == {
        "flight_id": Kind.ID,
        "scheduled": Kind.DATETIME,
        "model_version": Kind.CATEGORICAL,
        "late": Kind.BOOLEAN,
        "p_late": Kind.NUMERIC,
        "guess": Kind.BOOLEAN,
        "ms": Kind.NUMERIC,
        "fare": Kind.NUMERIC,
    }
    reason = schema.column("late").reason
    assert (
        reason == "the label: booleans; task binary: label 'late' has 2 values; 'true' counts as positive: it means yes"
    )


def test_an_unknown_column_is_named_with_the_nearest(schema: Schema) -> None:
    with pytest.raises(SchemaError, match=r"unknown column 'distnace' in schema\. Hint: did you mean 'distance'"):
        schema.column("distnace")
    with pytest.raises(SchemaError, match=r"unknown column 'flightid' in role id: expected .*did you mean 'flight_id'"):
        Schema.infer(EVENTS, id="flightid")


@pytest.mark.parametrize(
    ("roles", "message"),
    [
        ({"label": "late", "score": "late"}, "column 'late' is both label and score"),
        ({"id": "late", "label": "late"}, "'late' is both id and label"),
        ({"label": "late", "features": ["late"]}, "both label and features.*learns nothing"),
        ({"score": "p_late", "features": ["p_late"]}, "both score and features"),
        ({"slices": ["origin", "origin"]}, "'origin' is named twice in slices"),
        ({"slices": ["orgin"]}, "unknown column 'orgin' in role slices.*did you mean 'origin'"),
        ({"features": ["x"]}, "unknown column 'x' in role features"),
        ({"score": "origin", "label": "late"}, "score 'origin' is not numeric: expected numbers, not String"),
        ({"latency": "remarks"}, "latency 'remarks' is not numeric"),
        ({"time": "distance"}, "time 'distance' is no time: expected dates or datetimes, not Float64.*from_epoch"),
        ({"time": "origin"}, "time 'origin' is no time"),
        ({"id": 3}, "id is 3: expected the name of a column"),
        ({"features": {"a": 1}}, "expected names of columns"),
        ({"kinds": {"orign": "numeric"}}, "unknown column 'orign' in kinds.*'origin'"),
        ({"kinds": {"origin": "numerical"}}, "unknown kind 'numerical' in column 'origin'.*'numeric'"),
        ({"task": "binry"}, "unknown task 'binry'.*'binary'"),
        ({"timezone": "Mars/Base"}, "unknown time zone 'Mars/Base'"),
        ({"timezone": "../etc/passwd"}, "unknown time zone"),
        ({"label": "lte", "score": "p_late"}, "unknown column 'lte' in role label.*'late'"),
        ({"label": "outcome"}, "unknown column 'outcome' in role label"),
    ],
)
def test_wrong_roles_are_errors_that_say_what_is_wrong(roles: dict[str, Any], message: str) -> None:
    with pytest.raises(SchemaError, match=message):
        Schema.infer(EVENTS, **roles)


def test_a_kind_that_values_cannot_have_is_refused() -> None:
    with pytest.raises(SchemaError, match="column 'v' can't be numeric"):
        Schema.infer({"v": [[1.5, 2.5], [2.5, 3.5]]}, kinds={"v": "numeric"})


def test_a_label_that_comes_later_may_be_named() -> None:
    """The score tells the task; the label isn't a column yet."""
    schema = Schema.infer(EVENTS.drop("late"), score="p_late", label="late", feedback=["clicked"])
    assert (schema.task, schema.label, schema.positive, schema.classes) == (Task.BINARY, "late", "1", ("0", "1"))
    assert "late" not in schema.named
    assert "late" not in [column.name for column in schema.profiled]


def test_a_table_that_cannot_be_read_is_a_table_error() -> None:
    with pytest.raises(TableError, match="no such file"):
        Schema.infer("nowhere.parquet")


def test_an_empty_table_has_a_schema_too() -> None:
    schema = Schema.infer(EVENTS.clear(), **ROLES)
    assert (schema.task, schema.column("distance").kind) == (Task.BINARY, Kind.NUMERIC)


def test_dates_as_text_may_be_the_time() -> None:
    frame = EVENTS.with_columns(pl.col("scheduled").dt.to_string("%Y-%m-%d %H:%M:%S"))
    assert Schema.infer(frame, time="scheduled").column("scheduled").kind == Kind.DATETIME


def test_replacing_a_role_frees_features_and_checks_again(schema: Schema) -> None:
    changed = schema.replace(weight="distance", slices="origin", task="regression", timezone="Europe/Berlin")
    assert (changed.weight, changed.slices, changed.task) == ("distance", ("origin",), Task.REGRESSION)
    assert "distance" not in changed.features
    assert schema.weight is None
    with pytest.raises(SchemaError, match="both id and weight"):
        schema.replace(weight="flight_id")
    with pytest.raises(SchemaError, match=r"unknown key 'labl' in replace.*'label'"):
        schema.replace(labl="late")


def test_replacing_kinds_sets_them_by_hand(schema: Schema) -> None:
    changed = schema.replace(kinds={"remarks": "categorical"})
    assert changed.column("remarks") == dataclasses.replace(
        schema.column("remarks"), kind=Kind.CATEGORICAL, reason="set by hand"
    )
    assert "remarks" in [column.name for column in changed.profiled]


def test_two_columns_of_one_name_are_refused(schema: Schema) -> None:
    with pytest.raises(SchemaError, match="two columns are called 'gate'"):
        schema.replace(columns=(*schema.columns, schema.column("gate")))


def test_a_schema_is_frozen_and_compares_by_value(schema: Schema) -> None:
    with pytest.raises(dataclasses.FrozenInstanceError):
        setattr(schema, "label", None)  # noqa: B010 - mypy would refuse the assignment, as it should
    assert schema == Schema.infer(EVENTS, **ROLES, slices=["origin", "model_version"])


def test_every_schema_error_is_a_retrue_error() -> None:
    with pytest.raises(RetrueError):
        Schema.infer(EVENTS, id="nothing")
