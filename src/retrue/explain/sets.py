"""Categories: a bin for each of the most frequent; a set of bins is `x IN ('a', 'b')`, or `x NOT IN ('c')`.

    frequent in the window or the reference --> a bin each
    rare in both together --------------------> the rest, one bin: `x NOT IN (all others)`
    between ----------------------------------> nowhere

What is rare is told from both tables together: values that the reference lacks by chance would look like news.
Where there are too many values to list, the rest is whatever has no bin of its own.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt
import polars as pl

from retrue.explain.column import BINS, NOWHERE, CodedColumn, Codes, Mask, with_nulls
from retrue.slice_sql.tree import Column, Comparison, Literal, quote_name, quote_value
from retrue.slices import Slice

NAMED = BINS - 3
"""Categories with a bin of their own: null, the rest and nowhere need one each."""
RARE = 4
"""A value with at most so many rows in both tables together is rare."""
LISTED = 500
"""The most values that a predicate lists, to say that none of them is meant ..."""
LISTED_TEXT = 4000
"""... and the most characters of them."""
RUN = 4
"""So many consecutive whole numbers are said as a range."""
SHOWN = 6
"""The most values that a slice's name shows; then four, and how many more there are."""
_REST = BINS
"""Stands for the rest while its bin isn't known yet."""


@dataclass(frozen=True, slots=True)
class SetColumn(CodedColumn):
    """How a column of categories was coded.

    Args:
        name, null: see `CodedColumn`.
        marks: the values that have a bin of their own, sorted.
        rest: the bin of all values that are neither in `marks` nor in `others`; None where there are none.
        others: values that are nowhere, sorted: to be listed where the rest is meant.
        fresh: bins that hold no row of the reference.
    """

    ordered: ClassVar[bool] = False

    marks: tuple[Any, ...]
    rest: int | None = None
    others: tuple[Any, ...] = ()
    fresh: frozenset[int] = frozenset()

    @property
    def bins(self) -> int:
        return len(self.marks)

    @property
    def choices(self) -> int:
        return self.bins + (self.null is not None) + (self.rest is not None)

    def named(self, mask: Mask) -> Slice:
        """Say a range of whole numbers, or `IN`; or `NOT IN` where the rest belongs to the set, or it is shorter."""
        inside = [self.marks[place] for place in np.flatnonzero(mask[: self.bins])]
        outside = sorted({*self.marks, *self.others}.difference(inside))
        rest, null = (bin_ is not None and bool(mask[bin_]) for bin_ in (self.rest, self.null))
        if len(inside) >= RUN and _consecutive(inside) and not rest and not null:
            return Slice.between(self.name, inside[0], inside[-1], closed="both")
        if not rest and (self.rest is not None or len(outside) >= len(inside)):
            chosen = Slice.equals(self.name, inside[0]) if len(inside) == 1 else Slice.isin(self.name, inside)
            return self._or_null(chosen, f"IN {_few(inside)}" if len(inside) > SHOWN else "", null=null)
        if not outside:
            return Slice.between(self.name)  # all but null
        one = Comparison("!=", Column(self.name), Literal(outside[0]))
        chosen = Slice(one) if len(outside) == 1 else ~Slice.isin(self.name, outside)
        new = rest and self.fresh.issuperset(np.flatnonzero(mask).tolist())
        short = "never seen before" if new else f"NOT IN {_few(outside)}" if len(outside) > SHOWN else ""
        return self._or_null(chosen, short, null=null)

    def _or_null(self, chosen: Slice, short: str, *, null: bool) -> Slice:
        """Add null where it belongs to the set, and a name where a short one is needed."""
        whole = chosen | Slice.equals(self.name, None) if null else chosen
        return whole.named(f"{quote_name(self.name)} {short}" + " or null" * null) if short else whole


def _consecutive(values: list[Any]) -> bool:
    """Whether values are whole numbers without a gap.

    >>> _consecutive([3, 4, 5]), _consecutive([3, 5]), _consecutive([3.0, 4.0])
    (True, False, False)
    """
    return all(type(value) is int for value in values) and values[-1] - values[0] == len(values) - 1


