"""Columns as numbers, for learners that take nothing else: learned on the training set, kept with the model."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import polars as pl

from retrue.core.state import Floats
from retrue.core.values import number_rows, text_rows

MOST = 30
"""Words of a column that get an input of their own; the others share none."""


@dataclass(frozen=True)
class Number:
    """A numeric column: `mean` and `sd` of the training set; `holes` where it had nulls."""

    name: str
    mean: float
    sd: float
    holes: bool

    def raw(self, table: pl.DataFrame) -> list[Floats]:
        """The values, NaN where there is none."""
        return [number_rows(table[self.name]).cast(pl.Float64).fill_null(np.nan).to_numpy()]

    def scaled(self, table: pl.DataFrame) -> list[Floats]:
        """In standard deviations from the mean, 0 where there is none, and whether there is none."""
        values = self.raw(table)[0]
        known = np.isfinite(values)
        scaled = np.where(known, (np.where(known, values, 0.0) - self.mean) / self.sd, 0.0)
        return [scaled, (~known).astype(np.float64)] if self.holes else [scaled]


@dataclass(frozen=True)
class Words:
    """A column of texts and those that the training set had, the most frequent first."""

    name: str
    words: tuple[str, ...]

    def raw(self, table: pl.DataFrame) -> list[Floats]:
        """The place of each among the words, NaN for one that is new."""
        places = {word: float(place) for place, word in enumerate(self.words)}
        return [np.array([places.get(word, np.nan) for word in text_rows(table[self.name]).to_list()], np.float64)]

    def scaled(self, table: pl.DataFrame) -> list[Floats]:
        """One column for each of the most frequent."""
        place = self.raw(table)[0]
        return [(place == at).astype(np.float64) for at in range(min(len(self.words), MOST))]


@dataclass(frozen=True)
class Encoder:
    """Turns a table into float64[rows, inputs].

    >>> table = pl.DataFrame({"x": [1.0, 3.0, None], "city": ["JFK", "LGA", "JFK"]})
    >>> Encoder.learn(table, ["x", "city"], scaled=True)(table).tolist()
    [[-1.0, 0.0, 1.0, 0.0], [1.0, 0.0, 0.0, 1.0], [0.0, 1.0, 1.0, 0.0]]
    >>> Encoder.learn(table, ["x", "city"])(table[:2]).tolist()
    [[1.0, 0.0], [3.0, 1.0]]
    """

    columns: tuple[Number | Words, ...]
    scaled: bool = False

    @classmethod
    def learn(cls, table: pl.DataFrame, features: Sequence[str], *, scaled: bool = False) -> Encoder:
        """Look at the training set.

        Args:
            table: its rows.
            features: the columns to encode.
            scaled: standardised and one-hot, as nets want them, instead of raw numbers and codes, as trees do.
        """
        return cls(tuple(column_of(table[name]) for name in features), scaled)

    def __call__(self, table: pl.DataFrame) -> Floats:
        found = [part for one in self.columns for part in (one.scaled(table) if self.scaled else one.raw(table))]
        return np.column_stack(found) if found else np.empty((table.height, 0))


def column_of(column: pl.Series) -> Number | Words:
    """What to remember of a column."""
    if column.dtype.is_numeric() or column.dtype.is_temporal() or column.dtype == pl.Boolean:
        values = number_rows(column).cast(pl.Float64).fill_null(np.nan).to_numpy()
        known = values[np.isfinite(values)]
        mean, sd = (float(known.mean()), float(known.std())) if known.size else (0.0, 1.0)
        return Number(column.name, mean, sd or 1.0, known.size < values.size)
    counts = (
        text_rows(column).drop_nulls().value_counts(sort=True).sort(["count", column.name], descending=[True, False])
    )
    return Words(column.name, tuple(counts[column.name].to_list()))
