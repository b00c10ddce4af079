"""A model that keeps a sample is watched as if everything were kept, and its sample says what everything does."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from polars.testing import assert_frame_equal
from tests.workspace.conftest import day, events, registered

import retrue as rt
from retrue.cli.doctor_models import ailments
from retrue.errors import SliceError, StoreError
from retrue.slices import Slice
from retrue.store import rows
from retrue.store.counting import COLUMNS
from retrue.workspace.train.maturity import matured_events, relabelled

KEEP = {"share": "20 %", "always": ["x > 2"]}
LIVE = events(14, 4, turned=("LGA",))


def lived(folder: Path, **options: Any) -> rt.Model:
    """Four days: labels of the first before its events, of the others after; repeats, a differing one, a correction."""
    model = registered(rt.open(folder), name="m", **options)
    first = LIVE.head(300)
    model.label(first.head(200).select("id", "y"), at=day(14))
    model.log(first.drop("y"), at=day(15))
    model.log(pl.concat([first.tail(50), LIVE.slice(300, 400)]).drop("y"), at=day(16))
    model.label(LIVE.slice(150, 400).select("id", "y"), at=day(17))
    model.log(LIVE.slice(600).drop("y"), at=day(18))
    model.log(LIVE.slice(600, 60).drop("y").with_columns(pl.col("x") + 1), at=day(18))
    model.label(LIVE.slice(500).with_columns(1 - pl.col("y")).select("id", "y"), at=day(18))
    model.label(LIVE.slice(500).select("id", "y"), at=day(19))
    return model


@pytest.fixture(scope="module")
def pair(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[rt.Model, rt.Model]]:
    """The same life with everything kept, and with a sample."""
    folder = tmp_path_factory.mktemp("pair")
    full, sampled = lived(folder / "full"), lived(folder / "sampled", keep=KEEP)
    yield full, sampled
    full.store.close()
    sampled.store.close()


def profiles(model: rt.Model, *, part: str | None = None) -> dict[object, bytes]:
    with model.store.catalog.read() as tx:
        found = tx.find(rows.ProfileRow, model="m")
    return {(p.version, p.start, p.slice, p.part): p.data for p in found if part in (None, p.part)}


def books(model: rt.Model) -> list[tuple[object, ...]]:
    return [(w.start, w.events, w.labelled) for w in model.store.windows("m")]


def test_profiles_and_books_are_those_of_a_full_store_to_the_last_bit(pair: tuple[rt.Model, rt.Model]) -> None:
    full, sampled = pair
    assert profiles(full) == profiles(sampled)
    assert books(full) == books(sampled)
    assert sampled.store.counters("m") == full.store.counters("m")
    assert len(sampled.store.quarantine("m")) == 60, "repeats that differ are told without what they differ from"


def test_the_lake_has_narrow_rows_of_all_and_whole_ones_of_the_sample(pair: tuple[rt.Model, rt.Model]) -> None:
    full, sampled = pair
    every = sampled.events(sample="all").sort("id").collect()
    truth = full.events().sort("id").collect()
    assert every.select("id", "at", "p", "y").equals(truth.select("id", "at", "p", "y"))
    kept = sampled.events(sample="kept").collect()
    assert set(kept.filter(pl.col("_probability") == 1)["x"]) == set(truth.filter(pl.col("x") > 2)["x"])
    even = sampled.events().collect()
    assert even.columns == truth.columns
    assert even["x"].null_count() == 0
    assert 0.15 < even.height / truth.height < 0.25


def test_a_collection_of_the_sample_tells_of_all_events(pair: tuple[rt.Model, rt.Model]) -> None:
    full, sampled = pair
    truth = full.collect("TRUE", name="all of them").rows
    found = sampled.collect("TRUE", name="everything")
    for column in ("x", "p"):
        low, high = found.mean(column).interval or (0, 0)
        assert low <= truth[column].mean() <= high  # type: ignore[operator]
    low, high = found.total("city = 'JFK'").interval or (0, 0)
    assert low <= (truth["city"] == "JFK").sum() <= high
    assert found.matched == pytest.approx(truth.height, rel=0.15)
    half = sampled.collect("TRUE", policy="50 %", name="half")
    assert set(half.rows["_probability"].round(9)) == {0.1, 0.5}
    edge = sampled.collect("x > 2", name="edge")
    assert (edge.matched, edge.rows.height) == ((truth["x"] > 2).sum(), (truth["x"] > 2).sum())


def test_figures_are_exact_or_scaled_up(pair: tuple[rt.Model, rt.Model]) -> None:
    """The score is kept of all, x of the sample: its total is scaled, its mean isn't."""
    full, sampled = pair
    assert_frame_equal(sampled.figures("p"), full.figures("p"))  # the order of adding alone may differ
    for how in ("total", "count", "mean"):
        said, truth = (one.figures("x", how=how).filter(pl.col("slice").is_null()) for one in (sampled, full))
        inside = said["low"].le(truth["value"]) & truth["value"].le(said["high"])
        assert inside.all(), (how, said, truth)


def test_checks_and_explanations_work_on_the_sample(pair: tuple[rt.Model, rt.Model]) -> None:
    """Performance is told from profiles: the same verdicts; the explanation looks at the sample's rows."""
    _, sampled = pair
    said = [[(v.kind, v.metric, v.slice, v.window, v.value) for v in one.check(day(18.2))] for one in pair]
    assert said[0] == said[1]
    explained = sampled.incidents()[0].explain()
    assert str(explained.slices[0].slice) == "city = 'LGA'"
    assert (explained.kept, "Rows of 20 %" in str(explained)) == (0.2, True)


