"""Collect: the rows of a slice, no more than the policy says, the same ones whenever it is asked."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import polars as pl

from retrue.core.hashing import numbers
from retrue.core.state import Floats, Ints
from retrue.core.values import number_rows
from retrue.errors import RetrueError, SliceError, TableError, first_line
from retrue.refine.collect.estimates import Weighted, weighted_mean, weighted_total
from retrue.refine.collect.policy import Policy
from retrue.refine.collect.sampling import Draw
from retrue.slices import Slice

ORDER = "_h"
"""A column of hashed ids, as the lake keeps it: it decides which rows a sample has, so that it doesn't change."""
REASONS = "_reasons"
"""The names of the signals that a row met: list of texts."""
PROBABILITY = "_probability"
"""How probable it was that a row that matched is in the sample: above 0, at most 1."""


@dataclass(frozen=True, eq=False)
class Collected:
    """Rows that were collected, and why.

    Attributes:
        name: what the collection is called.
        slice: the predicate that they satisfy, as SQL; None where it was a Polars expression or a function.
        rows: the events, with their labels where known, `_reasons` and `_probability`.
        matched: how many events matched before the policy was applied; estimated, where only a sample of the events
            is kept.
        incident: the incident whose guilty slice it is; None of any other slice.
        policy: how rows were chosen among those that matched.
    """

    name: str
    slice: str | None
    rows: pl.DataFrame
    matched: int
    incident: str | None = None
    policy: str = "always"

    @property
    def frame(self) -> pl.DataFrame:
        """The rows: what a `Mix` asks its parts for."""
        return self.rows

    def mean(self, of: str | Slice | pl.Expr) -> Weighted:
        """Estimate the mean of a column, or the share of a slice, over all rows that matched; with its 95 % interval.

        Args:
            of: a numeric column's name, or a slice: SQL text such as `"origin = 'JFK'"`, a `Slice`, an expression. Rows
                without a value are left out.

        Raises:
            SliceError: the slice doesn't fit the rows.
            TableError: the rows have no probabilities.
        """
        return weighted_mean(self._values(of), self._probability)

    def total(self, of: str | Slice | pl.Expr) -> Weighted:
        """Estimate the sum of a column, or how many rows are in a slice; as `mean`.

        Raises:
            SliceError: the slice doesn't fit the rows.
            TableError: the rows have no probabilities.
        """
        return weighted_total(self._values(of), self._probability)

    def _values(self, of: str | Slice | pl.Expr) -> np.ndarray[tuple[int], np.dtype[np.float64]]:
        if isinstance(of, str) and of in self.rows.columns:
            return number_rows(self.rows[of]).fill_null(float("nan")).to_numpy()
        return Slice.of(of).mask(self.rows).to_numpy().astype(np.float64)

    @property
    def _probability(self) -> np.ndarray[tuple[int], np.dtype[np.float64]]:
        if PROBABILITY not in self.rows.columns:
            hint = "collect it again: it was collected before probabilities were kept"
            raise TableError("no inclusion probabilities", where=f"collection {self.name!r}", hint=hint)
        return self.rows[PROBABILITY].to_numpy()


def collect(
    events: pl.DataFrame,
    where: Slice,
    *,
    name: str,
    budget: int | None = None,
    policy: Policy | None = None,
    days: Ints | None = None,
    looks: Ints | None = None,
    met: Mapping[str, pl.Series] | None = None,
) -> Collected:
    """Take events of a slice.

    Args:
        events: candidates; with a column `_h` of hashed ids the choice is the same in any order of rows. Without one
            it depends on their order. Where they are a sample themselves, `_probability` says how probable each was.
        where: the slice.
        name: what to call the collection.
        budget: the most rows to take in all, instead of a policy; None takes all.
        policy: how many, and which.
        days: int64[rows], the day of each, for a budget a day.
        looks: int64[rows], which rows look alike, for a policy `by` something.
        met: which events meet other signals, by their names (see `matching`): reasons too.

    Raises:
        SliceError: the budget isn't positive, or the slice doesn't fit the events.
        ConfigError: the policy chooses by a column that isn't there, or is no number.

    >>> events = pl.DataFrame({"x": [1, 5, 9], "_h": [3, 2, 1]})
    >>> found = collect(events, Slice.parse("x > 2"), name="large", budget=1)
    >>> found.rows["x"].to_list(), found.rows["_reasons"].to_list()
    ([9], [['large']])
    """
    if budget is not None and budget < 1:
        raise SliceError(f"a budget of {budget} rows", where=f"collection {name!r}", expected="at least 1")
    chosen = Policy.of(policy, budget)
    where.check(events.columns)
    own = where.mask(events)
    place = np.flatnonzero(own.to_numpy())
    before = events[PROBABILITY].to_numpy() if PROBABILITY in events.columns else np.ones(events.height)
    taken = drawn(events, place, chosen, days, looks, before)
    rows = events[taken.rows] if taken.rows.size else events.clear()
    reasons = reasons_of({**(met or {}), name: own}, taken.rows)
    rows = rows.with_columns(reasons, pl.Series(PROBABILITY, taken.probability, pl.Float64()))
    matched = round(float((1 / before[place]).sum()))
    return Collected(name, where.sql or None, rows, matched, policy=str(chosen))


def drawn(
    events: pl.DataFrame, place: Ints, policy: Policy, days: Ints | None, looks: Ints | None, before: Floats
) -> Draw:
    """Choose among the rows at these places, of each day by itself where the budget is a day's.

    A row that is there with probability p had a number below p; divided by p it is as good as new, and the choice
    among the rows that are there is one more stage of sampling.
    """
    hashes = (
        events[ORDER]
        if ORDER in events.columns
        else pl.Series(ORDER, [None], pl.Int64()).new_from_index(0, events.height)
    )
    if hashes.dtype != pl.Int64():
        hashes = hashes.cast(pl.Int64)
    number = numbers(hashes) / before
    groups = [place]
    if policy.daily and days is not None:
        groups = [place[days[place] == day] for day in np.unique(days[place])]
    parts = []
    for group in groups:
        one = policy.draw(events[group], number[group], None if looks is None else looks[group])
        rows = group[one.rows]
        parts.append(Draw(rows, one.probability * before[rows]))
    if not parts:
        return Draw(place, np.ones(0))
    return Draw(np.concatenate([one.rows for one in parts]), np.concatenate([one.probability for one in parts]))


def matching(events: pl.DataFrame, signals: Sequence[Slice]) -> tuple[dict[str, pl.Series], dict[str, str]]:
    """Say for each signal which events meet it; and of those that can't be told, why. One that fails costs no other.

    Args:
        events: the events, with the derived columns that signals ask for.
        signals: slices with names.

    Returns:
        A Boolean series by signal, and what went wrong by signal.
    """
    met: dict[str, pl.Series] = {}
    failed: dict[str, str] = {}
    for one in signals:
        try:
            met[str(one)] = one.mask(events)
        except RetrueError as error:
            failed[str(one)] = first_line(error)
    return met, failed


def reasons_of(met: Mapping[str, pl.Series], places: Ints) -> pl.Series:
    """The names of the signals that the rows at these places met, in the order of their names."""
    told = {name: mask.to_numpy()[places] for name, mask in sorted(met.items())}
    found = [[name for name, mask in told.items() if mask[row]] for row in range(places.size)]
    return pl.Series(REASONS, found, pl.List(pl.String()))
