"""Slices judged by themselves beside the whole: what one shows alone is told of it, what all show is told once."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import numpy as np
import polars as pl
import pytest

from retrue.core.profile import Profile
from retrue.engine import local
from retrue.engine.slices import count_slices, with_slices
from retrue.judge.assess import Judge
from retrue.judge.parts import moved_alike
from retrue.judge.settings import Settings
from retrue.judge.verdict import Verdict
from retrue.schema import Schema
from retrue.slices import Slice
from retrue.tables import read

START = datetime(2024, 1, 1, tzinfo=UTC)
CARRIERS = [f"c{i}" for i in range(10)]
A_SLICE = 60
"""Rows of a slice a day."""


def days(rng: np.random.Generator, first: int, count: int, **off: float) -> pl.DataFrame:
    """Days of ten carriers whose delays wander together and each by itself; some are off, `all` of them or by name."""
    size = (count, len(CARRIERS), A_SLICE)
    wander = 0.1 * rng.normal(size=(count, 1, 1)) + 0.1 * rng.normal(size=(count, len(CARRIERS), 1))
    more = np.array([off.get(name, 0.0) for name in CARRIERS])[None, :, None] + off.get("all", 0.0)
    day = np.repeat(np.arange(first, first + count), len(CARRIERS) * A_SLICE)
    score = 1 / (1 + np.exp(-rng.normal(size=day.size)))
    wrong = np.broadcast_to(np.array([name in off.get("wrong", ()) for name in CARRIERS])[None, :, None], size)  # type: ignore[operator]
    truth = np.where(wrong.ravel(), 1 - score, score)
    return pl.DataFrame(
        {
            "at": [START + timedelta(days=int(d)) for d in day],
            "carrier": np.broadcast_to(np.array(CARRIERS)[None, :, None], size).ravel(),
            "delay": rng.normal(wander + more, 1.0, size).ravel(),
            "p": score,
            "y": (rng.random(day.size) < truth).astype(int),
        }
    )


@pytest.fixture(scope="module")
def judge() -> Judge:
    """Who knows sixty days."""
    frame = days(np.random.default_rng(1), 0, 60)
    schema = Schema.infer(read(frame), time="at", slices=["carrier"], label="y", score="p")
    learned = local.fit_reference(read(frame), schema, window=86_400.0)
    return Judge(with_slices(learned, read(frame), 50, window=86_400.0), Settings(looks=30))


def counted(judge: Judge, frame: pl.DataFrame) -> dict[str, Profile]:
    """All rows of a window as "", and its slices."""
    slices = [Slice.parse(sql) for sql in judge.reference.slices]
    return count_slices(read(frame), judge.reference.grids, slices)


def alarms(judge: Judge, frame: pl.DataFrame) -> list[Verdict]:
    """What alarms in a window."""
    found = counted(judge, frame)
    return [verdict for verdict in judge.assess(found.pop(""), slices=found).verdicts if verdict.alarm]


def test_each_slice_has_its_windows(judge: Judge) -> None:
    assert len(judge.reference.slices) == 10
    part = judge.reference.slices["carrier = 'c3'"]
    assert [window.rows for window in part.windows] == [A_SLICE] * 60
    assert judge.strict.looks == 30 * 11, "each slice is a test like the whole"


@pytest.mark.slow
def test_ten_slices_that_wander_by_themselves_keep_the_budget(judge: Judge) -> None:
    """A month without drift: one alarm is allowed; 4 or more would be a chance of 1 in 50 were it used up."""
    rng = np.random.default_rng(2)
    found = [alarms(judge, days(rng, 60 + i, 1)) for i in range(30)]
    assert sum(map(len, found)) <= 3


def test_one_carrier_is_told_while_the_whole_is_calm(judge: Judge) -> None:
    found = alarms(judge, days(np.random.default_rng(3), 90, 1, c4=1.5))
    assert [(v.slice, v.column) for v in found] == [("carrier = 'c4'", "delay")]


def test_one_carrier_s_labels_turn(judge: Judge) -> None:
    turned = days(np.random.default_rng(4), 90, 3, wrong=("c2",))  # type: ignore[arg-type]
    assert {v.slice for v in alarms(judge, turned) if v.metric == "roc_auc" and v.slice} == {"carrier = 'c2'"}


def test_what_all_rows_show_isnt_told_of_each_slice(judge: Judge) -> None:
    found = counted(judge, days(np.random.default_rng(5), 90, 1, all=1.5))
    verdicts = judge.assess(found.pop(""), slices=found).verdicts
    assert [(v.slice, v.column) for v in verdicts if v.alarm] == [(None, "delay")]
    alike = [v for v in verdicts if v.slice and v.column == "delay"]
    assert len(alike) == 10
    assert all(v.reason.startswith("as in all rows: moved by KS") for v in alike)


def test_a_slice_that_differs_from_what_all_rows_show_is_told_too(judge: Judge) -> None:
    found = alarms(judge, days(np.random.default_rng(6), 90, 1, all=1.5, c7=-3.0))
    assert {v.slice for v in found if v.column == "delay"} == {None, "carrier = 'c7'"}


def test_a_slice_moves_alike_by_what_each_bin_s_share_was_multiplied_by(judge: Judge) -> None:
    """By hand: where the whole halves a bin, so does the slice; rows stay."""
    column = judge.reference.profile.columns["delay"].coarsen(judge.reference.grids.coarse.columns["delay"])
    part = judge.reference.slices["carrier = 'c0'"].profile.columns["delay"]
    same = moved_alike(part, column, column)
    np.testing.assert_array_equal(same.counts, part.counts)
    now = moved_alike(column, column, part)
    assert now.rows == pytest.approx(column.rows, abs=40)
    np.testing.assert_allclose(now.shares, part.shares, atol=1e-3)


def test_few_rows_say_so(judge: Judge) -> None:
    found = counted(judge, days(np.random.default_rng(7), 90, 1).filter(pl.col("carrier") != "c1"))
    verdicts = judge.assess(found.pop(""), slices=found).verdicts
    assert [v.reason for v in verdicts if v.slice == "carrier = 'c1'"] == ["0 rows, needs 50"]
