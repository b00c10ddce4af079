"""One column over groups of rows: put in order of group once, then counted for any slice of the rows.

    series ──order──> Ordered ──places, starts──> Tensor     (for each slice)

Numbers are sorted inside their groups, and all groups' sums come from one `reduceat`; categories are coded once, and
one `bincount` serves all groups.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np
import polars as pl
from numpy.typing import NDArray

from retrue.core.column import SPECIALS, ColumnProfile
from retrue.core.count import bin_counts, segment_sums
from retrue.core.grid import CategoricalGrid, Grid, NumericGrid
from retrue.core.state import Floats, Ints, Moments, Names, mean_and_m2
from retrue.core.values import number_rows

ON_GRID = -1
"""The special code of a value that is none."""


@dataclass(frozen=True, eq=False)
class Tensor:
    """One column over G groups of rows.

    Attributes:
        grid: the grid it is counted on.
        counts: int64[G, bins]. special: int64[G, 5]. sums: float64[G, bins], empty for categories.
        moments: float64[G, 4], mean, M2, minimum and maximum of the finite values; empty for categories.
        names: the never-seen categories of the groups that have some.
    """

    grid: Grid
    counts: Ints
    special: Ints
    sums: Floats
    moments: Floats
    names: Mapping[int, Names]

    def because(self, reason: str) -> Tensor:
        """The same, with why no row could be read as the name of each group's rows."""
        held = self.special[:, SPECIALS.index("mismatch")].tolist()
        return replace(self, names={group: Names({reason: rows}) for group, rows in enumerate(held) if rows})

    def profile(self, group: int) -> ColumnProfile:
        """The column's profile in one group."""
        counts, special = self.counts[group], self.special[group]
        n = int(counts.sum())
        moments = Moments(n, *map(float, self.moments[group])) if n and self.sums.size else Moments()
        sums = self.sums[group] if self.sums.size else np.zeros(0)
        return ColumnProfile(self.grid, counts, special, sums, moments, self.names.get(group, Names()))


class Ordered(ABC):
    """A column whose rows are in order of group."""

    @abstractmethod
    def tensor(self, grid: Grid, places: Ints | None, starts: Ints) -> Tensor:
        """Count a slice of the rows.

        Args:
            grid: the column's grid, or a coarser one made of it.
            places: int64[n], which of the ordered rows are in the slice, rising; None: all.
            starts: int64[G + 1], where each group begins among them.
        """


@dataclass(frozen=True, eq=False)
class Numbers(Ordered):
    """Numbers in order of group.

    Attributes:
        values: float64[rows].
        special: int8[rows], the index among `SPECIALS` or `ON_GRID`; None where all are on the grid.
        room: float64[rows] to sort in: asking the system for memory each time would cost a page fault a page.
    """

    values: Floats
    special: NDArray[np.int8] | None
    room: Floats

    def tensor(self, grid: Grid, places: Ints | None, starts: Ints) -> Tensor:
        if not isinstance(grid, NumericGrid):
            raise TypeError("numbers are counted on a numeric grid")
        size = self.values.size if places is None else places.size
        values = self.room[:size]
        if places is None:
            values[:] = self.values
        else:
            # Any mode but "raise" writes straight into the room.
            self.values.take(places, out=values, mode="clip")
        if self.special is None:
            return group_numbers(grid, values, starts, np.zeros((starts.size - 1, len(SPECIALS)), np.int64))
        return group_mixed(grid, values, self.special if places is None else self.special.take(places), starts)


@dataclass(frozen=True, eq=False)
class Codes(Ordered):
    """Categories in order of group: `codes` int64[rows] on the grid `fine`, and the values that they stand for."""

    fine: Grid
    codes: Ints
    values: pl.Series

    def tensor(self, grid: Grid, places: Ints | None, starts: Ints) -> Tensor:
        codes = self.codes if places is None else self.codes.take(places)
        if grid is not self.fine:
            codes = coarse_index(self.fine, grid).take(codes)
        groups, width = starts.size - 1, grid.bins + len(SPECIALS)
        cells = bin_counts(np.repeat(np.arange(groups) * width, np.diff(starts)) + codes, groups * width)
        counts, special = np.hsplit(cells.reshape(groups, width), [grid.bins])
        names = self.names(grid, places, starts, counts[:, -1]) if isinstance(grid, CategoricalGrid) else {}
        return Tensor(grid, counts, special, np.zeros(0), np.zeros(0), names)

    def names(self, grid: Grid, places: Ints | None, starts: Ints, unseen: Ints) -> dict[int, Names]:
        """What was never seen, by name, in the groups that have such rows."""
        found = {}
        for g in map(int, np.flatnonzero(unseen)):
            rows = (
                self.values[starts[g] : starts[g + 1]]
                if places is None
                else self.values[places[starts[g] : starts[g + 1]]]
            )
            found[g] = grid.count(rows).names
        return found


