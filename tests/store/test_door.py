"""The door takes the rows that fit, and sets the others aside with the reason."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from typing import Any

import polars as pl
import pytest
from tests.store.odd import ODD

from retrue.errors import SchemaError
from retrue.store.door import Admitted, Arrival, admit
from retrue.store.layout import Layout, polars_type

NOW = datetime(2013, 6, 1, tzinfo=UTC)
LAYOUT = Layout(id="id", time="t", label="y", timezone="America/New_York")


def admitted(
    data: dict[str, Any], kind: str = "events", layout: Layout = LAYOUT, types: dict[str, str] | None = None
) -> Admitted:
    """Let data in by a layout whose schema has `types`."""
    frame, layout = pl.DataFrame(data, strict=False), replace(layout, types={**layout.types, **(types or {})})
    return admit(kind, frame, layout, layout.wanted(frame), Arrival(NOW, "1", "batch"))


def reasons(result: Admitted) -> list[str]:
    return result.frames["quarantine"]["reason"].to_list()


def test_good_rows_go_on_with_id_version_and_utc_time() -> None:
    result = admitted({"id": [1], "t": [datetime(2013, 3, 1, 12)], "x": [2]})
    assert result.frames["events"].rows(named=True) == [
        {"id": "1", "t": datetime(2013, 3, 1, 17, tzinfo=UTC), "x": 2, "_version": "1"}
    ]
    assert (result.accepted, result.quarantined) == (1, 0)


@pytest.mark.parametrize(
    ("row", "reason"),
    [
        ({"id": None, "t": "2013-03-01"}, "missing id"),
        ({"id": "", "t": "2013-03-01"}, "missing id"),
        ({"id": "a", "t": None}, "missing time"),
        ({"id": "a", "t": "yesterday"}, "impossible time: yesterday is not a time"),
        ({"id": "a", "t": "2013-06-03"}, "impossible time: 2013-06-03 lies in the future or before 1970"),
        ({"id": "a", "t": "1969-12-30"}, "impossible time: 1969-12-30 lies in the future or before 1970"),
        ({"id": "a", "t": "2013-03-01", "x": "much"}, "wrong type: column 'x' has 'much', expected Float64"),
    ],
)
def test_a_row_that_does_not_fit_is_set_aside_with_the_reason(row: dict[str, Any], reason: str) -> None:
    good = {"id": "good", "t": "2013-03-01 10:00", "x": "1.5"}
    result = admitted({k: [good[k], row.get(k)] for k in good}, types={"x": "Float64"})
    assert reasons(result) == [reason]
    assert result.frames["events"]["id"].to_list() == ["good"]
    assert json.loads(result.frames["quarantine"]["row"][0])["t"] == row["t"]
    assert (result.accepted, result.quarantined) == (1, 1)


def test_reasons_are_counted_without_the_values_that_differ() -> None:
    result = admitted({"id": ["a", "b"], "t": ["2013-03-01"] * 2, "x": ["p", "q"]}, types={"x": "Int64"})
    assert result.reasons == {"wrong type: column 'x' expected Int64": 2}


@pytest.mark.parametrize("kind", ["events", "labels"])
def test_what_cannot_be_read_in_a_column_that_the_schema_lacks_never_costs_the_row(kind: str) -> None:
    """The first batch fixed its type; a later one that has text there is taken without that text, and it is said."""
    frame = pl.DataFrame({"id": [1, 2], "t": [NOW] * 2, "y": [1, 0], "note": ["q", "7"]})
    types = {**LAYOUT.wanted(frame), "note": "Float64"}
    result = admit(kind, frame, LAYOUT, types, Arrival(NOW, "1", "batch"))
    assert result.frames[kind]["note"].to_list() == [None, 7.0]
    assert (result.accepted, result.quarantined) == (2, 0)
    assert result.unread == {"values of 'note' left out, which are not Float64": 1}


def test_feedback_has_nothing_but_its_own_columns_so_they_count() -> None:
    frame = pl.DataFrame({"id": [1, 2], "stars": ["q", "7"]})
    result = admit("feedback", frame, LAYOUT, {"id": "String", "stars": "Float64"}, Arrival(NOW, "1", "batch"))
    assert (result.accepted, result.quarantined, result.unread) == (1, 1, {})


def test_a_time_that_the_clocks_skipped_is_impossible() -> None:
    result = admitted({"id": ["a"], "t": [datetime(2013, 3, 10, 2, 30)]})
    assert "does not exist in the model's time zone" in reasons(result)[0]


@pytest.mark.parametrize(
    ("value", "utc"),
    [
        ("2013-03-01T10:00:00Z", datetime(2013, 3, 1, 10, tzinfo=UTC)),
        ("2013-03-01T10:00:00+02:00", datetime(2013, 3, 1, 8, tzinfo=UTC)),
        ("2013-03-01 10:00:00.5-0500", datetime(2013, 3, 1, 15, 0, 0, 500_000, tzinfo=UTC)),
        ("2013-03-01 10:00", datetime(2013, 3, 1, 15, tzinfo=UTC)),
        ("2013-03-01", datetime(2013, 3, 1, 5, tzinfo=UTC)),
        (date(2013, 3, 1), datetime(2013, 3, 1, 5, tzinfo=UTC)),
        (datetime(2013, 3, 1, 10, tzinfo=UTC), datetime(2013, 3, 1, 10, tzinfo=UTC)),
    ],
)
def test_times_come_as_text_dates_naive_or_aware(value: object, utc: datetime) -> None:
    assert admitted({"id": ["a"], "t": [value]}).frames["events"]["t"].to_list() == [utc]


def test_only_the_event_time_is_on_the_models_wall_clock() -> None:
    """A reference's naive times are counted as they are, so those of events must be, too."""
    row = admitted({"id": ["a"], "t": [datetime(2013, 3, 1, 10)], "booked": [datetime(2013, 2, 1, 10)]})
    found = row.frames["events"].row(0, named=True)
    assert (found["t"].hour, found["booked"]) == (15, datetime(2013, 2, 1, 10, tzinfo=UTC))


