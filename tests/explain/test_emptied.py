"""Columns that go missing in the same rows are told once, all of them by name, and no other is hidden by that."""

from __future__ import annotations

import json

import numpy as np
import polars as pl
import pytest

import retrue as rt

N = 2_000
NAMES = ["temp", "humid", "wind", "price"]


def table(seed: int, **missing: np.ndarray) -> pl.DataFrame:
    """Four columns of numbers, some of them missing in some rows."""
    rng = np.random.default_rng(seed)
    frame = pl.DataFrame({name: rng.normal(size=N) for name in NAMES})
    return frame.with_columns(pl.when(pl.Series(~gone)).then(name).alias(name) for name, gone in missing.items())


def rows(seed: int, share: float = 0.2) -> np.ndarray:
    """Some rows by chance."""
    return np.random.default_rng(seed).random(N) < share


def test_one_verdict_names_all_columns_of_the_same_rows_and_another_one_those_of_others() -> None:
    silent = rows(1)
    found = rt.compare(table(2), table(3, temp=silent, humid=silent, wind=silent, price=rows(4)))
    told = {alarm.columns or (alarm.column,): alarm for alarm in found.alarms}
    assert set(told) == {("temp", "humid", "wind"), ("price",)}
    share = f"{100 * silent.mean():.0f} %"
    reason = f"missing rose from 0 % to {share} of 2,000 rows; humid and wind are missing in the same rows"
    assert told["temp", "humid", "wind"].reason == reason
    assert found.columns["wind"].verdict.reason == f"missing rose from 0 % to {share} of 2,000 rows"
    assert "4 of 4 columns are out of true" in str(found)
    assert "temp and 2 more" in str(found)
    assert json.loads(found.to_json())["verdicts"][0]["kind"] == "broken"


@pytest.mark.parametrize(("shared", "alarms"), [(0.95, 1), (0.5, 2), (0.0, 2)])
def test_rows_that_are_only_partly_the_same_are_told_apart(shared: float, alarms: int) -> None:
    silent, other = rows(1), rows(5)
    wind = np.where(rows(6, shared), silent, other)
    found = rt.compare(table(2), table(3, temp=silent, wind=wind))
    assert len(found.alarms) == alarms
    assert ("mostly the same rows" in found.alarms[0].reason) == (alarms == 1)


def test_what_else_is_wrong_and_what_a_rule_says_stay_told_by_themselves() -> None:
    silent = rows(1)
    window = table(3, temp=silent, humid=silent, wind=silent)
    odd = window.with_columns(humid=pl.col("humid") * 100)
    found = rt.compare(table(2), odd, rules=["missing(wind) <= 0.02"])
    assert [alarm.columns for alarm in found.alarms] == [()] * len(found.alarms)
    assert {alarm.column for alarm in found.alarms} == {"temp", "humid", "wind"}
