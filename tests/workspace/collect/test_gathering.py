"""What meets a watched signal is collected once, the same rows however the events came and whoever died over it."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import polars as pl
import pytest
from tests.workspace.conftest import day, events, registered

import retrue as rt
from retrue.store import rows
from retrue.workspace.collect.collecting import packed


def ids(model: rt.Model, name: str) -> dict[str, float]:
    found = {one.name: one for one in model.collections()}
    return {} if name not in found else dict(found[name].rows.select("id", "_probability").iter_rows())


def test_new_rows_are_collected_once(store: rt.Workspace) -> None:
    model = registered(store)
    model.watch_signal("x > 1", name="large", policy="always")
    assert model.collect_new() == {}
    model.log(events(14, 1).drop("y"))
    first = model.collect_new()
    assert first == {"large": events(14, 1).filter(pl.col("x") > 1).height}
    assert model.collect_new() == {}
    model.log(events(15, 2).drop("y"))
    model.collect_new()
    whole = pl.concat([events(14, 1), events(15, 2)]).filter(pl.col("x") > 1)
    (found,) = model.collections()
    assert sorted(found.rows["id"]) == sorted(whole["id"])
    assert found.matched == whole.height
    (told,) = model.watched_signals()
    assert (told.rows, told.matched, told.error) == (whole.height, whole.height, None)


@pytest.fixture(scope="module")
def at_once(tmp_path_factory: pytest.TempPathFactory) -> dict[str, float]:
    """What is collected of two days that come in one batch, in order."""
    with rt.open(tmp_path_factory.mktemp("cut") / "store") as store:
        model = registered(store)
        model.watch_signal("x > 0", name="large", policy="25 per day by x")
        model.log(events(14, 2).drop("y"))
        model.collect_new()
        return ids(model, "large")


@pytest.mark.parametrize(("seed", "cuts"), [(1, 0), (2, 1), (3, 3)])
def test_a_collection_is_the_same_however_events_were_cut(
    store: rt.Workspace, at_once: dict[str, float], seed: int, cuts: int
) -> None:
    """Batches, their order, runs between them, repeats: the same rows with the same probabilities."""
    rng, table = np.random.default_rng(seed), events(14, 2).drop("y")
    model = registered(store)
    model.watch_signal("x > 0", name="large", policy="25 per day by x")
    parts = np.array_split(rng.permutation(table.height), sorted(rng.integers(1, 599, cuts)))
    for part in [*parts, parts[0]]:
        model.log(table[part])
        if rng.random() < 0.5:
            model.collect_new()
    model.collect_new()
    assert ids(model, "large") == at_once
    assert len(at_once) == 50


def test_a_run_that_dies_is_made_good_by_the_next(store: rt.Workspace, monkeypatch: pytest.MonkeyPatch) -> None:
    model = registered(store)
    model.watch_signal("x > 0", name="large", policy="20 per day")
    model.log(events(14, 3).drop("y"))
    kept = packed
    calls = iter([kept, kept])

    def dies(table: pl.DataFrame) -> bytes:
        found = next(calls, None)
        if found is None:
            raise KeyboardInterrupt
        return found(table)

    monkeypatch.setattr("retrue.workspace.collect.gathering.packed", dies)
    with pytest.raises(KeyboardInterrupt):
        model.collect_new()
    monkeypatch.undo()
    assert len(ids(model, "large")) == 40
    model.collect_new()
    assert len(ids(model, "large")) == 60
    with model.store.catalog.read() as tx:
        assert len(tx.find(rows.CollectedRow, model="flights")) == 3


def test_rows_have_all_their_reasons(store: rt.Workspace) -> None:
    model = registered(store)
    model.watch_signal("x > 1", name="large", policy="always")
    model.watch_signal("city = 'JFK'", name="JFK", policy="5 per day")
    model.log(events(14, 1).drop("y"))
    model.collect_new()
    found = {one.name: one.rows for one in model.collections()}
    expected = (found["large"]["city"] == "JFK").to_list()
    assert [("JFK" in row, "large" in row) for row in found["large"]["_reasons"]] == [(jfk, True) for jfk in expected]
    assert found["JFK"].height == 5


def test_late_events_of_an_old_day_find_their_place(store: rt.Workspace) -> None:
    model = registered(store)
    model.watch_signal("x > 0", name="large", policy="10 per day")
    table = events(14, 1).drop("y")
    model.log(table.head(60))
    model.collect_new()
    early = ids(model, "large")
    model.log(events(15, 1).drop("y"))
    model.log(table.tail(240))
    model.collect_new()
    whole = model.collect("x > 0", policy="10 per day", name="at once")
    assert ids(model, "large") == ids(model, "at once")
    assert len(early) == 10
    assert whole.matched == sum(one.matched for one in model.watched_signals())


def test_days_are_those_of_the_model_s_time_zone(store: rt.Workspace) -> None:
    model = registered(store, timezone="Asia/Tokyo")
    model.watch_signal("x > 0", name="large", policy="10 per day")
    model.log(events(14, 2).drop("y"))
    model.collect_new()
    (found,) = model.collections()
    days = found.rows["at"].dt.convert_time_zone("Asia/Tokyo").dt.date().value_counts()
    assert sorted(days["count"]) == [10, 10, 10]


def test_only_events_from_a_time_on_are_collected_where_one_is_given(store: rt.Workspace) -> None:
    model = registered(store)
    model.watch_signal("x > 0", name="large", policy="always", since=day(15))
    model.log(events(14, 2).drop("y"))
    model.collect_new()
    (found,) = model.collections()
    assert found.rows["at"].min() >= day(15)  # type: ignore[operator]


def test_rows_stay_when_a_signal_is_watched_no_more_and_go_when_a_person_is_forgotten(store: rt.Workspace) -> None:
    model = registered(store)
    model.watch_signal("x > 0", name="large", policy="always")
    model.log(events(14, 1).drop("y"))
    model.collect_new()
    model.unwatch_signal("large")
    one = next(iter(ids(model, "large")))
    assert model.forget([one]).rows["collections"] == 1
    assert one not in ids(model, "large")
    assert len(ids(model, "large")) > 100


@pytest.mark.slow
def test_a_sample_of_a_stream_says_of_all_what_all_say(store: rt.Workspace) -> None:
    model = registered(store)
    model.watch_signal("x > 0", name="sample", policy="60 per day by benefit")
    model.watch_signal("x > 0", name="all", policy="always")
    model.log(events(14, 4).drop("y"))
    model.collect_new()
    found = {one.name: one for one in model.collections()}
    said, truth = found["sample"].mean("x"), found["all"].rows["x"].mean()
    assert said.value is not None
    assert said.interval is not None
    assert isinstance(truth, float)
    assert abs(said.value - truth) < said.interval[1] - said.interval[0]  # four standard errors
    assert found["sample"].rows.height == 240


def test_a_folder_that_is_opened_again_goes_on(folder: Path) -> None:
    with rt.open(folder) as store:
        model = registered(store)
        model.watch_signal("x > 0", name="large", policy="10 per day")
        model.log(events(14, 1).drop("y"))
        model.collect_new()
    with rt.open(folder) as store:
        model = store.model("flights")
        assert model.collect_new() == {}
        assert len(ids(model, "large")) == 10
