"""A trial compares what two versions logged, on matured labels only, and says the same whoever asks, whenever."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import polars as pl
import pytest
from tests.workspace.conftest import A_DAY, Begin, day, events, registered

import retrue as rt
from retrue.workspace.decide.situation import traffic
from retrue.workspace.decide.trials import find


def worse(table: pl.DataFrame) -> pl.DataFrame:
    """The same events as a version would score them that knows half as much."""
    return table.with_columns(p=0.5 + (pl.col("p") - 0.5) * 0.3)


def with_shadow(store: rt.Workspace) -> None:
    """Six days that the champion scored badly and a shadow well; labels take a day and ripen in two."""
    model = registered(store, maturity="2d")
    table = events(14, 6)
    model.log(worse(table).drop("y"), at=day(20))
    model.log(table.drop("y"), version="2", at=day(20))
    model.label(table.select("id", "y"), at=day(21))


@pytest.fixture
def shadowed(begin: Begin) -> rt.Model:
    """That model."""
    return begin(with_shadow).model("flights")


def test_a_shadow_is_compared_on_the_same_events(shadowed: rt.Model) -> None:
    """Brier scores by hand, from the events themselves."""
    trial = shadowed.trial("2", now=day(14))
    found = trial.judge(day(30))
    table = events(14, 6)
    brier = [((t["p"] - t["y"]) ** 2).mean() for t in (worse(table), table)]
    main = found.standings[0]
    assert main.n == 6 * A_DAY
    assert [main.champion, main.challenger] == pytest.approx(brier)
    assert found.advice.startswith("stop: version 2 is better by 0.0")
    assert {one.where for one in found.standings[1:]} == {"city = 'EWR'", "city = 'JFK'", "city = 'LGA'"}


def test_a_shadow_s_events_are_no_traffic_of_their_own(shadowed: rt.Model) -> None:
    """The same customers, asked a second time: worth what they are worth once."""
    assert traffic(shadowed, day(20)) == pytest.approx(2 * A_DAY, rel=0.05)
    shadowed.trial("2", now=day(14))
    assert traffic(shadowed, day(20)) == pytest.approx(A_DAY, rel=0.05)


def test_only_matured_labels_count(shadowed: rt.Model) -> None:
    """Two days after the events, those of the first four days have ripened."""
    trial = shadowed.trial("2", now=day(14))
    assert trial.judge(day(20)).standings[0].n == 4 * A_DAY
    assert trial.judge(day(14.5)).advice == "go on: 0 rows with matured labels, needs 50"


def test_corrected_labels_re_judge_it(shadowed: rt.Model) -> None:
    trial = shadowed.trial("2", now=day(14)).update(day(30))
    assert "is better" in trial.advice
    shadowed.label(events(14, 6).select("id", y=1 - pl.col("y")), at=day(31))
    assert "is worse" in trial.update(day(31)).advice


def test_it_survives_restarts_and_is_found_again(shadowed: rt.Model, folder: Path) -> None:
    trial = shadowed.trial("2", now=day(14))
    assert shadowed.trial("2", now=day(20)).id == trial.id
    before = trial.judge(day(30))
    trial.update(day(30))
    with rt.open(folder) as again:
        model = again.model("flights")
        assert find(model, "latest").judge(day(30)) == before
        assert [one.id for one in model.trials()] == [trial.id]
        assert find(model, trial.id[:4]).advice == before.advice


def test_what_comes_after_it_was_stopped_does_not_count(shadowed: rt.Model) -> None:
    ended = shadowed.trial("2", now=day(14)).stop("enough", now=day(17))
    assert ended.status == "stopped"
    assert ended.judge(day(30)).standings[0].n == 3 * A_DAY
    with pytest.raises(rt.StoreError, match="was stopped already"):
        ended.stop()


def test_a_job_that_judges_a_trial_does_not_start_it_again(shadowed: rt.Model) -> None:
    """What the job read is older than what somebody did meanwhile."""
    job = shadowed.trial("2", now=day(14))
    find(shadowed, job.id).stop("enough", now=day(17))
    seen = job.update(day(30))
    assert (seen.status, seen.body["note"], seen.body["until"]) == ("stopped", "enough", day(17).isoformat())
    assert find(shadowed, job.id).body["judged"]["advice"] == seen.advice
    with pytest.raises(rt.StoreError, match="was stopped already"):
        job.stop()


def test_a_stopped_trial_is_judged_until_its_labels_have_come(shadowed: rt.Model) -> None:
    ended = shadowed.trial("2", now=day(14)).stop(now=day(17))
    assert ended.waits
    assert ended.body["judged"]["standings"][0]["n"] == A_DAY
    ended = ended.update(day(19))
    assert ended.body["judged"]["standings"][0]["n"] == 3 * A_DAY
    assert not ended.waits


def test_ids_that_recur_are_paired_by_their_dates(store: rt.Workspace) -> None:
    """A hundred ids on each of three days are three hundred events, not nine hundred pairs."""
    model = registered(store, maturity="1d")
    for number in (14, 15, 16):
        table = events(number, 1).head(100).with_columns(id=pl.format("c{}", pl.int_range(pl.len())))
        model.log(worse(table), at=day(number + 1))
        model.log(table.with_columns(pl.col("at").dt.offset_by("1s")), version="2", at=day(number + 1))
        model.store.apply("flights")
    assert model.trial("2", now=day(14)).judge(day(30)).standings[0].n == 300


def test_another_trial_of_the_same_version_is_refused(shadowed: rt.Model) -> None:
    trial = shadowed.trial("2", now=day(14))
    with pytest.raises(rt.RefusedError, match=f"trial {trial.id} runs with kind shadow, not ab") as refused:
        shadowed.trial("2", kind="ab", share=0.1)
    assert f"retrue trial stop flights {trial.id}" in str(refused.value)
    with pytest.raises(rt.RefusedError, match="runs with slices"):
        shadowed.trial("2", slices=["x > 1"])


def test_slices_that_can_t_be_told_are_refused_or_said(shadowed: rt.Model) -> None:
    with pytest.raises(rt.SliceError, match="nosuch"):
        shadowed.trial("2", slices=["nosuch > 1"])
    with pytest.raises(rt.ConfigError, match="25 slices"):
        shadowed.trial("2", slices=[f"x > {one}" for one in range(25)])
    trial = shadowed.trial("2", slices=["x > 1"], now=day(14))
    older = replace(trial, body={**trial.body, "slices": ["gone > 1"], "beyond": 3})
    assert older.judge(day(30)).warnings == (
        "not compared where gone > 1: the events lack a column of it",
        "not compared in 3 more watched slices: 24 is the most",
    )


def test_a_version_that_logs_nothing_is_said(shadowed: rt.Model) -> None:
    assert shadowed.trial("zz", now=day(14)).judge(day(30)).warnings == ("version 'zz' has logged nothing since then",)


def test_split_traffic_is_compared_day_by_day(store: rt.Workspace) -> None:
    model = registered(store, maturity="1d")
    table = events(14, 10)
    ours = pl.int_range(pl.len()) % 2 == 0
    model.log(worse(table).filter(ours).drop("y"), at=day(24))
    model.log(table.filter(~ours).drop("y"), version="2", at=day(24))
    model.label(table.select("id", "y"), at=day(25))
    found = model.trial("2", kind="ab", now=day(14)).judge(day(30))
    assert found.standings[0].n == 10 * A_DAY // 2
    assert found.outcome == "better"
    assert found.warnings == ()
    shared = model.trial("3", kind="ab", share=0.1, now=day(14))
    assert shared.judge(day(30)).standings[0].n == 0


def test_missing_labels_and_an_odd_split_are_told(store: rt.Workspace) -> None:
    model = registered(store, maturity="1d")
    table = events(14, 4)
    third = pl.int_range(pl.len()) % 3 == 0
    model.log(table.filter(~third).drop("y"), at=day(18))
    model.log(table.filter(third).drop("y"), version="2", at=day(18))
    model.label(table.select("id", "y").head(A_DAY), at=day(18))
    said = model.trial("2", kind="ab", now=day(14)).judge(day(30)).warnings
    assert "of the matured events have a label" in said[0]
    assert "not 50 % to 50 % as said" in said[1]


def test_numbers_are_compared_by_their_errors(store: rt.Workspace) -> None:
    table = events(0, 14).select("id", "at", "x", "city", y=pl.col("x") * 2.0, p=pl.col("x") * 1.9)
    model = registered(store, table, prediction="p", score=None, task="regression", maturity="1d")
    later = events(14, 6).select("id", "at", "x", "city", y=pl.col("x") * 2.0, p=pl.col("x"))
    model.log(later.drop("y"), at=day(20))
    model.log(later.drop("y").with_columns(p=pl.col("x") * 1.5), version="2", at=day(20))
    model.label(later.select("id", "y"), at=day(20))
    found = model.trial("2", now=day(14)).judge(day(30))
    assert (found.metric, found.outcome) == ("mae", "better")
    assert found.standings[0].gain == pytest.approx(0.5 * later["x"].abs().mean())  # type: ignore[operator]


def test_what_cannot_be_tried_is_told(store: rt.Workspace) -> None:
    model = registered(store)
    with pytest.raises(rt.SchemaError, match="is the champion"):
        model.trial("1")
    with pytest.raises(rt.ConfigError, match="a trial of kind 'shadows'"):
        model.trial("2", kind="shadows")
    with pytest.raises(rt.ConfigError, match="a share of 1"):
        model.trial("2", share=1.0)
    with pytest.raises(rt.SliceError):
        model.trial("2", slices=["city ="])
    with pytest.raises(rt.StoreError, match="no trials yet"):
        find(model, "latest")
    bare = store.register("bare", events(0, 14).drop("y"), id="id", time="at")
    with pytest.raises(rt.SchemaError, match="needs a label, a time and an id"):
        bare.trial("2")


def test_a_trial_is_plain_values(shadowed: rt.Model) -> None:
    trial = shadowed.trial("2", now=day(14)).update(day(30))
    said = trial.to_dict()
    assert (said["status"], said["challenger"]) == ("running", "2")
    assert said["judged"]["at"] == (day(30) + timedelta(0)).isoformat()
    assert trial.advice in repr(trial)
