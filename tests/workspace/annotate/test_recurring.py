"""Ids that recur: each event is asked about, and its answer lands on it, not on the newest of its id."""

from __future__ import annotations

from pathlib import Path

import polars as pl
from tests.workspace.conftest import DAYS, day, events, registered

import retrue as rt


def recurring(store: rt.Workspace) -> rt.Model:
    """Three days on which the same ten customers are scored, without a label."""
    model = registered(store)
    for number in range(DAYS, DAYS + 3):
        table = events(number, 1).head(10).with_columns(id=pl.format("customer {}", pl.int_range(pl.len())))
        model.log(table.drop("y"), at=day(number + 1))
    return model


def test_each_event_of_an_id_that_recurs_is_asked_about_and_gets_its_own_label(tmp_path: Path) -> None:
    """The label lands on the event whose row was shown, not on the newest of its id."""
    with rt.open(tmp_path / "recurring") as store:
        model = recurring(store)
        queue = model.labelling
        assert queue.make().to_dict() == {"new": 30, "known": 0, "labelled": 0}
        assert queue.make().to_dict() == {"new": 0, "known": 30, "labelled": 0}
        asked = [one for one in queue.tasks() if one.event == "customer 3"]
        assert len({one.id for one in asked}) == 3
        for number, task in enumerate(sorted(asked, key=lambda one: one.time)[:2]):
            assert queue.answer(task.id, number).status == "agreed"
        own = model.events().filter(pl.col("id") == "customer 3").sort("at").collect()
        assert own["y"].to_list() == [0, 1, None]
        labelled = [row.labelled for row in model.store.windows("flights")]
        assert (labelled[-3:], queue.settle()) == ([1, 1, 0], 0)
        model.label(pl.DataFrame({"id": ["customer 3"], "y": [0]}), at=day(DAYS + 5))  # without a time: the newest one
        assert model.events().filter(pl.col("id") == "customer 3").sort("at").collect()["y"].to_list() == [0, 1, 0]


def test_a_label_from_elsewhere_on_another_event_of_the_id_is_no_answer(tmp_path: Path) -> None:
    with rt.open(tmp_path / "recurring") as store:
        model = recurring(store)
        model.labelling.make("x > -9", until=day(DAYS + 1))
        task = next(one for one in model.labelling.tasks() if one.event == "customer 3")
        newest = events(DAYS + 2, 1).head(4).tail(1).with_columns(id=pl.lit("customer 3"), y=pl.lit(1))
        model.label(newest.select("id", "at", "y"), at=day(DAYS + 4))
        assert model.labelling.answer(task.id, 0).status == "agreed"
        assert model.events().filter(pl.col("id") == "customer 3").sort("at").collect()["y"].to_list() == [0, None, 1]


def test_what_was_collected_of_an_id_that_recurs_is_asked_about_alone(tmp_path: Path) -> None:
    with rt.open(tmp_path / "recurring") as store:
        model = recurring(store)
        found = model.collect("x > -9", since=day(DAYS + 1), until=day(DAYS + 2), name="second")
        assert model.labelling.make(found).new == 10
        assert {one.time for one in model.labelling.tasks()} == {
            int(one.timestamp() * 1e6) for one in found.rows["at"].to_list()
        }
