"""What comes in is taken once, or set aside with a reason; what is collected stays collected."""

from __future__ import annotations

from datetime import datetime, timedelta
from pathlib import Path

import polars as pl
import pytest
from tests.workspace.conftest import A_DAY, day, events, live, registered

import retrue as rt


def test_repeats_are_ignored(store: rt.Workspace) -> None:
    model, table = registered(store), events(14, 1).drop("y")
    model.log(table)
    assert model.log(table).counts == {"events repeated": A_DAY}
    assert model.events().collect().height == A_DAY
    assert model.quarantine().height == 0


def test_differing_repeats_are_set_aside(store: rt.Workspace) -> None:
    model, table = registered(store), events(14, 1).drop("y")
    model.log(table)
    received = model.log(table.with_columns(x=pl.when(pl.int_range(pl.len()) < 7).then(9.0).otherwise("x")))
    assert (received.accepted, received.quarantined) == (A_DAY - 7, 7)
    assert received.reasons == {"differs from the event that was logged first": 7}
    assert set(model.quarantine()["id"]) == set(table["id"][:7])
    assert 9.0 not in model.events().collect()["x"]


def test_bad_rows_are_set_aside_and_the_rest_is_taken(store: rt.Workspace) -> None:
    model, table = registered(store), events(14, 1).drop("y")
    mixed = pl.concat(
        [
            table.with_columns(pl.col("at").dt.to_string("iso"), pl.col("x").cast(pl.String)),
            pl.DataFrame(
                {"id": ["bad time", "bad x", None], "at": ["never", *[str(day(14))] * 2], "x": ["1", "far", "1"]}
            ),
        ],
        how="diagonal",
    )
    received = model.log(mixed)
    assert (received.accepted, received.quarantined) == (A_DAY, 3)
    assert sum(received.reasons.values()) == 3
    assert received.to_dict()["quarantined"] == model.quarantine().height == 3
    assert model.events().collect().height == A_DAY


def test_a_label_without_a_value_is_skipped_and_counted(store: rt.Workspace) -> None:
    model = registered(store)
    model.log(events(14, 1).drop("y"))
    assert model.label({"id": "e4200", "y": None}).counts == {"labels without a value": 1}
    assert model.label([{"id": "e4200", "y": None}, {"id": "e4201", "y": 1}]).counts == {"labels without a value": 1}


def test_a_batch_with_a_key_is_taken_once(store: rt.Workspace) -> None:
    model, table = registered(store), events(14, 2).drop("y")
    model.log(table[:A_DAY], key="batch 1")
    model.log(table[:A_DAY], key="batch 1")
    with pytest.raises(rt.SchemaError, match="the key came before with other rows"):
        model.log(table[A_DAY:], key="batch 1")
    assert model.events().collect().height == A_DAY


def test_labels_of_unknown_ids_wait_for_their_events(store: rt.Workspace) -> None:
    model, table = registered(store), events(14, 1)
    assert model.label(table.select("id", "y")).counts == {"labels waiting": A_DAY}
    model.log(table.drop("y"))
    found = model.events().collect().sort("at")
    assert found["y"].to_list() == table["y"].to_list()
    judged = {verdict.metric for verdict in model.check(now=day(16)) if verdict.column is None}
    assert judged == {"accuracy", "roc_auc", "mmd"}


@pytest.mark.parametrize("form", ["path", "rows", "dict of columns", "lazy"])
def test_events_come_in_any_form(store: rt.Workspace, tmp_path: Path, form: str) -> None:
    model, table = registered(store), events(14, 1).drop("y")
    table.write_parquet(tmp_path / "events.parquet")
    forms = {
        "path": tmp_path / "events.parquet",
        "rows": table.to_dicts(),
        "dict of columns": table.to_dict(as_series=False),
        "lazy": table.lazy(),
    }
    assert model.log(forms[form]).accepted == A_DAY
    assert model.events().collect()["id"].sort().to_list() == table["id"].sort().to_list()


def test_one_event_may_be_a_dict(store: rt.Workspace) -> None:
    model, table = registered(store), events(14, 1).drop("y")
    for row in table.head(3).to_dicts():
        assert model.log(row).accepted == 1
    model.label({"id": table["id"][0], "y": 1})
    found = model.events().collect().sort("at")
    assert found["id"].to_list() == table["id"][:3].to_list()
    assert found["y"].to_list() == [1, None, None]


