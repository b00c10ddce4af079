"""A monitor judges each window by what was known then."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import numpy as np
import polars as pl
import pytest

from retrue.core.profile import Profile
from retrue.engine import local
from retrue.judge.assess import Judge
from retrue.judge.monitor import Monitor, Watched
from retrue.judge.rules import Rule
from retrue.schema import Schema
from retrue.tables import read

START = datetime(2026, 1, 5, tzinfo=UTC)


def rows(n: int, seed: int) -> pl.DataFrame:
    """One column, standard normal."""
    return pl.DataFrame({"x": np.random.default_rng(seed).normal(size=n)})


@pytest.fixture(scope="module")
def judge() -> Judge:
    """A judge by a thousand rows."""
    source = read(rows(1_000, 0))
    return Judge(local.fit_reference(source, Schema.infer(source)))


def window(judge: Judge, number: int, n: int) -> Watched:
    """A day of so many rows."""
    start = START + timedelta(days=number)
    profile: Profile = local.count(read(rows(n, number + 1)), judge.reference.grids)
    return Watched((start.isoformat(), (start + timedelta(days=1)).isoformat()), {"": profile})


def test_a_window_sees_only_those_before_it(judge: Judge) -> None:
    """The fault on the thirteenth day doesn't make the fourteenth, or the twelfth, look normal or odd."""
    monitor = Monitor(Rule.parse("rows within 5 sigma"), judge)
    sizes = [100 + i % 3 for i in range(12)] + [300, 101]
    found = monitor.judge_all([monitor.figure(window(judge, i, n)) for i, n in enumerate(sizes)])
    assert [verdict.kind.value for verdict in found] == ["not_comparable"] * 10 + ["true", "true", "silent", "true"]
    assert found[12].threshold == pytest.approx(101 + 5 * np.std(sizes[:12], ddof=1))


def test_the_order_in_which_windows_come_doesnt_matter(judge: Judge) -> None:
    monitor = Monitor(Rule.parse("mean(x) within 3 mad"), judge)
    figures = [monitor.figure(window(judge, i, 50)) for i in range(14)]
    assert monitor.judge_all(figures) == monitor.judge_all(figures[::-1])


def test_a_slice_without_rows_cant_be_judged(judge: Judge) -> None:
    monitor = Monitor(Rule.parse("mean(x)[x > 3] <= 2 * reference"), judge)
    (found,) = monitor.judge_all([monitor.figure(window(judge, 0, 50))])
    said = found.kind.value, found.reason, found.slice
    assert said == ("not_comparable", "mean(x): nothing was measured", "x > 3")


def test_it_is_called_by_its_rule(judge: Judge) -> None:
    assert str(Monitor(Rule.parse("rows>=10"), judge)) == "rows >= 10"