def _few(values: list[Any]) -> str:
    """Show the first of many values.

    >>> _few(list("abcdefgh"))
    "('a', 'b', 'c', 'd' and 4 more)"
    """
    return f"({', '.join(quote_value(value) for value in values[:4])} and {len(values) - 4} more)"


def code_set(window: pl.Series, reference: pl.Series) -> tuple[SetColumn, Codes, Codes]:
    """Code a column of categories of two tables."""
    counted = _counted(window, reference)
    marks, others = _marks(counted), _others(counted)
    codes = [_places(series, marks, others) for series in (window, reference)]
    null = len(marks) if window.null_count() + reference.null_count() else None
    rest = len(marks) + (null is not None) if any((side == _REST).any() for side in codes) else None
    sides = [
        with_nulls(np.where(side == _REST, rest or 0, side), series, null)
        for side, series in zip(codes, (window, reference), strict=True)
    ]
    fresh = frozenset(np.flatnonzero(np.bincount(sides[1], minlength=BINS) == 0).tolist())
    return SetColumn(reference.name, null, marks, rest, others, fresh), sides[0], sides[1]


def _counted(window: pl.Series, reference: pl.Series) -> pl.DataFrame:
    """Count each value in both tables: `value`, `rows`, `share` (the larger one), in order of share, then value."""
    sides = []
    for series in (window, reference):
        present = series.drop_nulls()
        present = present.drop_nans() if present.dtype.is_float() else present
        counts = present.alias("value").value_counts(name="rows")
        sides.append(counts.with_columns(share=pl.col("rows") / max(series.len(), 1)))
    numbers = pl.Float64 if sides[0]["value"].dtype != sides[1]["value"].dtype else sides[0]["value"].dtype
    both = pl.concat(
        [side.with_columns(pl.col("value").cast(numbers), pl.col("rows").cast(pl.Int64)) for side in sides]
    )
    return (
        both.group_by("value")
        .agg(pl.col("rows").sum(), pl.col("share").max())
        .sort("share", "value", descending=[True, False])
    )


def _marks(counted: pl.DataFrame) -> tuple[Any, ...]:
    """Choose the values with the largest share in either table, sorted; of a long tail of rare ones none."""
    chosen = counted if counted.height <= NAMED else counted.filter(pl.col("rows") > RARE)
    return tuple(sorted(chosen["value"].head(NAMED).to_list()))


def _others(counted: pl.DataFrame) -> tuple[Any, ...]:
    """Give the values that are neither rare nor among the marks; none where they are too many to be listed."""
    frequent = counted.filter(pl.col("rows") > RARE)["value"]
    listed = frequent.head(LISTED + 1).to_list()
    if len(listed) > LISTED or sum(len(quote_value(value)) + 2 for value in listed) > LISTED_TEXT:
        return ()
    return tuple(sorted(listed[NAMED:]))


def _places(series: pl.Series, marks: tuple[Any, ...], others: tuple[Any, ...]) -> npt.NDArray[np.int64]:
    """Give each row's place among the marks; the others, NaN and null are nowhere, all else is the rest."""
    listed = [*marks, *others]
    if series.dtype == pl.String:
        found = series.cast(pl.Enum(listed), strict=False).to_physical().cast(pl.Int64).fill_null(-1).to_numpy()
    else:
        found = _search(series.cast(pl.Float64).fill_null(np.nan).to_numpy(), [float(value) for value in listed])
    places = np.append(np.full(len(listed), NOWHERE), _REST)  # the last one is for what isn't listed, -1
    places[: len(marks)] = np.arange(len(marks))
    out: npt.NDArray[np.int64] = places[found]
    unreadable = series.is_null() | series.is_nan() if series.dtype.is_float() else series.is_null()
    out[unreadable.fill_null(value=True).to_numpy()] = NOWHERE
    return out


def _search(values: npt.NDArray[np.float64], listed: list[float]) -> npt.NDArray[np.int64]:
    """Give each value's place in a list without order; -1 where it isn't there."""
    if not listed:
        return np.full(len(values), -1)
    order = np.argsort(listed)
    ranked = np.asarray(listed)[order]
    places = np.minimum(np.searchsorted(ranked, values), len(ranked) - 1)
    return np.asarray(np.where(ranked[places] == values, order[places], -1), np.int64)
