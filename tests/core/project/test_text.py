"""Texts: what they look like, and words that the reference doesn't know."""

from __future__ import annotations

from typing import Any

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from retrue.core.project import REGISTRY, apply, learn, vocabulary
from retrue.schema import Kind


def seen(name: str, texts: list[str | None], reference: list[str | None] | None = None) -> list[Any]:
    """The values of a text projection."""
    family = REGISTRY[name].family
    learned = learn(family, pl.Series(reference or texts, dtype=pl.String), Kind.TEXT)
    return apply(learned, [name], pl.Series(texts, dtype=pl.String))[name].to_list()


@pytest.mark.parametrize(
    ("name", "texts", "numbers"),
    [
        ("characters", ["", "abc", "\U0001f600", None], [0.0, 3.0, 1.0, None]),
        ("words", ["", "  one  ", "two\nwords", None], [0.0, 1.0, 2.0, None]),
        ("word_length", ["", "one three", " \t", None], [0.0, 4.0, 0.0, None]),
        ("letters", ["", "a1é ", "Ω"], [0.0, 0.5, 1.0]),
        ("digits", ["a1", "٣"], [0.5, 1.0]),
        ("upper_case", ["Ab", "É"], [0.5, 1.0]),
        ("punctuation", ["a.", "¿?", "+"], [0.5, 1.0, 0.0]),
        ("white_space", ["a\n", "\u00a0"], [0.5, 1.0]),
        ("non_ascii", ["aé", "\U0001f600"], [0.5, 1.0]),
    ],
)
def test_each_text_is_measured_and_nulls_stay(name: str, texts: list[str | None], numbers: list[Any]) -> None:
    assert seen(name, texts) == numbers


@given(st.lists(st.text(max_size=12), min_size=1, max_size=8))
def test_classes_of_characters_are_those_of_python(texts: list[str]) -> None:
    """Polars' classes of Unicode against `str.isupper` and plain counting, where the two agree on what they mean."""
    share = [sum(ord(c) > 127 for c in text) / max(len(text), 1) for text in texts]
    assert seen("non_ascii", [*texts]) == pytest.approx(share)
    assert seen("characters", [*texts]) == [len(text) for text in texts]


def test_words_are_looked_up_in_lower_case() -> None:
    reference: list[str | None] = ["The flight was late", "the crew was kind", None]
    assert seen("new_words", ["THE delayed, cancelled flight", "the", "", None, "?!"], reference) == [
        0.5,
        0,
        0,
        None,
        0,
    ]


def test_rare_words_are_out_of_vocabulary_without_being_new(monkeypatch: pytest.MonkeyPatch) -> None:
    """Of three words the two most frequent are the vocabulary; ties go by name."""
    monkeypatch.setattr(vocabulary, "FREQUENT", 2)
    reference: list[str | None] = ["a a a c b", "c"]
    assert seen("oov_share", ["a b c z"], reference) == [0.5]
    assert seen("new_words", ["a b c z"], reference) == [0.25]
    monkeypatch.setattr(vocabulary, "KEPT", 2)
    assert seen("new_words", ["a b c z"], reference) == [0.5]


def test_texts_may_be_categories_or_without_any_word() -> None:
    texts = pl.Series(["a b", "c"], dtype=pl.Categorical)
    learned = learn(vocabulary.FAMILY, texts, Kind.TEXT)
    assert apply(learned, ["new_words"], texts)["new_words"].to_list() == [0, 0]
    nothing = learn(vocabulary.FAMILY, pl.Series([None, "!"], dtype=pl.String), Kind.TEXT)
    assert apply(nothing, ["new_words"], pl.Series(["one two", "", None]))["new_words"].to_list() == [1, 0, None]
    for empty in (pl.Series([], dtype=pl.String), pl.Series([None, None], dtype=pl.Null)):
        assert apply(learned, ["new_words"], empty)["new_words"].null_count() == len(empty)
