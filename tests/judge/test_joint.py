"""The test of what columns do together: it finds what no single column shows, rarely says so wrongly, never twice."""

from __future__ import annotations

from dataclasses import replace
from functools import cache

import numpy as np
import polars as pl
import pytest

from retrue.core.joint import JOINT, JointSums
from retrue.core.reference import Reference
from retrue.engine import local
from retrue.judge.assess import Judge
from retrue.judge.joint import judge_joint
from retrue.judge.joint_null import JointNull, counter_of, learn_joint
from retrue.judge.settings import Settings
from retrue.judge.verdict import Verdict, VerdictKind
from retrue.schema import Schema
from retrue.tables import read

DAY = 86_400
ROWS = 1_000


def days(seed: int, count: int, rho: float = 0.0, wander: float = 0.0, turn: float = 0.0) -> pl.DataFrame:
    """Days of rows: left and right correlate by rho (give or take `turn` a day), age and city are by themselves.

    The means of the numbers wander from day to day.
    """
    rng = np.random.default_rng(seed)
    day = np.repeat(np.arange(count), ROWS)
    path = wander * rng.normal(size=(count, 3))[day]
    own = np.clip(rho + turn * rng.normal(size=count), -0.95, 0.95)[day]
    left, noise, age = rng.normal(size=(3, day.size))
    right = own * left + np.sqrt(1 - own**2) * noise
    return pl.DataFrame(
        {
            "at": pl.from_epoch(pl.Series(day * DAY)),
            "left": left + path[:, 0],
            "right": right + path[:, 1],
            "age": age + path[:, 2],
            "city": rng.choice(list("aaabbc"), day.size),
        }
    )


@cache
def reference(rho: float = 0.0, wander: float = 0.0, turn: float = 0.0, count: int = 40) -> Reference:
    table = read(days(1, count, rho, wander, turn))
    return local.fit_reference(table, Schema.infer(table, time="at"), window=DAY, joint=True)


def told(judge: Judge, window: pl.DataFrame) -> Verdict:
    """The verdict on all columns together."""
    found = judge.assess(local.count(read(window), judge.reference.grids)).verdicts
    return next(verdict for verdict in found if verdict.metric == "mmd")


@pytest.mark.parametrize(("rho", "said"), [(0.3, 0.3), (-0.9, 0.7)])
def test_a_correlation_that_no_column_shows_is_found_and_named(rho: float, said: float) -> None:
    judge = Judge(reference())
    window = days(2, 1, rho)
    verdict = told(judge, window)
    assert (verdict.kind, verdict.alarm, verdict.column) == (VerdictKind.DRIFTING, True, None)
    assert verdict.reason.startswith("left and right changed together: dependence ")
    assert verdict.reason.endswith("no single column explains it")
    assert verdict.value == pytest.approx(said, abs=0.1)
    assert verdict.n == ROWS
    others = judge.assess(local.count(read(window), judge.reference.grids)).verdicts
    assert [v.metric for v in others if v.alarm] == ["mmd"]


def test_a_little_of_everything_is_found_too() -> None:
    """One common cause behind all numbers: no pair's correlation alone is beyond doubt, all together are."""
    rng = np.random.default_rng(0)

    def rows(n: int, share: float) -> pl.DataFrame:
        common = rng.normal(size=(n, 1))
        values = np.sqrt(share) * common + np.sqrt(1 - share) * rng.normal(size=(n, 20))
        return pl.DataFrame({f"x{i}": values[:, i] for i in range(20)})

    table = read(rows(20_000, 0.0))
    verdict = told(Judge(local.fit_reference(table, Schema.infer(table), joint=True)), rows(2_000, 0.06))
    assert verdict.alarm
    assert "190 pairs" in verdict.reason
    assert verdict.value == pytest.approx(0.06, abs=0.02)


def test_what_single_columns_say_is_not_told_twice() -> None:
    """Of two columns that belong together one goes its own way: only it is told."""
    judge = Judge(reference(rho=0.9))
    window = days(2, 1, 0.9).with_columns(left=-pl.col("left") + 0.3)
    found = judge.assess(local.count(read(window), judge.reference.grids)).verdicts
    assert [(v.column, v.metric) for v in found if v.alarm] == [("left", "ks")]


