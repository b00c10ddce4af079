"""Example rows: how each stands in the reference, and alike ones at once."""

from __future__ import annotations

import numpy as np
import polars as pl
from tests.report.test_incident import Told, printed

from retrue.explain.neighbours import Nearest
from retrue.explain.standing import Reason, Standing
from retrue.report.examples import cell, standings_said
from retrue.report.incident import explanation_view

THERE = pl.DataFrame({"region": ["north", "east"], "age": [41, 44], "p": [0.25, 0.5], "late": [0, 1]})
NEAR = Nearest(THERE, np.array([0.05, 0.06]), 0.05, 0.1)
NONE = Nearest(THERE.clear(), np.zeros(0), 0.4, 0.1)
NEW, FAR = Reason("region", "'south'", "is new"), Reason("age", "99", "is beyond the reference")


def usual(score: float) -> Standing:
    """A row like many."""
    return Standing(score, score, (), NEAR)


def test_one_row_is_told_with_what_the_model_did_at_its_neighbours() -> None:
    assert standings_said([usual(0.5)], ["p", "late"]) == [
        (
            "Row 1: no edge case: odder than 50 % of the reference; the nearest row of the reference is 0.05 away "
            "(p 0.250, 0.500; late 0, 1)"
        )
    ]


def test_rows_that_are_all_usual_are_told_at_once() -> None:
    assert standings_said([usual(0.5), usual(0.725)], ["late"]) == [
        "All: no edge cases: odder than at most 72.5 % of the reference, which has rows like them"
    ]


def test_rows_that_are_odd_alike_are_told_at_once_and_others_by_themselves() -> None:
    """By the columns and what is odd there, whatever the values."""
    other = Reason("region", "'west'", "is new")
    rows = [Standing(0.999, 1, (NEW,), NONE), usual(0.1), Standing(0.9999, 1, (other,), NONE)]
    assert standings_said(rows, []) == [
        (
            "Rows 1, 3: edge cases because region is new: odder than 99.9 % of the reference; "
            "nothing like them there: the nearest row is 0.4 away, and 99 % of its own rows have one within 0.1"
        ),
        "Row 2: no edge case: odder than 10 % of the reference; the nearest row of the reference is 0.05 away",
    ]


def test_a_terminal_shows_them_below_the_rows() -> None:
    told = Told(standings=(Standing(0.9999, 0.9, (FAR, NEW), NEAR),), outcome=("late",))
    lines = printed(explanation_view(told), width=200)
    assert lines[-4:-2] == [
        "",
        (
            "Row 1: an edge case because age 99 is beyond the reference, region 'south' is new: odder than 99.99 % "
            "of the reference; the nearest row of the reference is 0.05 away (late 0, 1)"
        ),
    ]


def test_one_without_neighbours_is_not_denied_by_a_middling_score() -> None:
    """Not "an edge case: odder than 76 % of the reference"."""
    (said,) = standings_said([Standing(0.76, 0.8, (), NONE)], [])
    assert said.startswith("Row 1: an edge case; nothing like it in the reference")
    (said,) = standings_said([Standing(0.76, 0.8, (), NONE)] * 2, [])
    assert said.startswith("All: edge cases; nothing like them there")


def test_long_values_are_cut() -> None:
    assert cell("x" * 400) == "x" * 39 + "…"
