"""Small facts about a sample of one column, and how they read in a reason."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise

import polars as pl

TRUTH = (frozenset({"true", "false"}), frozenset({"yes", "no"}), frozenset({"y", "n"}), frozenset({"t", "f"}))
"""Pairs of texts that mean true and false, in lower case."""


@dataclass(frozen=True)
class Sample:
    """A sample of one column.

    Attributes:
        name: the column's name.
        values: the sample without nulls and NaN.
        rows: rows of the sample, nulls and NaN included.
        total: rows of the table.
    """

    name: str
    values: pl.Series
    rows: int
    total: int

    @classmethod
    def of(cls, series: pl.Series, total: int) -> Sample:
        """Drop what is missing."""
        values = series.drop_nulls()
        if values.dtype.is_float():
            values = values.drop_nans()
        return cls(series.name, values, len(series), total)

    @property
    def dtype(self) -> pl.DataType:
        """The Polars dtype."""
        return self.values.dtype

    @property
    def n(self) -> int:
        """How many values are there."""
        return len(self.values)

    @cached_property
    def distinct(self) -> int:
        """How many different values are there."""
        return self.values.n_unique()

    @cached_property
    def counts(self) -> list[tuple[object, int]]:
        """Each distinct value with how often it occurs, by value."""
        frame = self.values.alias("value").value_counts(name="n").sort("value")
        return list(zip(frame["value"].to_list(), frame["n"].to_list(), strict=True))

    @property
    def share(self) -> float:
        """Distinct values for each value: 1 where all differ."""
        return self.distinct / self.n if self.n else 0.0

    @property
    def in_rows(self) -> str:
        """How many rows were looked at, in words."""
        if self.rows < self.total:
            return f"{self.rows:,} sampled rows of {self.total:,}"
        return f"{self.rows:,} rows"

    @cached_property
    def words(self) -> tuple[str, ...]:
        """The words that the column's name is made of, in lower case."""
        return name_words(self.name)

    @property
    def override(self) -> str:
        """How to say otherwise."""
        return f"override with kinds={{{self.name!r}: '...'}}"


def name_words(name: str) -> tuple[str, ...]:
    """Split a name at underscores, other punctuation and changes of case.

    >>> name_words("PULocationID"), name_words("passenger_count"), name_words("zipCode")
    (('pu', 'location', 'id'), ('passenger', 'count'), ('zip', 'code'))
    """
    parts = re.findall(r"[A-Z]+(?=[A-Z][a-z]|\b|_|\d)|[A-Z]?[a-z]+|[^\W\d_]+|\d+", name)
    return tuple(part.lower() for part in parts)


def text_of(value: object) -> str:
    """A label's or category's text: `true`, `17`, whole floats without `.0`.

    >>> text_of(True), text_of(1.0), text_of(0.5), text_of("x")
    ('true', '1', '0.5', 'x')
    """
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    return str(value)


def falling(counts: list[int]) -> bool:
    """Tell whether each count is smaller than the one before, chance aside.

    >>> falling([900, 80, 15, 1, 2]), falling([100, 95, 110, 104])
    (True, False)
    """
    return all(after <= before + 2 * before**0.5 for before, after in pairwise(counts)) and counts[-1] < counts[0] / 2
