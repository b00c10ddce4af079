"""The table of functions: each entry works as it says."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path

import polars as pl
import pytest

from retrue.slice_sql.functions import COALESCE, FUNCTIONS, INSTEAD, NAMES, check_arity
from retrue.slice_sql.tree import MAX_NESTING, MAX_TEXT
from retrue.slices import Slice

FRAME = pl.DataFrame({"x": [-2.5, None], "s": [" Ab ", None], "t": [datetime(2013, 11, 3, 14, 5), None]})

VALUES = {
    "ABS(x)": "2.5",
    "ROUND(x)": "-3",
    "ROUND(x / 2, 1)": "-1.3",
    "FLOOR(x)": "-3",
    "CEIL(x)": "-2",
    "ISNAN(x)": "FALSE",
    "LENGTH(s)": "4",
    "LOWER(s)": "' ab '",
    "UPPER(s)": "' AB '",
    "TRIM(s)": "'Ab'",
    "YEAR(t)": "2013",
    "QUARTER(t)": "4",
    "MONTH(t)": "11",
    "DAY(t)": "3",
    "ISODOW(t)": "7",
    "HOUR(t)": "14",
    "MINUTE(t)": "5",
}


@pytest.mark.parametrize(("call", "value"), VALUES.items())
def test_each_function_gives_what_it_says_and_null_for_null(call: str, value: str) -> None:
    """By hand: 3 November 2013 was a Sunday; -2.5 rounds away from zero."""
    answer = FRAME.select(Slice.parse(f"{call} = {value}").bind(FRAME.schema).alias("answer"))["answer"]
    assert answer.to_list() == [True, None]


def test_every_function_is_tried_here() -> None:
    """A function that is added gets a value above."""
    assert {call.partition("(")[0] for call in VALUES} == set(FUNCTIONS)


@pytest.mark.parametrize("name", FUNCTIONS)
def test_every_function_says_what_it_does(name: str) -> None:
    """The docs are made of this: a signature that begins with the name, and a meaning."""
    assert FUNCTIONS[name].signature.startswith(f"{name}(")
    assert FUNCTIONS[name].meaning


def test_a_number_of_arguments_that_does_not_fit_gives_the_signature() -> None:
    """None means that it fits."""
    assert check_arity("ROUND", 1) is check_arity("ROUND", 2) is check_arity("COALESCE", 5) is None
    assert check_arity("ROUND", 3) == "ROUND(x, digits)"
    assert check_arity("COALESCE", 1) == COALESCE
    assert check_arity("ABS", 0) == "ABS(x)"


def test_names_of_other_dialects_are_not_ours() -> None:
    """A hint never hides a function that there is."""
    assert not set(INSTEAD) & set(NAMES)


def test_coalesce_takes_the_first_that_is_not_null() -> None:
    """Its arguments may be of any family, as long as it is the same."""
    frame = pl.DataFrame({"a": [None, None, 1], "b": [None, 2, 3]})
    assert Slice.parse("COALESCE(a, b, 0) = 2").mask(frame).to_list() == [False, True, False]
    assert Slice.parse("COALESCE(a > 0, FALSE)").mask(frame).to_list() == [False, False, True]


def test_the_docs_list_every_function() -> None:
    """With the words of the table."""
    page = (Path(__file__).parents[2] / "docs" / "slices.md").read_text(encoding="utf-8")
    lines = [f"| `{function.signature}` | {function.meaning} |" for function in FUNCTIONS.values()]
    assert [line for line in lines if line not in page] == []
    assert f"| `{COALESCE}` |" in page
    assert f"{MAX_TEXT:,} characters and nest {MAX_NESTING} levels" in page
