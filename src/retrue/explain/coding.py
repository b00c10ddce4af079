"""Two tables coded alike: the alphabet that slices are searched in.

ordered column --code_range--> at most 64 bins; a condition is a range of them, or null
categories     --code_set----> at most 64 bins; a condition is a set of them
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import polars as pl

from retrue.errors import SchemaError, nearest
from retrue.explain.column import CodedColumn, Codes
from retrue.explain.ranges import code_range
from retrue.explain.sets import code_set
from retrue.schema import Kind

FEW_VALUES = 24
"""Integers with at most this many values are categories unless the schema says otherwise."""


@dataclass(frozen=True, slots=True)
class Coded:
    """Two tables, coded alike.

    Args:
        columns: how each column was coded.
        window: for each column the bin of each row, [d, rows].
        reference: the same of the reference.
    """

    columns: tuple[CodedColumn, ...]
    window: Codes
    reference: Codes

    def only(self, names: Collection[str]) -> Coded:
        """Give some of the columns."""
        places = [place for place, column in enumerate(self.columns) if column.name in names]
        return Coded(tuple(self.columns[place] for place in places), self.window[places], self.reference[places])


def code(
    window: pl.DataFrame,
    reference: pl.DataFrame,
    columns: Sequence[str] | None = None,
    kinds: Mapping[str, Kind] | None = None,
) -> Coded:
    """Code the columns that both tables have and that a predicate can speak about.

    Args:
        window: the window's rows.
        reference: the reference's rows.
        columns: which columns; left out, all that both have.
        kinds: what columns are, from the schema; left out, by their type and number of values.

    Raises:
        SchemaError: a column is asked for that one of the tables doesn't have.
    """
    both = [name for name in window.columns if name in reference.columns]
    for name in columns or ():
        if name not in both:
            raise SchemaError(f"unknown column {name!r}", where="the tables to explain", hint=nearest(name, both))
    coded = [_code(window[name], reference[name], (kinds or {}).get(name)) for name in (columns or both)]
    kept = [column for column in coded if column is not None and column[0].choices > 1]
    width = window.height, reference.height
    return Coded(
        tuple(column for column, _, _ in kept),
        np.stack([codes for _, codes, _ in kept]) if kept else np.zeros((0, width[0]), np.uint8),
        np.stack([codes for _, _, codes in kept]) if kept else np.zeros((0, width[1]), np.uint8),
    )


_SETS = (Kind.CATEGORICAL, Kind.BOOLEAN)
_RANGES = (Kind.NUMERIC, Kind.DATETIME)


def _code(window: pl.Series, reference: pl.Series, kind: Kind | None) -> tuple[CodedColumn, Codes, Codes] | None:
    """Code one column; None where no predicate can speak about it, or its type changed."""
    window, reference = _plain(window), _plain(reference)
    dtype = reference.dtype
    numeric = dtype.is_numeric() and window.dtype.is_numeric()
    if kind is not None and kind not in (*_SETS, *_RANGES):
        return None
    if dtype in (pl.String, pl.Boolean):
        return code_set(window, reference) if window.dtype == dtype else None
    if numeric and (kind in _SETS or (kind is None and _has_few_values(reference))):
        return code_set(window, reference)
    same = numeric or (dtype in (pl.Date, pl.Datetime) and window.dtype == dtype)
    return code_range(window, reference) if same else None


def _plain(series: pl.Series) -> pl.Series:
    """Give the types that a slice compares with: text as String, decimals as Float64."""
    if series.dtype in (pl.Categorical, pl.Enum):
        return series.cast(pl.String)
    return series.cast(pl.Float64) if series.dtype == pl.Decimal else series


def _has_few_values(series: pl.Series) -> bool:
    return series.dtype.is_integer() and series.n_unique() <= FEW_VALUES
