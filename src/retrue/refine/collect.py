"""Collect: the rows of a slice, no row twice, no more than the budget, the same ones whenever it is asked again."""

from __future__ import annotations

from dataclasses import dataclass

import polars as pl

from retrue.errors import SliceError
from retrue.slices import Slice

ORDER = "_h"
"""A column of hashed ids, as the lake keeps it: taking the lowest is a random sample that doesn't change."""


@dataclass(frozen=True, eq=False)
class Collected:
    """Rows that were collected, and why.

    Attributes:
        name: what the collection is called.
        slice: the predicate that they satisfy, as SQL; None where it was a Polars expression.
        rows: the events, with their labels where known.
        matched: how many events matched before the budget was applied.
    """

    name: str
    slice: str | None
    rows: pl.DataFrame
    matched: int

    @property
    def frame(self) -> pl.DataFrame:
        """The rows: what a `Mix` asks its parts for."""
        return self.rows


def collect(events: pl.DataFrame, where: Slice, *, name: str, budget: int | None = None) -> Collected:
    """Take the events of a slice.

    Args:
        events: candidates; with a column `_h` of hashed ids the choice is the same in any order of rows.
        where: the slice.
        name: what to call the collection.
        budget: the most rows to take; None takes all.

    Raises:
        SliceError: the budget isn't positive, or the slice doesn't fit the events.

    >>> events = pl.DataFrame({"x": [1, 5, 9], "_h": [3, 2, 1]})
    >>> collect(events, Slice.parse("x > 2"), name="large", budget=1).rows["x"].to_list()
    [9]
    """
    if budget is not None and budget < 1:
        raise SliceError(f"a budget of {budget} rows", where=f"collection {name!r}", expected="at least 1")
    where.check(events.columns)
    matched = events.filter(where.mask(events))
    chosen = matched.sort(ORDER).head(budget) if budget is not None and ORDER in matched.columns else matched
    return Collected(name, where.sql or None, chosen if budget is None else chosen.head(budget), matched.height)