def test_neither_doctor_nor_recount_finds_a_fault(pair: tuple[rt.Model, rt.Model]) -> None:
    _, sampled = pair
    before, booked = profiles(sampled, part=COLUMNS), books(sampled)
    (aside,) = ailments(sampled)
    assert "rows are set aside" in aside, "as the log means it, and nothing else"
    sampled.recount()
    assert profiles(sampled, part=COLUMNS) == before
    assert len(profiles(sampled)) == 2 * len(before)
    assert books(sampled) == booked
    labelled = {p.start: p.profile.outcome.labelled for p in sampled.store.profiles("m", slice="") if p.profile.outcome}
    assert labelled == {start: n for start, _, n in booked}


@pytest.fixture
def model(store: rt.Workspace) -> rt.Model:
    made = registered(store, keep="20 %")
    made.log(LIVE.head(450).drop("y"), at=day(16))
    return made


def test_a_slice_that_comes_later_is_counted_from_the_next_window_on(store: rt.Workspace, model: rt.Model) -> None:
    """Who was in it before can't be told any more: half a window would look like a whole one."""
    part = Slice.parse("x > 0", "right")
    model.store.set_slices("flights", [*model.store.slices("flights"), part])
    model.log(LIVE.slice(450).drop("y"), at=day(18))
    model.label(LIVE.select("id", "y"), at=day(18))
    found = {p.start: p.profile for p in model.store.profiles("flights", slice="right")}
    whole = LIVE.filter((pl.col("x") > 0) & (pl.col("at") >= day(16)))
    assert min(found) == int(day(16).timestamp())
    assert sum(p.rows for p in found.values()) == whole.height
    assert [p.outcome.labelled for p in found.values() if p.outcome] == [p.rows for p in found.values()]
    model.recount()
    assert {p.start: p.profile.rows for p in model.store.profiles("flights", slice="right")} == {
        start: p.rows for start, p in found.items()
    }
    with pytest.raises(SliceError, match="reads the label"):
        model.store.set_slices("flights", [Slice.parse("y = 1", "late")])


def test_other_grids_are_refused(store: rt.Workspace, model: rt.Model) -> None:
    other = registered(store, events(3, 5), name="other").reference.load()
    with pytest.raises(StoreError, match="can't be counted on other grids"):
        model.store.set_reference("flights", "2", other)


def test_compaction_forgetting_and_damage_leave_what_is_known(model: rt.Model) -> None:
    store = model.store
    for row in range(450, 460):
        model.log(LIVE.slice(row, 1).drop("y"), at=day(16))
    before = store.events("flights", sample="kept").sort("id").collect()
    from retrue.store.compact import compact, due

    table = store.tables("flights")["events"]
    groups = due(table.snapshot().files)
    assert groups
    compact(table, groups[0])
    assert store.events("flights", sample="kept").sort("id").collect().equals(before)
    narrow = set(LIVE["id"].head(450)) - set(before["id"])
    gone = min(narrow)
    assert model.forget([gone]).rows["events"] == 1
    assert gone not in set(store.events("flights", sample="all").collect()["id"])
    with store.catalog.write() as tx:
        bad = next(one for one in tx.find(rows.ProfileRow, model="flights", slice="") if one.part == COLUMNS)
        tx.put(replace(bad, data=b"rot"))
    assert [one.table for one in store.repair("flights")] == ["profiles"]
    left = {p.start for p in store.profiles("flights", slice="")}
    assert left == {w.start for w in store.windows("flights")} - {bad.start}, "half a profile tells nothing"
    model.label(LIVE.select("id", "y"), at=day(18))
    assert {p.start for p in store.profiles("flights", slice="")} == left


def test_collected_edge_cases_keep_their_labels_in_training(store: rt.Workspace) -> None:
    """What is kept for a slice alone isn't in the even sample, which the labels of `Matured` aren't limited to."""
    model = registered(store, keep={"share": "30 %", "always": ["x > 1"]}, maturity="2d")
    model.log(LIVE.drop("y"), at=day(18))
    model.label(LIVE.select("id", "y"), at=day(18))
    edge = model.collect("x > 1", name="edge").rows
    matured = matured_events(model, day(20), 0.25)
    assert set(matured.events["id"]) == set(model.events().collect()["id"])
    known = relabelled(edge.drop("y"), matured, "id")
    assert set(known["id"]) == set(edge.filter(pl.col("at") < matured.cut)["id"]) != set()
    assert known.join(LIVE, on=["id", "y"], how="semi").height == known.height


def test_it_is_said_in_settings_and_at_the_command_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    from retrue.cli.app import run

    monkeypatch.chdir(tmp_path)
    events(0, 14).write_parquet("train.parquet")
    roles = 'id = "id"\ntime = "at"\nlabel = "y"\nscore = "p"\nestimate = "off"\n'
    (tmp_path / "retrue.toml").write_text(
        f'[store]\npath = "store"\n[models.m]\nreference = "train.parquet"\n{roles}keep = {{ share = "5 %" }}\n'
    )
    assert run(["register", "m"]) == 0
    more = ["--id", "id", "--time", "at", "--label", "y", "--score", "p", "--estimate", "off"]
    given = ["--keep", "5 %", "--keep-always", "x > 2"]
    assert run(["register", "n", "-r", "train.parquet", *more, *given]) == 0
    with rt.open("store") as workspace:
        assert [workspace.store.keeping(name).share for name in "mn"] == [0.05, 0.05]
        assert workspace.store.keeping("n").always == ("x > 2",)
    assert run(["register", "o", "-r", "train.parquet", *more, "--keep-always", "x > 2"]) == 2
    assert "--keep-always without --keep" in capsys.readouterr().err