def ordered(grid: Grid, series: pl.Series, order: Ints, room: Floats) -> Ordered:
    """Put a column in order of group.

    Args:
        grid: the column's grid.
        series: its values.
        order: int64[rows], the rows in order of group.
        room: float64[rows], memory to sort in; columns may share it, one after the other.
    """
    if not isinstance(grid, NumericGrid):
        return Codes(grid, grid.codes(series).take(order), series.gather(order))
    parsed = number_rows(series, temporal=grid.temporal)
    values = (parsed.fill_null(float("nan")) if parsed.null_count() else parsed).to_numpy()
    special = None if np.isfinite(values).all() else special_codes(series, parsed, values).take(order)
    return Numbers(values.take(order), special, room)


def special_codes(series: pl.Series, parsed: pl.Series, values: Floats) -> NDArray[np.int8]:
    """int8[rows]: which of `SPECIALS` each row is, or `ON_GRID`."""
    codes = np.full(values.size, ON_GRID, np.int8)
    for name, where in (("nan", np.isnan(values)), ("+inf", values == np.inf), ("-inf", values == -np.inf)):
        codes[where] = SPECIALS.index(name)
    if parsed.null_count():
        codes[parsed.is_null().to_numpy()] = SPECIALS.index("mismatch")
        codes[series.is_null().to_numpy()] = SPECIALS.index("null")
    return codes


def coarse_index(fine: Grid, coarse: Grid) -> Ints:
    """int64[fine.bins + 5]: what each code of one grid is on the other; specials stay specials."""
    return np.concatenate([fine.merge_index(coarse), coarse.bins + np.arange(len(SPECIALS))])


def group_mixed(grid: NumericGrid, values: Floats, special: NDArray[np.int8], starts: Ints) -> Tensor:
    """Count numbers and specials over groups of rows."""
    groups, width, odd = starts.size - 1, len(SPECIALS), np.flatnonzero(special != ON_GRID)
    group = np.searchsorted(starts, odd, side="right") - 1
    cells = bin_counts(group * width + special[odd], groups * width).reshape(groups, width)
    gone = np.concatenate([[0], np.cumsum(cells.sum(axis=1))])
    return group_numbers(grid, values[special == ON_GRID], starts - gone, cells)


def group_numbers(grid: NumericGrid, values: Floats, starts: Ints, special: Ints) -> Tensor:
    """Count finite numbers over groups.

    Args:
        grid: the grid.
        values: float64[n] in order of group, `values[starts[g]:starts[g + 1]]`; they are sorted there, then used up.
        starts: int64[G + 1].
        special: int64[G, 5], the rows that are no finite numbers.
    """
    groups, bins, cuts = starts.size - 1, grid.bins, grid.cuts
    edges = np.empty((groups, bins + 1), np.int64)
    edges[:, 0], edges[:, -1] = starts[:-1], starts[1:]
    bounds = starts.tolist()
    for g in range(groups):
        part = values[bounds[g] : bounds[g + 1]]
        part.sort()
        edges[g, 1:-1] = part.searchsorted(cuts)
    edges[:, 1:-1] += starts[:-1, None]
    counts = np.diff(edges, axis=1)
    sums = segment_sums(values, edges[:, :-1].ravel(), counts.ravel()).reshape(groups, bins)
    ends = group_ends(values, starts)
    mean, m2 = group_spread(values, starts, sums)
    return Tensor(grid, counts, special, sums, np.column_stack([mean, m2, *ends]), {})


def group_ends(values: Floats, starts: Ints) -> tuple[Floats, Floats]:
    """float64[G] twice: least and greatest of each group of values sorted inside their groups; anything without one."""
    if values.size == 0:
        return np.zeros(starts.size - 1), np.zeros(starts.size - 1)
    last = values.size - 1
    return values[np.minimum(starts[:-1], last)] + 0.0, values[np.maximum(starts[1:] - 1, 0)] + 0.0


def group_spread(values: Floats, starts: Ints, sums: Floats) -> tuple[Floats, Floats]:
    """float64[G] twice: mean and M2 of each group, `sums` float64[G, bins] being those of its bins; uses values up."""
    n = np.diff(starts)
    with np.errstate(over="ignore", invalid="ignore"):
        mean = sums.sum(axis=1) / np.maximum(n, 1)
    # Sums beyond the largest float are rare, and done with care.
    wide = {int(g): mean_and_m2(values[starts[g] : starts[g + 1]]) for g in np.flatnonzero(~np.isfinite(mean))}
    with np.errstate(over="ignore", invalid="ignore"):
        values -= np.repeat(mean, n)
        values *= values
    m2 = segment_sums(values, starts[:-1], n)
    for g, exact in wide.items():
        mean[g], m2[g] = exact
    return mean, m2
