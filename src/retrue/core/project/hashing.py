"""Texts as vectors without a dictionary: signed feature hashing of words (Weinberger et al. 2009, equation 2).

Each word has one of `DIMENSION` places and a sign by its CRC-32, the same in every process. Places count by how few
texts of the reference hold them (inverse document frequency, Manning et al. 2008, section 6.2.2), and each vector has
length 1, so that long texts and filler words don't drown the rest.
"""

from __future__ import annotations

from functools import lru_cache
from zlib import crc32

import numpy as np
import polars as pl

from retrue.core.project.vocabulary import words_of
from retrue.core.state import Floats, Ints

DIMENSION = 256
"""Places that words are hashed to."""


@lru_cache(maxsize=1 << 16)
def place(word: str) -> int:
    """The place of a word, times two, plus one where its sign is minus.

    >>> place("flight"), place("delayed")
    (29, 111)
    """
    code = crc32(word.encode())
    return 2 * (code % DIMENSION) + (code >> 16) % 2


def counts(series: pl.Series) -> Floats:
    """float64[rows, DIMENSION]: how often each place occurs in each text, with the signs of its words."""
    found = words_of(series)
    if not len(found.words):
        return np.zeros((found.texts, DIMENSION))
    distinct = found.words.unique()
    places: Ints = np.array([place(word) for word in distinct.to_list()], np.int64)
    of_word = places[found.words.cast(pl.Enum(distinct)).to_physical().cast(pl.UInt32).to_numpy()]
    cells = found.rows * DIMENSION + of_word // 2
    signs = 1.0 - 2.0 * (of_word % 2)
    summed = np.bincount(cells, signs, minlength=found.texts * DIMENSION).astype(np.float64)
    return summed.reshape(found.texts, DIMENSION)


def weights_of(hashed: Floats) -> Floats:
    """float64[DIMENSION]: the inverse document frequency of each place, `log((1 + n) / (1 + df)) + 1`."""
    return np.asarray(np.log((1 + len(hashed)) / (1.0 + (hashed != 0).sum(axis=0))) + 1, np.float64)


def weighted(hashed: Floats, weights: Floats) -> Floats:
    """The same, weighted and of length 1; a text without words stays 0."""
    found = hashed * weights
    norms = np.sqrt(np.vecdot(found, found))
    return np.asarray(found / np.where(norms > 0, norms, 1.0)[:, None], np.float64)