def test_a_category_that_comes_as_a_float_is_the_same_category() -> None:
    result = admitted({"id": ["a", "b"], "t": [NOW] * 2, "gate": [1.0, None]}, types={"gate": "String"})
    assert result.frames["events"]["gate"].to_list() == ["1", None]


def test_an_event_that_carries_its_label_is_an_event_and_a_label() -> None:
    result = admitted({"id": [1, 2], "t": [NOW - timedelta(1)] * 2, "y": [1, None]})
    assert result.frames["labels"].drop("t").rows() == [("1", 1)]
    assert result.frames["labels"]["t"].to_list() == [NOW - timedelta(1)]  # whose it is, where the id recurs
    assert "y" not in result.frames["events"].columns
    assert result.accepted == 2


def test_a_label_that_is_null_is_no_label() -> None:
    result = admitted({"id": [1, 2], "y": [1, None]}, "labels")
    assert (result.accepted, result.skipped, result.quarantined) == (1, 1, 0)


def test_whole_floats_fit_integer_columns_and_fractions_do_not() -> None:
    result = admitted({"id": [1, 2], "t": [NOW] * 2, "n": [3.0, 3.5]}, types={"n": "Int64"})
    assert result.frames["events"]["n"].to_list() == [3]
    assert reasons(result) == ["wrong type: column 'n' has '3.5', expected Int64"]


def test_without_an_id_every_row_is_its_own_identity() -> None:
    result = admitted({"x": [1, 1]}, layout=Layout())
    assert result.frames["events"]["_id"].to_list() == ["batch-0", "batch-1"]
    assert result.frames["events"]["_time"].to_list() == [NOW, NOW]


@pytest.mark.parametrize(
    ("data", "kind", "message"),
    [
        ({"idd": [1], "t": [NOW]}, "events", "'id' is missing in events: expected id, t. Hint: did you mean 'idd'?"),
        ({"id": [1], "t": [NOW], "_seq": [1]}, "events", "column '_seq' is reserved"),
        ({"id": [1], "t": [NOW], "ID": [1]}, "events", "'id' and 'ID' differ in case only"),
        ({"id": [1], "t": [NOW], "\0x": [1]}, "events", "column '\\x00x' has a NUL character in its name"),
        ({"id": [1], "t": [1234]}, "events", "holds numbers in events: expected times"),
        ({"id": [1]}, "labels", "column 'y' is missing in labels"),
    ],
)  # fmt: skip
def test_a_frame_that_lacks_a_role_is_refused_as_a_whole(data: dict[str, Any], kind: str, message: str) -> None:
    with pytest.raises(SchemaError) as error:
        admitted(data, kind)
    assert message in str(error.value)


def test_a_role_may_have_a_name_that_begins_with_an_underscore() -> None:
    result = admitted({"_id": [1], "_t": [NOW]}, layout=Layout(id="_id", time="_t", label="_label"))
    assert result.frames["events"].columns == ["_id", "_t", "_version"]


@pytest.mark.parametrize("name", ["_version", "_label_at", "_label"])
def test_names_that_reading_adds_are_reserved(name: str) -> None:
    with pytest.raises(SchemaError, match="reserved"):
        admitted({"id": [1], "t": [NOW], name: ["x"]}, layout=Layout(id="id", time="t"))


def test_nested_and_categorical_values_become_something_that_every_reader_knows() -> None:
    data = {"id": [1], "t": [NOW], "l": [["a"]], "s": [{"k": 1}], "b": [b"\x01"]}
    row = admitted(data).frames["events"].row(0, named=True)
    assert (row["l"], row["s"], row["b"]) == (["a"], '{"s":{"k":1}}', b"\x01")


@pytest.mark.parametrize(
    "to", ["Float64", "Int64", "Boolean", "String", "Date", "Datetime", "Binary", "List(Int64)", "List(String)"]
)
@pytest.mark.parametrize("name", ODD)
def test_a_column_of_any_type_is_cast_or_its_rows_are_set_aside(name: str, to: str) -> None:
    """Whatever the two types are, a value ends in the lake or in the quarantine, with the column's name."""
    frame = pl.DataFrame({"id": ["a"], "t": [NOW]}).with_columns(ODD[name][0].alias("z"))
    layout = replace(LAYOUT, types={"z": to})
    result = admit("events", frame, layout, layout.wanted(frame), Arrival(NOW, "1", "batch"))
    assert result.accepted + result.quarantined == 1
    assert all(reason.startswith("wrong type: column 'z'") for reason in result.reasons)
    if result.accepted:
        kept = result.frames["events"]["z"]
        assert kept.dtype == polars_type(to)
        assert kept[0] is not None or frame["z"][0] is None
    else:
        assert "z" in json.loads(result.frames["quarantine"]["row"][0])
