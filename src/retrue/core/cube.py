"""Cubes: profiles of many windows and slices from one pass over the events.

Rows are put in order of window once for each slice; then each column is gathered, sorted inside its windows, and all
windows' sums come from one `reduceat`. Slices may overlap. The cost is that of the rows in all slices together.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from itertools import pairwise
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from retrue.core.column import SPECIALS, ColumnProfile
from retrue.core.count import bin_counts, segment_sums
from retrue.core.grid import CategoricalGrid, Grid, NumericGrid
from retrue.core.grids import Grids
from retrue.core.profile import Profile
from retrue.core.state import Bools, Floats, Ints, Moments, Names, mean_and_m2
from retrue.core.values import number_rows

MOST_SMALL = 1 << 16
"""The most windows whose numbers fit into 16 bits."""
EVERYTHING = ""
"""The name of the slice that holds all rows."""


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

    def profile(self, group: int) -> ColumnProfile:
        """The column's profile in one group."""
        counts, special = self.counts[group], self.special[group]
        n = int(counts.sum())
        moments = Moments(n, *map(float, self.moments[group])) if n and self.sums.size else Moments()
        sums = self.sums[group] if self.sums.size else np.zeros(0)
        return ColumnProfile(self.grid, counts, special, sums, moments, self.names.get(group, Names()))


@dataclass(frozen=True, eq=False)
class Cube:
    """Profiles by window and slice.

    Attributes:
        windows: int64[W], the distinct window ids in order.
        slices: for each slice name, its rows in order of window, where each window's rows begin, and its tensors.
    """

    windows: Ints
    slices: Mapping[str, SliceOfCube]

    def count(self) -> None:
        """Count all columns: one after the other over all slices, so that the column stays in the cache."""
        slices = list(self.slices.values())
        for name in slices[0].grids.columns:
            for one in slices:
                one.count(name)

    def items(self) -> Iterator[tuple[tuple[int, str], Profile]]:
        """Every window and slice that has rows, with its profile."""
        self.count()
        for name, one in self.slices.items():
            for group, window in enumerate(self.windows):
                if one.starts[group] < one.starts[group + 1]:
                    yield (int(window), name), one.profile(group)


@dataclass(frozen=True, eq=False)
class Shared:
    """What the slices of a cube have in common: the events, and what is read from them once for all slices.

    For one thread: all slices gather their values in the same room.
    """

    grids: Grids
    frame: pl.DataFrame

    @cached_property
    def values(self) -> dict[str, pl.Series]:
        """The values of each profiled column, in one piece so that NumPy sees them without a copy."""
        return {name: self.grids.values(name, self.frame).rechunk() for name in self.grids.columns}

    @cached_property
    def room(self) -> Floats:
        """float64[rows]: memory to sort in; asking the system for it anew each time would cost a page fault a page."""
        return np.empty(self.frame.height)

    def gathered(self, name: str, order: Ints, *, temporal: bool) -> Floats:
        """Some rows of a numeric column, to be changed at will; NaN where there is no number."""
        values = self.values[name]
        if values.dtype == pl.Float64 and not values.null_count():
            # The other modes than "raise" write straight into the room.
            return values.to_numpy().take(order, out=self.room[: order.size], mode="clip")
        return number_rows(values.gather(order), temporal=temporal).fill_null(float("nan")).to_numpy(writable=True)

    @cached_property
    def codes(self) -> dict[str, Ints]:
        """The bins of each categorical column on the full grid, see `Grid.codes`."""
        return {name: grid.codes(self.values[name]) for name, grid in self.grids.columns.items() if coded(grid)}


def coded(grid: Grid) -> bool:
    """Tell whether a column is counted by the codes of its bins."""
    return not isinstance(grid, NumericGrid)


@dataclass(frozen=True, eq=False)
class SliceOfCube:
    """One slice of a cube: `order` int64[rows of the slice], `starts` int64[W + 1] into it, `tensors` once counted."""

    grids: Grids
    shared: Shared
    order: Ints
    starts: Ints

    tensors: dict[str, Tensor] = field(default_factory=dict)

    def count(self, name: str) -> None:
        """Count one column over the windows, into `tensors`."""
        if name not in self.tensors:
            self.tensors[name] = self.tensor(name)

    def tensor(self, name: str) -> Tensor:
        """One column over the windows."""
        grid, values = self.grids.columns[name], self.shared.values[name]
        if isinstance(grid, NumericGrid):
            gathered = self.shared.gathered(name, self.order, temporal=grid.temporal)
            found = group_finite(grid, gathered, self.starts)
            return found or group_parts(grid, values, self.order, self.starts)
        codes = self.shared.codes[name].take(self.order)
        if grid is not self.shared.grids.columns[name]:
            codes = coarse_index(self.shared.grids.columns[name], grid).take(codes)
        return group_codes(grid, codes, values, self.order, self.starts)

    def profile(self, group: int) -> Profile:
        """The profile of one window."""
        columns = {name: tensor.profile(group) for name, tensor in self.tensors.items()}
        rows = self.order[self.starts[group] : self.starts[group + 1]]
        # Without a column a frame has no rows, and rows without a label are counted as well.
        frame = self.shared.frame
        read = [c for c in self.grids.reads_together if c in frame.columns] or frame.columns[:1]
        return self.grids.assemble(rows.size, columns, self.grids.count_rows(frame.select(read)[rows]))


