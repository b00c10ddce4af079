"""What a text looks like: its length, its words, and the share of its characters of each class.

Counted by Polars in a few passes over the bytes; nothing is learned.
"""

from __future__ import annotations

import polars as pl

from retrue.core.project.registry import Family, Projection, register
from retrue.core.state import Fields
from retrue.core.values import text_rows
from retrue.schema import Kind

CLASSES = {
    "letters": (r"\p{L}", "letters of any script"),
    "digits": (r"\p{Nd}", "digits"),
    "upper_case": (r"\p{Lu}", "capital letters"),
    "punctuation": (r"\p{P}", "punctuation"),
    "white_space": (r"\s", "white space"),
    "non_ascii": (r"[^\x00-\x7F]", "outside ASCII: accents, other scripts, emoji"),
}
"""Classes of characters: the pattern, and what it holds."""


def lengths(series: pl.Series, _learned: Fields) -> dict[str, pl.Series]:
    """Characters, words, and characters a word; a text without words has words of length 0."""
    texts = text_rows(series)
    characters, words = texts.str.len_chars(), texts.str.count_matches(r"\S+")
    letters = characters - texts.str.count_matches(r"\s")
    return {"characters": characters, "words": words, "word_length": letters / words.clip(lower_bound=1)}


def classes(series: pl.Series, _learned: Fields) -> dict[str, pl.Series]:
    """The share of characters of each class; 0 of a text without characters."""
    texts = text_rows(series)
    characters = texts.str.len_chars().clip(lower_bound=1)
    return {name: texts.str.count_matches(pattern) / characters for name, (pattern, _) in CLASSES.items()}


LENGTHS = Family("text_lengths", frozenset({Kind.TEXT}), lengths)
register(
    Projection("characters", LENGTHS, "Length of the text in characters.", "characters on average"),
    Projection("words", LENGTHS, "Number of words: runs of characters that aren't white space.", "words on average"),
    Projection("word_length", LENGTHS, "Mean length of its words in characters.", "characters a word on average"),
)
SHARES = Family("text_classes", frozenset({Kind.TEXT}), classes)
register(
    *(
        Projection(name, SHARES, f"Share of characters that are {what}.", f"of characters are {what}", share=True)
        for name, (_, what) in CLASSES.items()
    )
)
