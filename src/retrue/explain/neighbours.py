"""Neighbours: the rows of the reference that are nearest to a row, or that there are none.

A row has none where it is farther from the nearest than the reference's rows are from their own.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

import numpy as np
import polars as pl

from retrue.core.grids import Grids
from retrue.errors import TableError
from retrue.explain.places import Codes, Floats, Places, thinned

PROBES = 200
"""Rows of the reference that tell how far apart neighbours usually are."""
USUAL = 0.99
"""The share of them that have a neighbour within the usual distance."""


@dataclass(frozen=True, eq=False)
class Nearest:
    """The reference's rows nearest to a row.

    Args:
        rows: those rows, the nearest first; none where the nearest is farther than `usual`.
        distances: how far each is, 0 to 1: the mean over columns of the difference of ranks, or 1 where a category,
            or null, differs.
        nearest: how far the nearest row is, whether near enough or not.
        usual: how far the rows of the reference are from their own nearest, at most (99 % of them).
    """

    rows: pl.DataFrame
    distances: Floats
    nearest: float
    usual: float

    def __bool__(self) -> bool:
        """Whether there are any."""
        return self.rows.height > 0

    def __str__(self) -> str:
        """Say how far the nearest is, or that there are none.

        >>> print(Nearest(pl.DataFrame(), np.zeros(0), 0.31, 0.12))
        nothing like it in the reference: the nearest row is 0.31 away, and 99 % of its own rows have one within 0.12
        """
        if self and self.nearest == 0:
            return "the reference has a row equal to it"
        if self:
            return f"the nearest row of the reference is {self.nearest:.2g} away"
        return (
            f"nothing like it in the reference: the nearest row is {self.nearest:.2g} away, "
            f"and {100 * USUAL:g} % of its own rows have one within {self.usual:.2g}"
        )


@dataclass(frozen=True, eq=False)
class Neighbours:
    """Finds the rows of a reference that are nearest to a row.

    Args:
        places: where rows stand in the reference.
        rows: the rows that are searched.
        codes: their bins, [columns, rows].
        usual: see `Nearest`.
    """

    places: Places
    rows: pl.DataFrame
    codes: Codes
    usual: float

    @classmethod
    def fit(cls, grids: Grids, reference: pl.DataFrame, columns: Collection[str] | None = None) -> Neighbours:
        """Learn how far apart the rows of a reference are.

        Args:
            grids: its grids.
            reference: its rows; at most 20,000 of them, evenly spread, are searched.
            columns: which columns to look at (features, as a rule); left out, all that the grids know.

        Raises:
            TableError: no rows or no columns to learn from.
        """
        rows = thinned(reference)
        places = Places.fit(grids, rows, columns)
        codes = places.codes(rows)
        return cls(places, rows, codes, _usual(places, codes))

    def of(self, row: pl.DataFrame, most: int = 5) -> Nearest:
        """Find the neighbours of one row.

        Args:
            row: a table of one row.
            most: neighbours at most.

        Raises:
            TableError: not one row.
        """
        if row.height != 1:
            raise TableError(f"{row.height} rows", where="the neighbours of a row", expected="a table of one row")
        apart = self.places.distances(self.places.codes(row)[:, 0], self.codes)
        order = np.argsort(apart, kind="stable")[:most]
        near = order[apart[order] <= self.usual]
        return Nearest(self.rows[near], apart[near], float(apart[order[0]]), self.usual)


def _usual(places: Places, codes: Codes) -> float:
    """Give the distance within which 99 % of the reference's rows have another one."""
    rows = codes.shape[1]
    nearest = []
    for at in np.unique(np.linspace(0, rows - 1, PROBES).round().astype(int)):
        apart = places.distances(codes[:, at], codes)
        apart[at] = np.inf
        nearest.append(float(apart.min()))
    known = np.array(nearest)[np.isfinite(nearest)]
    return float(np.quantile(known, USUAL)) if len(known) else 0.0
