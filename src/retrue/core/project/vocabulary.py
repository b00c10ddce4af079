"""Words that the reference doesn't know: its most frequent words are learned, and looked up in each text."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import polars as pl

from retrue.core.project.registry import Family, Projection, register
from retrue.core.state import Fields, Floats, Ints
from retrue.core.values import tally, text_rows
from retrue.schema import Kind

FREQUENT = 4_096
"""Words of the vocabulary: the reference's most frequent ones."""
KEPT = 32_768
"""Words that are remembered as seen; beyond that a rare one counts as never seen, in the reference too."""
WORD = r"[\w']+"
"""A word: letters, digits, underscores and apostrophes; compared in lower case."""


class Words(NamedTuple):
    """The words of many texts, one after the other, and the row that each is of."""

    words: pl.Series
    rows: Ints
    texts: int

    def mean(self, of_word: Floats) -> Floats:
        """float64[texts]: the mean over the words of each text; 0 without words."""
        n = np.bincount(self.rows, minlength=self.texts)
        return np.bincount(self.rows, of_word, minlength=self.texts) / np.maximum(n, 1)


def words_of(series: pl.Series) -> Words:
    """Cut texts into words, in lower case."""
    lists = text_rows(series).str.to_lowercase().str.extract_all(WORD)
    lengths = lists.list.len().fill_null(0).to_numpy()
    words = lists.filter(pl.Series(lengths > 0)).explode()
    return Words(words, np.repeat(np.arange(len(series)), lengths), len(series))


def learn(series: pl.Series, _kind: Kind) -> Fields:
    """The words of the reference, most frequent first, ties by name."""
    counted = tally(words_of(series).words, None).sort(["n", "value"], descending=[True, False])
    return {"words": counted["value"].head(KEPT).to_list()}


def compute(series: pl.Series, learned: Fields) -> dict[str, pl.Series]:
    """Look each word up."""
    found, known = words_of(series), list(map(str, learned["words"]))
    ranks = found.words.cast(pl.Enum(known), strict=False).to_physical().cast(pl.UInt32).fill_null(len(known))
    rank = ranks.to_numpy()
    frequent = min(FREQUENT, len(known))
    shares = {"oov_share": rank >= frequent, "new_words": rank == len(known)}
    return {name: pl.Series(found.mean(odd.astype(np.float64))) for name, odd in shares.items()}


FAMILY = Family("vocabulary", frozenset({Kind.TEXT}), compute, learn)
register(
    Projection(
        "oov_share",
        FAMILY,
        f"Share of words outside the vocabulary: the reference's {FREQUENT:,} most frequent ones.",
        "of words are outside the reference's vocabulary",
        share=True,
        strange="more",
    ),
    Projection(
        "new_words",
        FAMILY,
        f"Share of words that the reference never showed (of its words the {KEPT:,} most frequent are remembered).",
        "of words were never seen",
        share=True,
        strange="more",
    ),
)
