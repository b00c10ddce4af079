"""Stores are opened by several at once and changed by nobody who only opens them; models enter them whole or not."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from tests.workspace.conftest import A_DAY, day, events, live, registered

import retrue as rt
from retrue.workspace.clock import iso, span
from retrue.workspace.options import Options, suggested_window


def test_two_workspaces_share_a_folder(folder: Path) -> None:
    """One logs, the other labels, both check: every row is there once."""
    table = events(14, 4)
    with rt.open(folder) as one, rt.open(folder) as two:
        logs, labels = registered(one), two.model("flights")
        for number in range(4):
            logs.log(table.drop("y")[number * A_DAY : (number + 1) * A_DAY])
            labels.label(table.select("id", "y")[number * A_DAY : (number + 1) * A_DAY])
        found = labels.events().collect().sort("at")
        assert found["id"].to_list() == table["id"].to_list()
        assert found["y"].to_list() == table["y"].to_list()
        assert len(labels.check(now=day(19))) > 0
        assert logs.check(now=day(19)) == []
        assert [model.name for model in two.models()] == ["flights"]


def contents(folder: Path) -> dict[str, str]:
    """What the files of the lake, of references and runs hold."""
    kept = [
        path
        for path in sorted(folder.rglob("*"))
        if path.is_file() and ".db" not in path.name and "locks" not in path.parts
    ]
    return {str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest() for path in kept}


def test_opening_changes_nothing(folder: Path) -> None:
    with rt.open(folder) as store:
        model = registered(store)
        live(model, events(14, 2, turned=("JFK", "LGA", "EWR")))
        model.check(now=day(17))
        model.collect("city = 'JFK'", budget=10, name="edge")
        told = [one.to_dict() for one in model.incidents()]
        seen = model.events().collect()
    before = contents(folder)
    assert any(name.startswith("lake/flights/events") for name in before)
    for _ in range(2):
        with rt.open(folder) as store:
            model = store.model("flights")
            assert [one.to_dict() for one in model.incidents()] == told
            assert model.events().collect().equals(seen)
            assert model.check(now=day(17)) == []
            assert [one.name for one in model.collections()] == ["edge"]
            assert model.schema.score == "p"
        assert contents(folder) == before


def test_a_store_is_made_only_where_that_is_wanted(tmp_path: Path) -> None:
    with pytest.raises(rt.StoreError, match="no store here"):
        rt.open(tmp_path / "none", create=False)
    assert not (tmp_path / "none").exists()


def test_an_unknown_model_suggests_the_nearest(store: rt.Workspace) -> None:
    assert "no models yet" in repr(store)
    registered(store)
    with pytest.raises(rt.SchemaError, match="did you mean 'flights'"):
        store.model("flight")
    assert "flights" in repr(store)


@pytest.mark.parametrize(
    ("given", "error", "said"),
    [
        ({"windw": "1d"}, rt.SchemaError, "windw"),
        ({"options": {"windw": "1d"}}, rt.ConfigError, "unknown option 'windw'"),
        ({"window": "soon"}, rt.ConfigError, "soon"),
        ({"window": 0}, rt.ConfigError, "a window of 0 s"),
        ({"grace": -1}, rt.ConfigError, "grace"),
        ({"calm": 0}, rt.ConfigError, "0 calm windows"),
        ({"calm": "x"}, rt.ConfigError, "calm is 'x': expected a number"),
        ({"coverage": 3}, rt.ConfigError, "a coverage of 3"),
        ({"coverage": float("nan")}, rt.ConfigError, "a coverage of nan"),
        ({"maturity": -5}, rt.ConfigError, "mature after -5 s"),
        ({"maturity": float("nan")}, rt.ConfigError, "nan as a length of time"),
        ({"rules": ["missing(xx) <= 0.1"]}, rt.MetricError, "'xx'"),
        ({"rules": "missing[x] <= 0.1"}, rt.RetrueError, "rule"),
        ({"id": "idd"}, rt.SchemaError, "'idd'"),
        ({"slices": ["x"]}, rt.SchemaError, "isn't categorical"),
        ({"alarm_budget": "few"}, rt.ConfigError, "few"),
    ],
)
def test_what_does_not_fit_is_refused_and_leaves_no_model(
    store: rt.Workspace, given: dict[str, Any], error: type[Exception], said: str
) -> None:
    with pytest.raises(error) as refused:
        registered(store, **given)
    assert said in str(refused.value)
    assert store.models() == []
    assert registered(store).version == "1"


def test_a_name_is_taken_once(store: rt.Workspace) -> None:
    registered(store)
    with pytest.raises(rt.SchemaError, match="there is a model 'flights' already"):
        registered(store)
    assert store.model("flights").version == "1"
    with pytest.raises(rt.SchemaError, match="can't name a model"):
        store.register("../flights", events(0, 1))


def test_a_reference_without_rows_is_refused(store: rt.Workspace) -> None:
    with pytest.raises(rt.TableError, match="a reference without rows"):
        store.register("flights", events(0, 1).head(0))


def test_an_id_that_tells_few_rows_apart_is_refused(store: rt.Workspace) -> None:
    """Nearly every event would be set aside as a repeat that differs."""
    with pytest.raises(rt.RetrueError, match=r"id 'city' tells 42 of 4,200 rows apart.*name another column as id"):
        registered(store, id="city", slices=[])
    assert store.models() == []


def test_an_id_may_come_again_on_another_day(store: rt.Workspace) -> None:
    """A customer who is scored once a day, say: the day is a part of what tells events apart."""
    daily = events(0, 14).with_columns(id=(pl.int_range(pl.len()) % A_DAY).cast(pl.String))
    assert store.register("daily", daily, id="id", time="at", label="y", score="p").schema.id == "id"


def test_the_frequent_values_of_slice_columns_are_watched(store: rt.Workspace) -> None:
    table = events(0, 14).with_columns(weekend=pl.col("x") > 0, gate=pl.col("x").round().cast(pl.Int64).abs())
    model = store.register(
        "flights", table, id="id", time="at", slices=["city", "weekend", "gate"], kinds={"gate": "categorical"}
    )
    names = {part.to_sql() for part in model.store.slices("flights")}
    assert {"city = 'JFK'", "city = 'LGA'", "city = 'EWR'", "weekend = TRUE", "weekend = FALSE", "gate = 0"} <= names


def test_the_window_suits_how_densely_events_come() -> None:
    """1,000 an hour, 1,000 a day, 1,000 a week."""
    month = 30 * 86_400.0
    assert [suggested_window(rows, month) for rows in (720_000, 30_000, 4_300)] == [3_600, 86_400, 604_800]
    assert suggested_window(100, 0.0) == 86_400


def test_options_are_read_as_people_write_them() -> None:
    found = Options.of({"grace": "90m", "maturity": "2d", "rules": "rows >= 5", "calm": 3}, 3_600.0)
    assert (found.window, found.grace, found.maturity, found.rules, found.calm) == (
        3600,
        5400,
        172_800,
        ("rows >= 5",),
        3,
    )
    assert Options.of(found.to_dict(), 1.0) == found


@pytest.mark.parametrize(
    ("first", "length", "hours"),
    [
        ("2013-03-10T00:00:00-05:00", 86_400, 23),
        ("2013-11-03T00:00:00-04:00", 86_400, 25),
        ("2013-03-10T01:00:00-05:00", 3_600, 1),
    ],
)
def test_days_are_those_of_the_wall_clock(first: str, length: int, hours: int) -> None:
    from datetime import datetime

    begins, ends = span(datetime.fromisoformat(first).timestamp(), length, "America/New_York")
    assert begins == first == iso(datetime.fromisoformat(first).timestamp(), "America/New_York")
    assert (datetime.fromisoformat(ends) - datetime.fromisoformat(begins)).total_seconds() == hours * 3_600


def test_a_mistyped_role_or_name_is_refused_in_words(store: rt.Workspace) -> None:
    with pytest.raises(rt.errors.SchemaError, match="did you mean 'label'"):
        store.register("late", {"x": [1.0, 2.0]}, lable="x")
    with pytest.raises(rt.errors.SchemaError, match="did you mean 'window'"):
        store.register("late", {"x": [1.0, 2.0]}, windw="1d")
    with pytest.raises(rt.errors.SchemaError, match="a model called 1"):
        store.register(1, {"x": [1.0, 2.0]})  # type: ignore[arg-type]
    assert store.models() == []


def test_roles_beside_a_schema_are_an_error(store: rt.Workspace) -> None:
    """Options are no roles, and may stand there."""
    table = events(0, 14)
    schema = rt.Schema.infer(table, id="id", time="at", label="y", score="p")
    with pytest.raises(rt.SchemaError, match="a schema and a role beside it: slices"):
        store.register("flights", table, schema=schema, slices=["city"])
    assert store.models() == []
    model = store.register("flights", table, schema=schema.replace(slices=["city"]), window="1d")
    assert model.schema.slices == ("city",)