def test_pairs_of_columns_that_held_still_are_judged_beside_one_that_moved() -> None:
    judge = Judge(reference())
    assert "left and right" in told(judge, days(2, 1, 0.9).with_columns(pl.col("age") + 2)).reason


def test_where_all_moved_by_themselves_it_says_so() -> None:
    judge = Judge(reference())
    moved = days(2, 1).with_columns(pl.col("left", "right", "age") * 3 + 2)
    assert told(judge, moved).reason == "each pair of columns has one that moved by itself, or isn't watched"


def test_pairs_of_columns_that_nobody_watches_alarm_nobody() -> None:
    window = days(2, 1, 0.9)
    assert told(Judge(reference(), Settings(watch=("left", "right"))), window).alarm
    assert not told(Judge(reference(), Settings(watch=("age", "left"))), window).alarm


def test_few_rows_are_not_comparable() -> None:
    verdict = told(Judge(reference()), days(2, 1).head(30))
    assert (verdict.kind, verdict.reason) == (VerdictKind.NOT_COMPARABLE, "30 rows to see columns together, needs 50")


def test_a_reference_without_sums_has_no_such_test() -> None:
    """One that was stored before, or that has one column."""
    whole = reference()
    before = replace(
        whole, grids=whole.grids.in_slices, profile=replace(whole.profile, extras={}), windows=(), slices={}
    )
    judge, now = Judge(before), Judge(replace(whole, windows=()))
    assert judge.tests == now.tests - 1
    window = local.count(read(days(2, 1)), before.grids)
    assert all(verdict.metric != "mmd" for verdict in judge.assess(window).verdicts)
    assert learn_joint(before, judge.normal) is None


@pytest.mark.parametrize(("wander", "turn"), [(0.0, 0.0), (0.1, 0.0), (0.0, 0.05)], ids=["still", "means", "pairs"])
def test_no_drift_keeps_the_budget(wander: float, turn: float) -> None:
    """Windows that wander as the reference's do: of 250 at 2 % each, at most 12 alarm (binomial, 1 in 200)."""
    base = reference(0.5, wander, turn)
    counter, before = counter_of(base), base.profile.extras[JOINT]
    assert counter is not None
    assert isinstance(before, JointSums)
    null = learn_joint(base, Judge(base).normal)
    assert null is not None
    rows = days(7, 250, 0.5, wander, turn)
    windows = counter.count_groups(rows, [np.arange(i * ROWS, (i + 1) * ROWS) for i in range(250)])
    verdicts = [judge_joint(w, before, null, 0.02, Settings(drift=0.0)) for w in windows if isinstance(w, JointSums)]
    assert len(verdicts) == 250
    assert sum(verdict.alarms for verdict in verdicts) <= 12


def test_pairs_that_wander_widen_their_threshold() -> None:
    still, moving = (learn_joint(base, Judge(base).normal) for base in (reference(0.5), reference(0.5, 0.0, 0.1)))
    assert still is not None
    assert moving is not None
    assert still.noise(900, 1e-3)[0, 0] < 0.2 < moving.noise(900, 1e-3)[0, 0]


def test_few_windows_show_no_wander() -> None:
    base = reference()
    counter, before = counter_of(base), base.profile.extras[JOINT]
    assert counter is not None
    assert isinstance(before, JointSums)
    null = JointNull.learn(counter, before, [before] * 3)
    assert not null.wander.any()
    assert null.design == 1


@pytest.mark.parametrize(("known", "kind"), [(0, "true"), (1, "not_comparable"), (5, "not_comparable"), (6, "true")])
def test_nothing_is_said_of_pairs_before_it_is_known_how_they_vary(known: int, kind: str) -> None:
    """A version that was trained on a mix begins with few windows; a reference without times has none, ever."""
    base = reference()
    counter, before = counter_of(base), base.profile.extras[JOINT]
    assert counter is not None
    assert isinstance(before, JointSums)
    told = judge_joint(before, before, JointNull.learn(counter, before, [before] * known), 0.01, Settings())
    assert told.kind == kind
    assert ("needs 6" in told.reason) == (kind == "not_comparable")
