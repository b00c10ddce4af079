"""The weighted counting pass: what `Grid.count` and `OutcomeGrid.count` do, for events that stand for so many each.

    series, weights ──weigh──> WeightedColumn            frame, weights ──OutcomeGrid.weigh──> WeightedOutcome

Each value is looked up in the cuts, since its weight must follow it: several times the cost of the unweighted pass,
which sorts blocks instead; it is paid only where there are weights.
"""

from __future__ import annotations

import numpy as np
import polars as pl

from retrue.core.column import SPECIALS, ColumnProfile
from retrue.core.count import bin_sums
from retrue.core.grid import CategoricalGrid, Grid, NumericGrid
from retrue.core.state import Bools, Floats, Ints, Moments, Names
from retrue.core.values import number_rows, text_rows
from retrue.core.weighted import WeightedColumn

GROUPS = 1 + len(SPECIALS)
"""Values on the grid, then each special."""


def weigh(grid: Grid, series: pl.Series, weights: Floats) -> WeightedColumn:
    """Count one batch of a column, each row as its weight says.

    Args:
        grid: what it is counted on.
        series: the values, of any type.
        weights: float64[rows], all above 0.
    """
    codes = grid.codes(series)
    counts, special = np.split(bin_sums(codes, weights, grid.bins + len(SPECIALS)), [grid.bins])
    sums, moments = numeric_sums(grid, series, weights, codes) if isinstance(grid, NumericGrid) else NOTHING
    names = name_unseen(grid, series, weights, codes) if isinstance(grid, CategoricalGrid) and counts[-1] else Names()
    group = np.maximum(codes - grid.bins + 1, 0)
    squares, events = bin_sums(group, weights * weights, GROUPS), np.bincount(group, minlength=GROUPS)
    return WeightedColumn.of(ColumnProfile(grid, counts, special, sums, moments, names), squares, events)


NOTHING = np.zeros(0), Moments()
"""The sums and moments of categories."""


def numeric_sums(grid: NumericGrid, series: pl.Series, weights: Floats, codes: Ints) -> tuple[Floats, Moments]:
    """float64[bins], the weighted sum of the values in each bin; and their weighted moments."""
    rows = np.flatnonzero(codes < grid.bins)
    values = number_rows(series, temporal=grid.temporal).gather(rows).to_numpy() + 0.0
    with np.errstate(over="ignore", invalid="ignore"):
        sums = bin_sums(codes[rows], values * weights[rows], grid.bins)
    return sums, Moments.of(values, weights[rows])


def name_unseen(grid: CategoricalGrid, series: pl.Series, weights: Floats, codes: Ints) -> Names:
    """Name what was never seen, with the sums of the weights."""
    rows = np.flatnonzero(codes == grid.bins - 1)
    unseen = pl.DataFrame({"value": grid.spelt(text_rows(series)).gather(rows), "weight": weights[rows]})
    told = unseen.group_by("value").agg(pl.col("weight").sum())
    return Names() + Names(dict(zip(told["value"].to_list(), told["weight"].to_list(), strict=True)))


# --- what outcomes need ---


def only(weights: Floats | None, rows: Ints | Bools) -> Floats | None:
    """The weights of some rows, None where there are none."""
    return None if weights is None else weights[rows]


def amount(rows: Bools, weights: Floats | None) -> float:
    """How many rows there are, or what they weigh."""
    return int(rows.sum()) if weights is None else float(weights[rows].sum())


def weigh_scores(scores: Floats, cuts: Floats, weights: Floats) -> tuple[Floats, Floats]:
    """float64[m + 2] twice: what the scores in each bin weigh, and their weighted sum; last where there is none."""
    codes = np.where(np.isnan(scores), cuts.size + 1, np.searchsorted(cuts, scores, side="right"))
    finite = np.isfinite(scores)
    parts = bin_sums(codes[finite], scores[finite] * weights[finite], cuts.size + 2)
    return bin_sums(codes, weights, cuts.size + 2), parts
