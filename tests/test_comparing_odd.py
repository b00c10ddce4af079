"""Odd input: scores that are no probabilities, empty columns, yes and no, roles that are none."""

from __future__ import annotations

from typing import Any

import numpy as np
import polars as pl
import pytest
from tests.test_comparing import CALM, REFERENCE, ROLES, ROWS

import retrue as rt


def test_percentages_instead_of_probabilities_are_broken_and_said_aloud() -> None:
    """Log loss of the few scores within 0 to 1, or accuracy at 0.5, would be confident nonsense."""
    report = rt.compare(REFERENCE, CALM.with_columns(pl.col("p") * 100), **ROLES)
    found = report.columns["p"].verdict
    assert (found.kind.value, found.alarms) == ("broken", True)
    assert "no probability" in found.reason
    assert report.performance["log_loss"].window.value is None
    assert "no probabilities" in str(report)
    assert "no probabilities" in report.to_html()


def test_raw_margins_on_both_sides_are_a_note_and_no_alarm() -> None:
    margin = (pl.col("p") / (1 - pl.col("p"))).log()
    report = rt.compare(REFERENCE.with_columns(p=margin), CALM.with_columns(p=margin), **ROLES)
    assert report.columns["p"].verdict.kind.value == "true"
    assert report.performance["accuracy"].window.value is None
    assert report.performance["roc_auc"].window.value is not None
    assert not report.alarms
    assert "no probabilities" in str(report)


@pytest.mark.parametrize("dtype", [pl.Null, pl.String, pl.Float64], ids=str)
def test_a_column_that_was_empty_is_told_when_it_has_values(dtype: type[pl.DataType]) -> None:
    """It has no distribution to compare with, which is no reason to leave it out."""
    empty = REFERENCE.with_columns(note=pl.lit(None, dtype=dtype))
    filled = CALM.with_columns(note=pl.when(pl.int_range(ROWS) % 50 > 0).then(pl.int_range(ROWS)))
    report = rt.compare(empty, filled, **ROLES)
    found = report.columns["note"].verdict
    assert (found.kind.value, found.alarms) == ("drifting", False)
    assert found.reason == "was empty in the reference, now 98 % of 4,000 rows have values"
    assert report.to_dict()["columns"]["note"]["kind"] == "empty"
    assert found.reason in report.to_html()
    assert not report.alarms


def test_a_column_that_is_empty_on_both_sides_cant_be_told() -> None:
    report = rt.compare({"x": [None] * 200}, {"x": [None] * 300})
    found = report.columns["x"].verdict
    assert (found.kind.value, found.reason) == ("not_comparable", "the reference has no value, nor has the window")
    assert "Can't tell: x" in str(report)


@pytest.mark.parametrize(
    ("roles", "said"),
    [
        ({"lable": "y"}, "did you mean 'label'?"),
        ({"rule": ["missing(age) <= 0.1"]}, "did you mean 'rules'?"),
        ({"label": "y", "score": ["p", "q"]}, "{class: column}"),
        ({"label": "y", "score": 3}, "{class: column}"),
    ],
    ids=["typo", "an option", "a list of scores", "a number"],
)
def test_roles_that_are_none_are_refused_in_words(roles: dict[str, Any], said: str) -> None:
    with pytest.raises(rt.errors.SchemaError) as refused:
        rt.compare(REFERENCE, CALM, **roles)
    assert said in str(refused.value)


@pytest.mark.parametrize("dtype", [pl.Int64, pl.Float64], ids=str)
@pytest.mark.parametrize("swapped", [False, True], ids=["was boolean", "becomes boolean"])
def test_yes_and_no_written_as_0_and_1_are_the_same(dtype: type[pl.DataType], swapped: bool) -> None:
    """Of the label, and of a feature."""
    columns = pl.col("y", "paid").cast(pl.Boolean)
    before, after = REFERENCE.with_columns(columns), CALM.with_columns(columns.cast(pl.Int64).cast(dtype))
    if swapped:
        before, after = after, before
    report = rt.compare(before, after, **ROLES)
    assert {name: report.columns[name].verdict.kind.value for name in ("y", "paid")} == {"y": "true", "paid": "true"}
    assert not report.alarms


@pytest.mark.parametrize(
    ("columns", "moved", "said"),
    [
        (["age"], 0, "The one column is in true"),
        (["age"], 300, "The one column is out of true"),
        (["age", "amount"], 0, "Both columns are in true"),
        (["age", "amount"], 300, "1 of 2 columns is out of true"),
        (["age", "amount", "city"], 0, "All 3 columns are in true"),
    ],
)
def test_the_headline_counts_as_people_do(columns: list[str], moved: int, said: str) -> None:
    window = CALM.select(columns).with_columns(pl.col("age") + moved)
    assert str(rt.compare(REFERENCE.select(columns), window)).startswith(said)


def test_one_standard_deviation_is_singular() -> None:
    """Of u to the power of a, the mean is 1 / (1 + a): a deviation (12 to the power of -1/2) below 1/2 for this a."""
    even, power = (np.arange(ROWS) + 0.5) / ROWS, 1 / (0.5 - 12**-0.5) - 1
    before, after = ({"x": np.round(x, 2)} for x in (even, even**power))
    reason = rt.compare(before, after).columns["x"].verdict.reason
    assert reason.endswith("the mean fell by 1 standard deviation")
