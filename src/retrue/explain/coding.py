"""Columns coded to at most 64 bins, window and reference alike: the alphabet that slices are searched in.

    ordered column    --quantiles of both, rounded--> bins between edges; a range of bins is `x >= 3 AND x < 7`
    categories        --the most frequent of both---> one bin each;       a set of bins is `x IN ('a', 'b')`

Null has a bin of its own. What no predicate can name (NaN, categories beyond the most frequent) goes to the last bin,
which no condition takes.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import polars as pl

from retrue.errors import SchemaError, nearest
from retrue.schema import Kind
from retrue.slices import Slice

BINS = 64
NOWHERE = BINS - 1
"""The bin that no condition can take."""
FEW_VALUES = 24
"""Integers with at most this many values are categories unless the schema says otherwise."""
_SAMPLE = 100_000

Codes = npt.NDArray[np.uint8]
Mask = npt.NDArray[np.bool_]
Floats = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class CodedColumn:
    """How one column was coded.

    Args:
        name: the column.
        ordered: whether conditions are ranges (else sets).
        marks: ordered: the least value of each bin but the first, as the table has them; categories: their values.
        exact: ordered: each bin holds one value, and `marks[i - 1]` is the value of bin i (the first bin's is `first`).
        first: the value of the first bin, where `exact`.
        null: the bin of nulls; None where there are none.
    """

    name: str
    ordered: bool
    marks: tuple[Any, ...]
    exact: bool = False
    first: Any = None
    null: int | None = None

    @property
    def bins(self) -> int:
        """Bins with values, null not included."""
        return len(self.marks) + (1 if self.ordered else 0)

    @property
    def choices(self) -> int:
        """Bins that a condition can take."""
        return self.bins + (self.null is not None)

    def predicate(self, mask: Mask) -> Slice:
        """Give the slice of the rows in the marked bins, [BINS]."""
        if self.null is not None and mask[self.null] and not mask[: self.bins].any():
            return Slice.equals(self.name, None)
        return self._range(mask) if self.ordered else self._set(mask)

    def _range(self, mask: Mask) -> Slice:
        held = np.flatnonzero(mask[: self.bins])
        low, high = int(held[0]), int(held[-1])
        values = (self.first, *self.marks)
        if self.exact and low == high:
            return Slice.equals(self.name, values[low])
        if self.exact and low > 0 and high < self.bins - 1:
            return Slice.between(self.name, values[low], values[high], closed="both")
        return Slice.between(
            self.name, values[low] if low > 0 else None, self.marks[high] if high < self.bins - 1 else None
        )

    def _set(self, mask: Mask) -> Slice:
        values = [self.marks[place] for place in np.flatnonzero(mask[: self.bins])]
        if self.null is not None and mask[self.null]:
            values.append(None)
        return Slice.equals(self.name, values[0]) if len(values) == 1 else Slice.isin(self.name, values)


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
    dtype = reference.dtype
    plain = dtype.is_numeric() or dtype.is_temporal() or dtype in (pl.String, pl.Boolean, pl.Categorical, pl.Enum)
    same = window.dtype == dtype or (window.dtype.is_numeric() and dtype.is_numeric())
    if not plain or not same or (kind is not None and kind not in (*_SETS, *_RANGES)):
        return None
    if dtype in (pl.Categorical, pl.Enum):
        window, reference = window.cast(pl.String), reference.cast(pl.String)
    if kind in _SETS or (kind is None and _has_few_values(reference)) or reference.dtype in (pl.String, pl.Boolean):
        return _code_set(window, reference)
    return _code_range(window, reference)


def _has_few_values(series: pl.Series) -> bool:
    return series.dtype.is_integer() and series.n_unique() <= FEW_VALUES


# --- categories ---


def _code_set(window: pl.Series, reference: pl.Series) -> tuple[CodedColumn, Codes, Codes]:
    values = _frequent(window, reference)
    null = len(values) if window.null_count() + reference.null_count() else None
    column = CodedColumn(reference.name, ordered=False, marks=tuple(values), null=null)
    return column, _places(window, values), _places(reference, values)


def _frequent(window: pl.Series, reference: pl.Series) -> list[Any]:
    """Take the values with the largest share in either table, most frequent first, ties by value."""
    shares: dict[Any, float] = {}
    for series in (window, reference):
        known = series.drop_nulls()
        if known.dtype.is_float():
            known = known.drop_nans()
        counted = known.alias("value").value_counts(name="n").top_k(BINS, by="n")
        for value, count in counted.iter_rows():
            shares[value] = max(shares.get(value, 0.0), count / max(len(series), 1))
    ranked = sorted(shares, key=lambda value: (-shares[value], str(value)))
    return sorted(ranked[: BINS - 2])


def _places(series: pl.Series, values: list[Any]) -> Codes:
    """Give each row's place among sorted `values`; null comes after them, anything else is nowhere."""
    if series.dtype == pl.String:
        found = series.cast(pl.Enum(values), strict=False).to_physical().cast(pl.Int64).fill_null(NOWHERE).to_numpy()
    else:
        known = series.cast(pl.Float64).fill_null(np.nan).to_numpy()
        wanted = np.array([float(value) for value in values])
        places = (
            np.minimum(np.searchsorted(wanted, known), len(wanted) - 1) if len(wanted) else np.zeros(len(known), int)
        )
        found = np.where(wanted[places] == known, places, NOWHERE) if len(wanted) else np.full(len(known), NOWHERE)
    return _with_nulls(found, series, len(values))


def _with_nulls(codes: npt.NDArray[Any], series: pl.Series, null: int) -> Codes:
    out = codes.astype(np.uint8)
    if series.null_count():
        out[series.is_null().to_numpy()] = null
    return out


# --- ordered columns ---


def _code_range(window: pl.Series, reference: pl.Series) -> tuple[CodedColumn, Codes, Codes] | None:
    dtype = reference.dtype
    numbers = [_numbers(series) for series in (window, reference)]
    samples = [_known(values) for values in numbers]
    distinct = np.unique(np.concatenate(samples))
    if len(distinct) <= BINS - 2:  # perhaps few values: look at all rows
        distinct = np.unique(np.concatenate([values[np.isfinite(values)] for values in numbers]))
    if len(distinct) == 0:
        return None
    exact = len(distinct) <= BINS - 2
    edges = distinct[1:] if exact else _edges(samples, whole=dtype.is_integer() or dtype.is_temporal())
    marks, first = tuple(_value(edge, dtype) for edge in edges), _value(distinct[0], dtype)
    null = len(edges) + 1 if window.null_count() + reference.null_count() else None
    column = CodedColumn(reference.name, ordered=True, marks=marks, exact=exact, first=first, null=null)
    if exact:  # an infinity is no single value's neighbour
        numbers = [np.where(np.isinf(values), np.nan, values) for values in numbers]
    codes = [
        _bins(values, edges, series, len(edges) + 1)
        for values, series in zip(numbers, (window, reference), strict=True)
    ]
    return column, codes[0], codes[1]


def _numbers(series: pl.Series) -> Floats:
    """Read a series as float64; dates and times by their physical integers, null as NaN."""
    physical = series.to_physical() if series.dtype.is_temporal() else series
    return physical.cast(pl.Float64).fill_null(np.nan).to_numpy()


def _known(values: Floats) -> Floats:
    """Take finite values, evenly strided where there are many."""
    strided = values[:: max(1, len(values) // _SAMPLE)]
    return np.asarray(strided[np.isfinite(strided)])


def _edges(samples: list[Floats], *, whole: bool) -> Floats:
    """Put edges at quantiles of each sample, so that what is new in the window is resolved too, and round them."""
    steps = np.arange(1, 31) / 31
    quantiles = [np.quantile(sample, steps, method="lower") for sample in samples if len(sample)]
    edges = np.unique(np.concatenate(quantiles)) if quantiles else np.zeros(0)
    return edges if whole else np.unique(_rounded(edges))


def _rounded(edges: Floats) -> Floats:
    """Round each edge to the fewest digits that stay well within its neighbours: `delay >= 15.2`, not 15.2316."""
    if len(edges) < 2:
        return edges
    gaps = np.diff(edges)
    room = 0.1 * np.minimum(np.append(gaps, gaps[-1]), np.append(gaps[0], gaps))
    out, open_ = edges.copy(), np.ones(len(edges), bool)
    scale = np.floor(np.log10(np.maximum(np.abs(edges), 1e-300)))
    for digits in range(1, 12):
        unit = 10.0 ** (scale - digits + 1)
        rounded = np.round(edges / unit) * unit
        fits = open_ & (np.abs(rounded - edges) <= room)
        out[fits] = [float(f"{value:.{digits}g}") for value in rounded[fits]]
        open_ &= ~fits
    return out


def _value(number: float, dtype: pl.DataType) -> Any:
    """Turn a number back into what the table holds."""
    if dtype.is_temporal():
        return pl.Series([int(number)]).cast(dtype)[0]
    return int(number) if dtype.is_integer() else float(number)


def _bins(values: Floats, edges: Floats, series: pl.Series, null: int) -> Codes:
    codes = np.searchsorted(edges, values, side="right")
    codes[np.isnan(values)] = NOWHERE
    return _with_nulls(codes, series, null)
