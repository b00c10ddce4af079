"""Places: where a row stands in the reference, column by column, whatever the columns' types.

    row --grids--> a bin for each column --tables--> rank (0 to 1), oddity (a normal score)

Ranks and rarities instead of values: no unit, no outlier in the reference and no long tail weighs more than another.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from statistics import NormalDist

import numpy as np
import numpy.typing as npt
import polars as pl

from retrue.core.column import SPECIALS
from retrue.core.grid import Grid
from retrue.core.grids import Grids
from retrue.errors import TableError
from retrue.tables.table import spread

Floats = npt.NDArray[np.float64]
Codes = npt.NDArray[np.int64]

KEPT = 20_000
"""The most rows of a reference that rows are compared with, evenly spread."""


@dataclass(frozen=True, slots=True)
class ColumnPlaces:
    """What each bin of a column stands for; special bins (null, NaN ...) come after the grid's own.

    Args:
        ranks: the middle rank of a bin among the reference's rows, 0 to 1; NaN without order, and outside.
        oddity: how odd the bin is, as a normal score: signed for numbers, positive for rare categories and specials.
            What lies outside is as odd as two extremes of the reference at once, so that it shows among many columns.
        outside: bins that the reference never showed.
    """

    ranks: Floats
    oddity: Floats
    outside: npt.NDArray[np.bool_]

    def distances(self, bin_: int) -> Floats:
        """Give how far each bin is from one bin, 0 to 1: a difference of ranks; 1 where there is no order."""
        apart: Floats = np.abs(self.ranks - self.ranks[bin_])
        apart[np.isnan(apart)] = 1.0
        if not self.outside[bin_]:
            apart[bin_] = 0.0
        return apart


@dataclass(frozen=True, eq=False)
class Places:
    """Where rows stand in a reference.

    Args:
        grids: how columns are coded.
        columns: what their bins stand for, by the profiled column's name.
        rows: of the reference that was learned from.
    """

    grids: Grids
    columns: Mapping[str, ColumnPlaces]
    rows: int

    @classmethod
    def fit(cls, grids: Grids, reference: pl.DataFrame, columns: Collection[str] | None = None) -> Places:
        """Learn from a reference.

        Args:
            grids: its grids.
            reference: its rows.
            columns: which columns of the table to look at; left out, all that the grids know.

        Raises:
            TableError: the reference has no rows, or none of the columns.
        """
        names = [name for name, source in grids.sources.items() if columns is None or source.column in columns]
        if not names or not reference.height:
            raise TableError("nothing to compare rows with", where="the reference", expected="rows and known columns")
        values = grids.each(reference, names)
        found = {name: _learn(grids.columns[name], grids.columns[name].codes(series)) for name, series in values}
        return cls(grids, found, reference.height)

    def codes(self, frame: pl.DataFrame) -> Codes:
        """int64[columns, rows]: the bin of each row."""
        values = self.grids.each(frame, self.columns)
        return np.stack([self.grids.columns[name].codes(series) for name, series in values])

    def oddity(self, codes: Codes) -> Floats:
        """float64[rows, columns]: how odd each value is by itself, as a normal score."""
        tables = zip(self.columns.values(), codes, strict=True)
        return np.stack([column.oddity[of_row] for column, of_row in tables], axis=1)

    def distances(self, row: Codes, others: Codes) -> Floats:
        """float64[rows]: the distance of one row, codes [columns], from others, codes [columns, rows]; 0 to 1.

        The mean over columns: of numbers the difference of ranks, of anything else whether it differs (Gower 1971).
        """
        total = np.zeros(others.shape[1])
        for column, bin_, of_others in zip(self.columns.values(), row, others, strict=True):
            total += column.distances(int(bin_))[of_others]
        return total / len(self.columns)


def thinned(frame: pl.DataFrame, rows: int = KEPT) -> pl.DataFrame:
    """At most so many rows, spread over the whole frame and out of step with what comes in turns (see `spread`)."""
    return frame if frame.height <= rows else frame[spread(frame.height, rows)]


def _learn(grid: Grid, codes: Codes) -> ColumnPlaces:
    counts = np.bincount(codes, minlength=grid.bins + len(SPECIALS)).astype(np.float64)
    outside = np.concatenate([grid.outside, counts[grid.bins :] == 0])
    ranks = np.full(len(counts), np.nan)
    if grid.kind != "numeric":
        return ColumnPlaces(ranks, _rarity(counts), outside)
    on_grid, special = counts[: grid.bins], counts[grid.bins :]
    ranks[: grid.bins], scores = _ordered(on_grid, grid.outside)
    oddity = np.concatenate([scores, _rarity(np.append(special, on_grid.sum()))[:-1]])
    return ColumnPlaces(ranks, oddity, outside)


def _rarity(counts: Floats) -> Floats:
    """Give the normal score of each bin's tail: how many rows lie in bins at most as frequent."""
    rows = max(float(counts.sum()), 1.0)
    tails = np.array([counts[counts <= count].sum() for count in counts]) / rows
    return -_normal(np.where(counts > 0, tails / 2, _unseen(rows)))


def _ordered(counts: Floats, outside: npt.NDArray[np.bool_]) -> tuple[Floats, Floats]:
    """Give the middle rank of each bin, NaN where it is outside, and its normal score (van der Waerden 1952)."""
    rows = float(counts.sum())
    middle = np.cumsum(counts) - counts / 2
    scores = _normal((middle + 0.5) / (rows + 1))
    scores[outside] = np.sign(scores[outside]) * -_normal(np.array([_unseen(rows)]))
    return np.where(outside, np.nan, middle / max(rows, 1.0)), scores


def _unseen(rows: float) -> float:
    """Give the chance of two extremes at once."""
    return float((0.5 / (rows + 1)) ** 2)


def _normal(chances: Floats) -> Floats:
    return np.array([NormalDist().inv_cdf(float(chance)) for chance in chances])
