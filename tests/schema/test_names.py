"""Names are split into words as people read them."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from retrue.schema.names import name_words, names_amount, names_code, names_key


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("lpep_pickup_datetime", ("lpep", "pickup", "datetime")),
        ("DOLocationID", ("do", "location", "id")),
        ("s01_EMA_0.001", ("s", "01", "ema", "0", "001")),
        ("customerIDs", ("customer", "ids")),
        ("größe", ("größe",)),
        ("user-id", ("user", "id")),
        ("Total Charges", ("total", "charges")),
        ("", ()),
    ],
)
def test_names_are_split_at_punctuation_digits_and_case(name: str, words: tuple[str, ...]) -> None:
    assert name_words(name) == words


@given(st.text())
def test_any_name_can_be_split(name: str) -> None:
    assert all(word == word.lower() and word for word in name_words(name))


def test_the_last_word_tells_a_code_and_any_word_an_amount() -> None:
    assert [names_code(name) for name in ("payment_type", "type_of_payment", "id")] == [True, False, True]
    assert [names_key(name) for name in ("userId", "id_count", "paid")] == [True, False, False]
    assert [names_amount(name) for name in ("n_children", "weekday", "agent")] == [True, False, False]