def test_events_are_read_by_time_and_version(store: rt.Workspace) -> None:
    model, table = registered(store), events(14, 3).drop("y")
    model.log(table[: 2 * A_DAY])
    model.log(table[2 * A_DAY :], version="shadow")
    assert model.events(day(15), day(16)).collect().height == A_DAY
    assert model.events(day(15)).collect().height == 2 * A_DAY
    assert model.events(version="shadow").collect()["id"].to_list() == table["id"][2 * A_DAY :].to_list()
    assert model.logged().frame.height == 2 * A_DAY


def test_feedback_may_come_many_times_for_an_id(store: rt.Workspace) -> None:
    model, table = registered(store), events(14, 1)
    model.log(table.drop("y"))
    received = model.feedback(pl.DataFrame({"id": [table["id"][0]] * 3, "clicked": [1, 0, 2]}))
    assert received.accepted == 3
    model.feedback(pl.DataFrame({"id": [table["id"][0]], "clicked": [2]}))
    assert sorted(model.store.feedback("flights").collect()["clicked"]) == [0, 1, 2]


def test_collecting_takes_labelled_events_of_a_slice_within_its_budget(store: rt.Workspace) -> None:
    model, table = registered(store), events(14, 4)
    live(model, table)
    found = model.collect("city = 'JFK' AND x > 0", budget=50, since=day(15), until=day(17), name="good days")
    inside = table.filter(
        (pl.col("city") == "JFK") & (pl.col("x") > 0), pl.col("at").is_between(day(15), day(17), "left")
    )
    assert (found.rows.height, found.matched) == (50, inside.height)
    known = found.rows.join(inside, on="id", suffix="_told")
    assert known.height == 50
    assert known["y"].to_list() == known["y_told"].to_list()
    (kept,) = model.collections()
    assert (kept.name, kept.slice, kept.matched) == ("good days", "city = 'JFK' AND x > 0", inside.height)
    assert kept.rows.equals(found.rows)


def test_collecting_chooses_the_same_rows_however_they_came(tmp_path: Path) -> None:
    """By their hashed ids: not the first ones, and not by the order of files."""
    table, chosen = events(14, 2).drop("y"), list[set[str]]()
    for name, parts in {"whole": [table], "pieces": [table[400:], table[:100].reverse(), table[100:400]]}.items():
        with rt.open(tmp_path / name) as store:
            model = registered(store)
            for part in parts:
                model.log(part)
            chosen.append(set(model.collect("x > 0", budget=40).rows["id"]))
    assert chosen[0] == chosen[1]
    assert chosen[0] != set(table.filter(pl.col("x") > 0)["id"][:40])


def test_collecting_again_under_a_name_replaces(store: rt.Workspace) -> None:
    model = registered(store)
    live(model, events(14, 1))
    model.collect("city = 'JFK'", name="edge")
    model.collect("city = 'LGA'", name="edge")
    assert [one.slice for one in model.collections()] == ["city = 'LGA'"]
    model.collect("city = 'EWR'")
    assert [one.name for one in model.collections()] == ["edge", "city = 'EWR'"]


def test_a_version_s_reference_is_a_part_of_a_mix(store: rt.Workspace) -> None:
    model, table = registered(store), events(0, 14)
    assert model.reference.frame.equals(table)
    assert model.reference.name == "reference of version 1"
    assert model.reference.load().profile.rows == table.height
    with pytest.raises(rt.StoreError, match="version '7' has no reference"):
        model.reference_of("7").load()
    with pytest.raises(rt.StoreError, match="rows are gone"):
        _ = model.reference_of("7").frame


def test_times_that_come_without_a_zone_are_in_the_model_s(store: rt.Workspace) -> None:
    naive = events(14, 1).drop("y").with_columns(pl.col("at").dt.replace_time_zone(None))
    model = registered(store, timezone="Asia/Tokyo")
    model.log(naive)
    first = model.events().collect()["at"].min()
    assert isinstance(first, datetime)
    assert first == day(14) - timedelta(hours=9)


def test_a_label_that_is_nan_has_no_value(store: rt.Workspace) -> None:
    """As a table of pandas' with gaps comes: whole numbers become fractions, and gaps NaN."""
    model = registered(store)
    model.log(events(14, 1).drop("y"), at=day(15))
    ids = events(14, 1)["id"][:2]
    taken = model.label(pl.DataFrame({"id": ids, "y": [1.0, float("nan")]}), at=day(15))
    assert (taken.accepted, taken.reasons) == (1, {"no value (NaN) in column 'y'": 1})
