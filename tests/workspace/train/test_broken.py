"""Nothing is learned from rows of broken windows unasked, and no policy starts a run while the data are broken."""

from __future__ import annotations

from dataclasses import replace

import polars as pl
import pytest
from sklearn.compose import make_column_transformer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder
from tests.workspace.conftest import A_DAY, day, events, live, registered

import retrue as rt
from retrue.judge.incident import Incident, State
from retrue.judge.verdict import Verdict, VerdictKind
from retrue.workspace.decide.situation import situation
from retrue.workspace.run import Run
from retrue.workspace.train.broken import Fault, broken_verdicts, faults_of, is_broken, lasts

LEARNER = rt.Trainer(
    make_pipeline(make_column_transformer((OneHotEncoder(), ["city"])), LogisticRegression()), isolated=False
)
"""It doesn't read what is missing."""


def incident(*verdicts: Verdict, real: bool | None = None) -> Incident:
    """An incident of these verdicts."""
    return Incident(
        "i", "m", verdicts[0].kind, State.OPEN, day(0).isoformat(), None, ("x",), verdicts, "x is missing", real=real
    )


def missing(first: float, last: float, kind: VerdictKind = VerdictKind.BROKEN) -> Verdict:
    """A verdict on a window of days."""
    return Verdict(kind, "missing", "missing", "x", window=(day(first).isoformat(), day(last).isoformat()))


def test_a_broken_incident_holds_until_two_windows_came_without_a_fault() -> None:
    """As an incident ends: of days after two days, of weeks after two weeks."""
    assert [lasts(incident(missing(0, 1)), day(at), 2) for at in (1, 2.9, 3)] == [True, True, False]
    assert [lasts(incident(missing(0, 7)), day(at), 2) for at in (20, 21)] == [True, False]


def test_what_began_broken_and_goes_on_as_something_else_holds_no_run_back() -> None:
    drifts = [missing(number, number + 1, VerdictKind.DRIFTING) for number in range(1, 30)]
    assert not lasts(incident(missing(0, 1), *drifts), day(30), 2)
    assert not lasts(incident(*drifts), day(30), 2)


def test_a_false_alarm_holds_no_run_back() -> None:
    assert not lasts(incident(missing(0, 1), real=False), day(1), 2)


@pytest.mark.parametrize(("share", "holds"), [(0.04, False), (0.1, True), (None, True)])
def test_a_few_bad_rows_spoil_no_window(share: float | None, *, holds: bool) -> None:
    """They alarm; but values beyond last year's are what a model has to learn."""
    told = incident(replace(missing(0, 1), metric="out_of_range", value=share))
    assert (lasts(told, day(1), 2), bool(broken_verdicts(told))) == (holds, holds)


def test_rows_of_a_fault_are_told_by_time_and_slice() -> None:
    """By hand: of four rows a day apart, the second day's; of a slice only its rows, or all if it can't be told."""
    frame = pl.DataFrame({"at": [day(n) for n in range(4)], "city": ["JFK", "LGA", "JFK", "JFK"]})
    told = [Fault(day(1).isoformat(), day(3).isoformat(), sql) for sql in (None, "city = 'JFK'", "gone = 1")]
    assert [is_broken(frame, "at", [one]).tolist() for one in told] == [
        [False, True, True, False], [False, False, True, False], [False, True, True, False],
    ]  # fmt: skip
    assert not is_broken(frame.drop("at"), "at", told).any()


@pytest.fixture
def faulty(store: rt.Workspace) -> rt.Model:
    """Ten days of events; on days 16 and 17 x is missing in most rows, which was noticed."""
    model = registered(store, maturity="1d", retraining={"when": "schedule", "every": "1d", "gap": "1d"})
    lost = pl.when(pl.col("at").is_between(day(16), day(18), closed="left") & (pl.col("city") != "EWR"))
    live(model, events(14, 10).with_columns(x=lost.then(None).otherwise(pl.col("x"))))
    model.check(now=day(24))
    return model


def learned(model: rt.Model, *, broken: bool = False) -> Run:
    """Train on the log, and its first week as a collection."""
    early = model.collect("x < 10 OR x IS NULL", until=day(20), name="early")
    mix = rt.Mix({model.logged(): 0.5, early: 0.5}, broken=broken)
    return model.retrain(LEARNER, mix=mix, holdout="2d", now=day(24))


def test_rows_of_broken_windows_are_left_out_of_every_part_and_the_manifest_says_so(faulty: rt.Model) -> None:
    run = learned(faulty)
    said = run.manifest
    assert [(one["since"], one["until"]) for one in said["broken"]] == [
        (day(n).isoformat(), day(n + 1).isoformat()) for n in (16, 17)
    ]
    assert said["broken"][0]["reason"].startswith("x: missing rose")
    assert said["left_out"]["of broken windows"] == 2 * 2 * A_DAY
    ids = pl.read_parquet(run.folder / "training.parquet")["id"]
    assert not ids.is_in(
        events(14, 10).filter(pl.col("at").is_between(day(16), day(18), closed="left"))["id"].implode()
    ).any()
    again = run.rebuild()
    assert (again.changed, again.digest) == ((), said["digest"])


def test_who_knows_may_learn_from_them(faulty: rt.Model) -> None:
    run = learned(faulty, broken=True)
    assert "of broken windows" not in run.manifest["left_out"]
    assert (run.manifest["broken"], run.manifest["mix"]["broken"]) == ([], True)
    assert run.rebuild().same


def test_a_false_alarm_is_learned_from(faulty: rt.Model) -> None:
    for one in faulty.incidents():
        one.mark(real=False)
    assert faults_of(faulty) == ()


def test_a_policy_waits_while_data_are_broken_and_says_what_it_leaves_out(faulty: rt.Model) -> None:
    """The fault ended with day 17; two whole days later a run may start, without those rows."""
    known = situation(faulty, day(24), faulty.options.policy)
    assert (known.broken, known.spoilt) == ((), 2 * A_DAY)
    said = faulty.decide(day(24)).answer
    assert said.answer == "retrain"
    assert said.because.endswith("; 600 rows of broken windows are left out")


def test_nothing_is_left_where_all_was_broken(store: rt.Workspace) -> None:
    model = registered(store, maturity="1d")
    live(model, events(14, 4).with_columns(x=pl.lit(None, pl.Float64)))
    model.check(now=day(20))
    with pytest.raises(rt.RefusedError, match="are of windows that were judged broken") as refused:
        model.retrain(LEARNER, mix=rt.Mix({model.logged(): 1.0}), now=day(20))
    assert "rt.Mix(..., broken=True)" in str(refused.value)


def test_a_day_tells_more_closely_than_the_week_around_it(faulty: rt.Model, monkeypatch: pytest.MonkeyPatch) -> None:
    """A fault of a longer window counts only where no shorter one of its column lies in it."""
    week, other = missing(14, 21), replace(missing(14, 21), column="city")
    found = [incident(missing(16, 17), week, other)]
    monkeypatch.setattr("retrue.workspace.train.broken.load_incidents", lambda _: found)
    assert [(one.since, one.column) for one in faults_of(faulty)] == [
        (day(14).isoformat(), "city"), (day(16).isoformat(), "x"),
    ]  # fmt: skip
