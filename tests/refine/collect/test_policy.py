"""A policy is one line of text that prints as it is read, and refuses what takes nothing."""

from __future__ import annotations

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from retrue.core.hashing import numbers
from retrue.errors import ConfigError
from retrue.refine.collect import Policy


@pytest.mark.parametrize(
    ("text", "printed"),
    [
        ("always", "always"), ("ALWAYS", "always"), ("10%", "10 %"), ("2.5 %", "2.5 %"), ("100 %", "always"),
        ("200", "200"), ("1,000 a day", "1000 per day"), ("200 per day by benefit", "200 per day by benefit"),
        ('50 by "expected gain"', '50 by "expected gain"'),
    ],
)  # fmt: skip
def test_a_policy_prints_as_it_is_read(text: str, printed: str) -> None:
    policy = Policy.parse(text)
    assert str(policy) == printed
    assert Policy.parse(printed) == policy


@pytest.mark.parametrize(
    "text", ["", "0", "0 per day", "0 %", "101 %", "-3", "often", "10 % per day", "9" * 12, "5 by"]
)
def test_what_takes_nothing_or_says_nothing_is_refused(text: str) -> None:
    with pytest.raises(ConfigError):
        Policy.parse(text)


@given(st.text(max_size=40))
def test_any_text_is_read_or_refused(text: str) -> None:
    try:
        policy = Policy.parse(text)
    except ConfigError:
        return
    assert Policy.parse(str(policy)) == policy


def test_a_policy_and_a_budget_are_one_too_many() -> None:
    with pytest.raises(ConfigError, match="a policy and a budget"):
        Policy.of("always", 5)


@pytest.mark.parametrize(("by", "said"), [("gone", "no column 'gone'"), ("city", "column 'city' is String")])
def test_a_column_to_choose_by_must_be_a_number(by: str, said: str) -> None:
    frame = pl.DataFrame({"city": ["JFK", "LGA"], "_h": [1, 2]})
    with pytest.raises(ConfigError, match=said):
        Policy(budget=1, by=by).draw(frame, numbers(frame["_h"]))


def test_a_column_without_any_value_chooses_as_if_all_were_alike() -> None:
    frame = pl.DataFrame({"x": [None, None, None], "_h": [3, 2, 1]})
    assert Policy(budget=1, by="x").draw(frame, numbers(frame["_h"])).rows.tolist() == [2]
