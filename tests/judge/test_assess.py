"""One judge for compare and check: what it measures, what it judges, and what it can't."""

from __future__ import annotations

from typing import Any

import numpy as np
import polars as pl
import pytest
from sklearn.metrics import accuracy_score, roc_auc_score

from retrue.core.reference import Reference
from retrue.engine import local
from retrue.judge.assess import Judge
from retrue.judge.measured import safely
from retrue.judge.rules import Rule
from retrue.judge.verdict import VerdictKind
from retrue.metrics import get
from retrue.schema import Kind, Schema
from retrue.tables import read

DAY = 86_400.0
SPAN = ("2024-01-01T00:00:00+00:00", "2024-01-02T00:00:00+00:00")


def times(rows: int, days: float, first: float = 0) -> pl.Series:
    """Times spread evenly over some days."""
    seconds = pl.Series((first + np.arange(rows) * days / rows) * DAY)
    return pl.from_epoch((seconds * 1e6).cast(pl.Int64), time_unit="us")


def table(seed: int, rows: int = 3_000) -> pl.DataFrame:
    """Scores that foretell labels, over ten days."""
    rng = np.random.default_rng(seed)
    x = rng.normal(size=rows)
    score = 1 / (1 + np.exp(-2 * x))
    return pl.DataFrame(
        {
            "t": times(rows, 10, seed * 10),
            "x": x,
            "city": rng.choice(["a", "b"], rows),
            "p": score,
            "y": (rng.random(rows) < score).astype(int),
        }
    )


def judge(frame: pl.DataFrame, rules: tuple[str, ...] = (), **options: Any) -> Judge:
    """A judge by these rows."""
    source = read(frame)
    schema = Schema.infer(source, time="t", label="y", score="p")
    return Judge(local.fit_reference(source, schema, **options), rules=[Rule.parse(rule) for rule in rules])


def profiled(one: Judge, frame: pl.DataFrame) -> Any:
    """A window's profile."""
    return local.count(read(frame), one.reference.grids)


def test_every_column_has_one_verdict_in_its_window() -> None:
    one = judge(table(0))
    found = one.assess(profiled(one, table(1)), span=SPAN)
    columns = [verdict.column for verdict in found.verdicts if verdict.column is not None]
    assert sorted(columns) == ["city", "p", "x", "y"]
    assert {verdict.window for verdict in found.verdicts} == {SPAN}
    assert {verdict.kind for verdict in found.verdicts} == {VerdictKind.TRUE}


def test_performance_is_measured_on_both_sides() -> None:
    one, window = judge(table(0)), table(1)
    found = one.assess(profiled(one, window)).performance
    for side, frame in enumerate((window, table(0))):
        assert found["roc_auc"][side].value == pytest.approx(roc_auc_score(frame["y"], frame["p"]), abs=1e-3)
        assert found["accuracy"][side].value == accuracy_score(frame["y"], frame["p"] >= 0.5)


@pytest.mark.parametrize("lacking", ["window", "reference"])
def test_labels_on_one_side_only_judge_no_performance(lacking: str) -> None:
    before, after = table(0), table(1)
    if lacking == "window":
        after = after.with_columns(y=pl.lit(None, pl.Int64))
    else:
        before = before.with_columns(y=pl.lit(None, pl.Int64))
    source = read(before)
    schema = Schema.infer(source, label="y", score="p", task="binary", positive="1")
    one = Judge(local.fit_reference(source, schema, without=["y"]))
    found = one.assess(profiled(one, after))
    assert [verdict for verdict in found.verdicts if verdict.column is None] == []
    assert bool(found.impacts) is (lacking == "window")


def test_what_a_move_costs_is_known_with_labels() -> None:
    """All x above 1, where the reference's accuracy was better: the impact says how much, within its interval."""
    before = table(0, 20_000)
    high = before.filter(pl.col("x") > 1)
    one = judge(before)
    cost = one.assess(profiled(one, high)).impacts["x"]
    gained = accuracy_score(high["y"], high["p"] >= 0.5) - accuracy_score(before["y"], before["p"] >= 0.5)
    assert cost.interval[0] <= gained <= cost.interval[1]
    assert cost.value == pytest.approx(gained, abs=0.01)


def test_rules_about_slices_need_the_slice_s_profile() -> None:
    rule = "accuracy[city = 'a'] >= 0.99"
    one, window = judge(table(0), (rule,)), table(1)
    own = window.filter(pl.col("city") == "a")
    whole, part = profiled(one, window), profiled(one, own)
    without = [v for v in one.assess(whole).verdicts if v.slice is not None]
    given = [v for v in one.assess(whole, slices={"city = 'a'": part}).verdicts if v.slice is not None]
    assert [verdict.kind for verdict in without] == [VerdictKind.NOT_COMPARABLE]
    assert [verdict.kind for verdict in given] == [VerdictKind.DEGRADED]
    assert given[0].value == accuracy_score(own["y"], own["p"] >= 0.5)
    assert given[0].n == own.height


def test_rules_about_columns_of_slices_are_measured_on_coarse_grids() -> None:
    """Slices keep 64 bins; the reference is merged to meet them."""
    one, window = judge(table(0), ("mean(x)[city = 'a'] <= -1",)), table(1)
    own = window.filter(pl.col("city") == "a")
    coarse = local.count(read(own), one.reference.grids.coarse)
    found = [v for v in one.assess(profiled(one, window), slices={"city = 'a'": coarse}).verdicts if v.slice]
    assert found[0].kind is VerdictKind.BROKEN
    assert found[0].value == pytest.approx(own["x"].mean())


def test_a_reference_s_own_windows_say_what_is_normal() -> None:
    """Means that wander by half a standard deviation from day to day: the next such day is no news."""
    frame, rng = table(0, 10_000), np.random.default_rng(7)
    steps = pl.Series(np.repeat(rng.normal(0, 0.5, 20), 500))
    wandering = frame.with_columns(t=times(10_000, 20), x=pl.col("x") + steps)
    moved = table(1, 500).with_columns(x=pl.col("x") + 0.5)
    told = []
    for window in (None, DAY):
        one = judge(wandering, window=window)
        assert len(one.reference.windows) == (0 if window is None else 20)
        assert (one.normal.nulls != {}) is (window is not None)
        told.append(next(v for v in one.assess(profiled(one, moved)).verdicts if v.column == "x"))
    assert told[0].kind is VerdictKind.DRIFTING
    assert told[1].kind is VerdictKind.TRUE
    assert (told[1].threshold or 0) > 2 * (told[0].threshold or 0)


def test_a_stored_reference_judges_as_the_one_that_was_stored() -> None:
    one = judge(table(0), window=DAY)
    again = Judge(Reference.from_bytes(one.reference.to_bytes()))
    window = table(1).with_columns(x=pl.col("x") + 0.3)
    assert again.assess(profiled(one, window)).verdicts == one.assess(profiled(one, window)).verdicts


def test_what_a_projection_gives_is_numeric() -> None:
    frame = table(0).with_columns(note=pl.Series([f"note {i}" for i in range(3_000)]))
    one = judge(frame)
    assert one.kind_of("note.characters") is Kind.NUMERIC
    assert one.kind_of("city") is Kind.CATEGORICAL


def test_a_metric_that_fails_says_why() -> None:
    found = safely(get("ks"), None, None)
    assert found.value is None
    assert (found.note or "").startswith("ks failed: AttributeError: 'NoneType'")
