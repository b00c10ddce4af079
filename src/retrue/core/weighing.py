"""The weighted counting pass: what `Grid.count` and `OutcomeGrid.count` do, for events that stand for so many each.

    series, weights ──weigh──> WeightedColumn            frame, weights ──OutcomeGrid.weigh──> WeightedOutcome

Each value is looked up in the cuts, since its weight must follow it: several times the cost of the unweighted pass,
which sorts blocks instead; it is paid only where there are weights.
"""

from __future__ import annotations

import numpy as np
import polars as pl

from retrue.core.column import SPECIALS, ColumnProfile
from retrue.core.count import bin_counts, bin_sums
from retrue.core.grid import CategoricalGrid, Grid, NumericGrid
from retrue.core.project import reason_of
from retrue.core.state import Bools, Counts, Floats, Ints, Moments, Names
from retrue.core.values import number_rows, text_rows
from retrue.core.weighted import WeightedColumn


def weigh(grid: Grid, series: pl.Series, weights: Floats) -> WeightedColumn:
    """Count one batch of a column, each row as its weight says.

    Args:
        grid: what it is counted on.
        series: the values, of any type.
        weights: float64[rows], all above 0.
    """
    codes, width = grid.codes(series), grid.bins + len(SPECIALS)
    counts, special = np.split(bin_sums(codes, weights, width), [grid.bins])
    sums, moments = numeric_sums(grid, series, weights, codes) if isinstance(grid, NumericGrid) else NOTHING
    names = name_unseen(grid, series, weights, codes) if isinstance(grid, CategoricalGrid) and counts[-1] else Names()
    names = names if (reason := reason_of(series)) is None else Names({reason: float(weights.sum())})
    squares, events = bin_sums(codes, weights * weights, width), bin_counts(codes, width)
    column = ColumnProfile(grid, counts, special, sums, moments, names)
    return WeightedColumn.of(column, values_first(squares, grid.bins), values_first(events, grid.bins))


NOTHING = np.zeros(0), Moments()
"""The sums and moments of categories."""


def values_first(by_code: Counts, bins: int) -> Counts:
    """[6]: what all bins have together, then each special.

    >>> values_first(np.array([1, 2, 3, 0, 0, 0, 4]), 2).tolist()
    [3, 3, 0, 0, 0, 4]
    """
    return np.append(by_code[:bins].sum(), by_code[bins:])


def numeric_sums(grid: NumericGrid, series: pl.Series, weights: Floats, codes: Ints) -> tuple[Floats, Moments]:
    """float64[bins], the weighted sum of the values in each bin; and their weighted moments."""
    values, finite = number_rows(series, temporal=grid.temporal).fill_null(0.0).to_numpy(), codes < grid.bins
    if not finite.all():
        values, weights, codes = values[finite], weights[finite], codes[finite]
    with np.errstate(over="ignore", invalid="ignore"):
        sums = bin_sums(codes, values * weights, grid.bins)
    return sums, Moments.of(values, weights)


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
