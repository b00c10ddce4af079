"""Ordered columns: bins between edges; a range of bins is `x >= 3 AND x < 7`.

many values --quantiles of window and of reference, rounded--> edges
few values  -------------------------------------------------> a bin for each
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
import polars as pl

from retrue.explain.column import BINS, NOWHERE, CodedColumn, Codes, Floats, Mask, with_nulls
from retrue.slices import Slice

_SAMPLE = 100_000


@dataclass(frozen=True, slots=True)
class RangeColumn(CodedColumn):
    """How a column of numbers, dates or times was coded.

    Args:
        name, null: see `CodedColumn`.
        marks: the least value of each bin but the first, as the table has them.
        first: the least value of the first bin.
        exact: each bin holds one value.
    """

    ordered: ClassVar[bool] = True

    marks: tuple[Any, ...]
    first: Any = None
    exact: bool = False

    @property
    def bins(self) -> int:
        return len(self.marks) + 1

    @property
    def choices(self) -> int:
        return self.bins + (self.null is not None)

    def named(self, mask: Mask) -> Slice:
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


def code_range(window: pl.Series, reference: pl.Series) -> tuple[RangeColumn, Codes, Codes] | None:
    """Code an ordered column of two tables; None where it has no finite value."""
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
    column = RangeColumn(reference.name, null, marks, first, exact)
    if exact:  # an infinity is no single value's neighbour
        numbers = [np.where(np.isinf(values), np.nan, values) for values in numbers]
    sides = zip(numbers, (window, reference), strict=True)
    codes = [with_nulls(_bins(values, edges), series, null) for values, series in sides]
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
    """Put edges at quantiles of each sample, so that what is new in the window is resolved too, and round them.

    The reference's lie half way between the window's: where both are alike, the bins are half as wide.
    """
    steps = (np.arange(31) + 0.5) / 31, np.arange(1, 31) / 31
    quantiles = [np.quantile(x, at, method="lower") for x, at in zip(samples, steps, strict=True) if len(x)]
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


def _bins(values: Floats, edges: Floats) -> np.ndarray[tuple[int], np.dtype[np.intp]]:
    codes = np.searchsorted(edges, values, side="right")
    codes[np.isnan(values)] = NOWHERE
    return codes