def cube(grids: Grids, frame: pl.DataFrame, windows: Ints, slices: Mapping[str, Bools] | None = None) -> Cube:
    """Profile `frame` by window and slice.

    Args:
        grids: all rows are counted on these, named slices on `grids.coarse`.
        frame: the events.
        windows: int64[rows], the window each event belongs to.
        slices: bool[rows] for each named slice; they may overlap. All rows are there as the slice "".
    """
    ids = np.unique(windows)
    group = ids.searchsorted(windows)
    # NumPy sorts 16-bit integers stably by radix, in a fraction of the time.
    small = group.astype(np.uint16) if ids.size <= MOST_SMALL else group
    shared, cut = Shared(grids, frame), {}
    for name, mask in {EVERYTHING: None, **(slices or {})}.items():
        order, starts = in_order(small, ids.size, None if mask is None else np.flatnonzero(mask))
        cut[name] = SliceOfCube(grids if name == EVERYTHING else grids.coarse, shared, order, starts)
    return Cube(ids, cut)


def in_order(group: NDArray[np.integer[Any]], groups: int, rows: Ints | None) -> tuple[Ints, Ints]:
    """Put rows (None: all) in order of group: their numbers, and int64[groups + 1] where each group begins."""
    own = group if rows is None else group[rows]
    order = np.argsort(own, kind="stable")
    starts = np.concatenate([[0], np.cumsum(np.bincount(own, minlength=groups))])
    return order if rows is None else rows[order], starts


def coarse_index(fine: Grid, coarse: Grid) -> Ints:
    """int64[fine.bins + 5]: what each code of one grid is on the other; specials stay specials."""
    return np.concatenate([fine.merge_index(coarse), coarse.bins + np.arange(len(SPECIALS))])


def group_finite(grid: NumericGrid, values: Floats, starts: Ints) -> Tensor | None:
    """Count numbers over groups of rows; None where one of them isn't finite.

    Args:
        grid: the grid.
        values: float64[rows] in order of group, `values[starts[g]:starts[g + 1]]`; they are sorted there, then used up.
        starts: int64[G + 1].
    """
    groups, bins, cuts = starts.size - 1, grid.bins, grid.cuts
    edges = np.empty((groups, bins + 1), np.int64)
    edges[:, 0], edges[:, -1] = starts[:-1], starts[1:]
    bounds = starts.tolist()
    for g in range(groups):
        part = values[bounds[g] : bounds[g + 1]]
        part.sort()
        edges[g, 1:-1] = part.searchsorted(cuts)
    first, last = group_ends(values, starts)
    if not (np.isfinite(first).all() and np.isfinite(last).all()):
        return None
    edges[:, 1:-1] += starts[:-1, None]
    counts = np.diff(edges, axis=1)
    sums = segment_sums(values, edges[:, :-1].ravel(), counts.ravel()).reshape(groups, bins)
    mean, m2 = group_spread(values, starts, sums)
    special = np.zeros((groups, len(SPECIALS)), np.int64)
    return Tensor(grid, counts, special, sums, np.column_stack([mean, m2, first + 0.0, last + 0.0]), {})


def group_ends(ordered: Floats, starts: Ints) -> tuple[Floats, Floats]:
    """float64[G] twice: least and greatest of each group of values sorted inside their groups; 0 without values."""
    if ordered.size == 0:
        return np.zeros(starts.size - 1), np.zeros(starts.size - 1)
    empty = starts[:-1] == starts[1:]
    ends = ordered[np.minimum(starts[:-1], ordered.size - 1)], ordered[np.maximum(starts[1:] - 1, 0)]
    return np.where(empty, 0.0, ends[0]), np.where(empty, 0.0, ends[1])


def group_spread(values: Floats, starts: Ints, sums: Floats) -> tuple[Floats, Floats]:
    """float64[G] twice: mean and M2 of each group, `sums` float64[G, bins] being those of its bins; uses values up."""
    n = np.diff(starts)
    with np.errstate(over="ignore", invalid="ignore"):
        mean = sums.sum(axis=1) / np.maximum(n, 1)
    # Sums beyond the largest float: rare, and done with care.
    wide = {int(g): mean_and_m2(values[starts[g] : starts[g + 1]]) for g in np.flatnonzero(~np.isfinite(mean))}
    with np.errstate(over="ignore", invalid="ignore"):
        values -= np.repeat(mean, n)
        values *= values
    m2 = segment_sums(values, starts[:-1], n)
    for g, exact in wide.items():
        mean[g], m2[g] = exact
    return mean, m2


def group_parts(grid: NumericGrid, series: pl.Series, order: Ints, starts: Ints) -> Tensor:
    """Count a column with nulls or other specials, group by group."""
    parts = [grid.count(series[order[a:b]]) for a, b in pairwise(starts)]
    moments = np.array([[p.moments.mean, p.moments.m2, p.moments.min, p.moments.max] for p in parts])
    counts, special = np.stack([p.counts for p in parts]), np.stack([p.special for p in parts])
    return Tensor(grid, counts, special, np.stack([p.sums for p in parts]), moments, {})


def group_codes(grid: Grid, codes: Ints, series: pl.Series, order: Ints, starts: Ints) -> Tensor:
    """Count categories: `codes` are the bins of the rows in `order`; one bincount over group and bin."""
    groups, width = starts.size - 1, grid.bins + len(SPECIALS)
    group = np.repeat(np.arange(groups) * width, np.diff(starts))
    group += codes
    cells = bin_counts(group, groups * width).reshape(groups, width)
    names: dict[int, Names] = {}
    if isinstance(grid, CategoricalGrid):
        for g in np.flatnonzero(cells[:, grid.bins - 1]):
            names[int(g)] = grid.count(series[order[starts[g] : starts[g + 1]]]).names
    return Tensor(grid, cells[:, : grid.bins], cells[:, grid.bins :], np.zeros(0), np.zeros(0), names)
