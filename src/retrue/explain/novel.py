"""What is new about events: values beyond the reference, categories that it never had, and whole clusters without like.

events --Places--> bins --+-- outside the reference's bins: how many columns of each row
                          +-- rows without neighbours in the reference --counted among themselves--> a new cluster
                          +-- coarse ranks --> looks: rows of one look are near-duplicates
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import polars as pl

from retrue.core.grids import Grids
from retrue.core.hashing import mix
from retrue.core.state import Bools, Floats, Ints
from retrue.explain.neighbours import Neighbours
from retrue.explain.places import Codes, Places, thinned

SEARCHED = 2_000
"""Rows of the reference, evenly spread, that a row's neighbours are sought among; and new rows that are compared."""
CHUNK = 256
RANKS = 8
"""Numbers of one look lie in the same of so many equal parts of the reference."""


def beyond(places: Places, events: pl.DataFrame, *, numeric: bool) -> Floats:
    """float64[rows]: how many columns have a number beyond the reference's least or greatest, or a category it lacks.

    Args:
        places: where rows stand in the reference.
        events: the rows; a column that they lack counts as missing, which is neither.
        numeric: whether numbers are asked about, or categories.
    """
    codes, found = places.codes(events), np.zeros(events.height)
    for (name, column), of_rows in zip(places.columns.items(), codes, strict=True):
        grid = places.grids.columns[name]
        if (grid.kind == "numeric") == numeric:
            found += (column.outside & (np.arange(column.outside.size) < grid.bins))[of_rows]
    return found


def looks(places: Places, events: pl.DataFrame) -> Ints:
    """int64[rows]: the same number for rows that look alike: every category the same, every number in the same eighth.

    An eighth of the reference's ranks; what lies beyond it, and what is missing, are parts of their own.
    """
    total = np.zeros(events.height, np.uint64)
    for column, of_rows in zip(places.columns.values(), places.codes(events), strict=True):
        with np.errstate(invalid="ignore"):
            part = np.minimum(np.floor(column.ranks * RANKS), RANKS - 1)
        named = np.where(np.isnan(part), RANKS + np.arange(part.size), part).astype(np.uint64)
        total = mix(total * np.uint64(31) + named[of_rows] + np.uint64(1))
    return total.view(np.int64)


@dataclass(frozen=True, eq=False)
class Clusters:
    """Finds clusters of events that the reference has no like of.

    Args:
        places: where rows stand in the reference.
        codes: int64[columns, k], the reference's rows that are searched.
        usual: the distance within which 99 % of those have another one (see `explain.neighbours`).
    """

    places: Places
    codes: Codes
    usual: float

    @classmethod
    def fit(cls, grids: Grids, reference: pl.DataFrame, columns: list[str] | None = None) -> Clusters:
        """Learn how far apart the reference's rows are.

        Raises:
            TableError: no rows or no columns to learn from.
        """
        found = Neighbours.fit(grids, thinned(reference, SEARCHED), columns)
        return cls(found.places, found.codes, found.usual)

    def sizes(self, events: pl.DataFrame) -> Floats:
        """float64[rows]: 0 for a row with neighbours in the reference; else how many such rows are near it, itself too.

        Of more than 2,000 rows without neighbours, those evenly spread are compared, and counts scaled up.
        """
        codes = self.places.codes(events)
        alone = np.flatnonzero(self.nearest(codes) > self.usual)
        found = np.zeros(events.height)
        if not alone.size:
            return found
        probes = alone[np.unique(np.linspace(0, alone.size - 1, min(alone.size, SEARCHED)).round().astype(int))]
        scale = alone.size / probes.size
        for part in np.array_split(alone, max(1, alone.size // CHUNK)):
            near = self.apart(codes[:, part], codes[:, probes], alike=True) <= self.usual
            found[part] = np.maximum(1.0, near.sum(axis=1) * scale)
        return found

    def nearest(self, codes: Codes) -> Floats:
        """float64[rows]: the distance of each row from the nearest of the reference's."""
        parts = np.array_split(np.arange(codes.shape[1]), max(1, codes.shape[1] // CHUNK))
        return np.concatenate([self.apart(codes[:, part], self.codes).min(axis=1, initial=np.inf) for part in parts])

    def apart(self, rows: Codes, others: Codes, *, alike: bool = False) -> Floats:
        """float64[rows, others]: Gower's distance, as `Places.distances`.

        Args:
            rows: int64[columns, rows].
            others: int64[columns, others].
            alike: whether equal values beyond the reference are near each other; they are not near the reference.
        """
        total = np.zeros((rows.shape[1], others.shape[1]))
        for column, mine, theirs in zip(self.places.columns.values(), rows, others, strict=True):
            far = np.abs(column.ranks[mine][:, None] - column.ranks[theirs][None, :])
            same: Bools = mine[:, None] == theirs[None, :]
            near = same if alike else same & ~column.outside[mine][:, None]
            total += np.where(near, 0.0, np.where(np.isnan(far), 1.0, far))
        return np.asarray(total / max(len(self.places.columns), 1))
