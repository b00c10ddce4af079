"""A sample of one column, and the facts about it that kinds are found by."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import polars as pl


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
        return cls(series.name, present(series), len(series), total)

    @property
    def dtype(self) -> pl.DataType:
        """The Polars dtype."""
        return self.values.dtype

    @property
    def n(self) -> int:
        """How many values there are."""
        return len(self.values)

    @cached_property
    def distinct(self) -> int:
        """How many different values there are."""
        return self.values.n_unique()

    @cached_property
    def counts(self) -> list[tuple[Any, int]]:
        """Each different value with how often it occurs, by value."""
        frame = self.values.alias("value").value_counts(name="n").sort("value")
        return list(zip(frame["value"].to_list(), frame["n"].to_list(), strict=True))

    @property
    def share(self) -> float:
        """Different values for each value: 1 where all differ."""
        return self.distinct / self.n if self.n else 0.0

    @property
    def in_rows(self) -> str:
        """How many rows were looked at, in words."""
        if self.rows < self.total:
            return f"{self.rows:,} sampled rows of {self.total:,}"
        return f"{self.rows:,} rows"

    @property
    def override(self) -> str:
        """How to say otherwise."""
        return f"override with kinds={{{self.name!r}: '...'}}"


def present(series: pl.Series) -> pl.Series:
    """The values that aren't missing: neither null nor NaN."""
    values = series.drop_nulls()
    return values.drop_nans() if values.dtype.is_float() else values


def text_of(value: object) -> str:
    """A label's or category's text: `true`, `17`, whole floats without `.0`.

    >>> text_of(True), text_of(1.0), text_of(0.5), text_of("x")
    ('true', '1', '0.5', 'x')
    """
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, float) and value.is_integer() and abs(value) < 2**53:
        return str(int(value))
    return str(value)
