"""Cubes: profiles of many windows and slices from one pass over the events.

Rows are put in order of window once for each slice; then each column is gathered, sorted inside its windows, and all
windows' sums come from one `reduceat`. Slices may overlap. The cost is that of the rows in all slices together.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise

import numpy as np
import polars as pl

from retrue.core.column import SPECIALS, ColumnProfile
from retrue.core.count import bin_counts, segment_sums
from retrue.core.grid import CategoricalGrid, Grid, NumericGrid
from retrue.core.grids import Grids
from retrue.core.profile import Profile
from retrue.core.state import Bools, Floats, Ints, Moments, Names, mean_and_m2
from retrue.core.values import number_rows

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

    def items(self) -> Iterator[tuple[tuple[int, str], Profile]]:
        """Every window and slice that has rows, with its profile."""
        for name, one in self.slices.items():
            for group, window in enumerate(self.windows):
                if one.starts[group] < one.starts[group + 1]:
                    yield (int(window), name), one.profile(group)


@dataclass(frozen=True, eq=False)
class SliceOfCube:
    """One slice of a cube: `order` int64[rows of the slice], `starts` int64[W + 1] into it."""

    grids: Grids
    frame: pl.DataFrame
    order: Ints
    starts: Ints

    @cached_property
    def tensors(self) -> dict[str, Tensor]:
        """Each column counted over the windows."""
        return {name: self.tensor(name) for name in self.grids.columns}

    def tensor(self, name: str) -> Tensor:
        """Count one column over the windows."""
        return group_column(self.grids.columns[name], self.grids.values(name, self.frame), self.order, self.starts)

    def profile(self, group: int) -> Profile:
        """The profile of one window."""
        columns = {name: tensor.profile(group) for name, tensor in self.tensors.items()}
        rows = self.order[self.starts[group] : self.starts[group + 1]]
        # Without a column a frame has no rows, and rows without a label are counted as well.
        read = [c for c in self.grids.reads_together if c in self.frame.columns] or self.frame.columns[:1]
        return self.grids.assemble(rows.size, columns, self.grids.count_rows(self.frame.select(read)[rows]))


def cube(grids: Grids, frame: pl.DataFrame, windows: Ints, slices: Mapping[str, Bools] | None = None) -> Cube:
    """Profile `frame` by window and slice.

    Args:
        grids: all rows are counted on these, named slices on `grids.coarse`.
        frame: the events.
        windows: int64[rows], the window each event belongs to.
        slices: bool[rows] for each named slice; they may overlap. All rows are there as the slice "".
    """
    ids, group = np.unique(windows, return_inverse=True)
    order = np.argsort(group, kind="stable")
    ordered = group[order]
    edges = np.arange(ids.size + 1)
    cut: dict[str, SliceOfCube] = {}
    for name, mask in {EVERYTHING: None, **(slices or {})}.items():
        rows = order if mask is None else order[mask[order]]
        groups = ordered if mask is None else group[rows]
        own = grids if name == EVERYTHING else grids.coarse
        cut[name] = SliceOfCube(own, frame, rows, np.searchsorted(groups, edges))
    return Cube(ids, cut)


def group_column(grid: Grid, series: pl.Series, order: Ints, starts: Ints) -> Tensor:
    """Count one column over groups of rows: `order[starts[g]:starts[g + 1]]` are the rows of group g."""
    if isinstance(grid, NumericGrid):
        values = number_rows(series, temporal=grid.temporal)
        if not values.null_count():
            numbers = values.to_numpy()
            if np.isfinite(numbers).all():
                return group_finite(grid, numbers[order], starts)
        return group_parts(grid, series, order, starts)
    return group_codes(grid, series, order, starts)


def group_finite(grid: NumericGrid, values: Floats, starts: Ints) -> Tensor:
    """Count finite values that are already in order of group: `values[starts[g]:starts[g + 1]]`; sorts them there."""
    groups, bins = starts.size - 1, grid.bins
    edges = np.empty((groups, bins + 1), np.int64)
    edges[:, 0], edges[:, -1] = starts[:-1], starts[1:]
    for g in range(groups):
        part = values[starts[g] : starts[g + 1]]
        part.sort()
        edges[g, 1:-1] = part.searchsorted(grid.cuts) + starts[g]
    counts = np.diff(edges, axis=1)
    sums = segment_sums(values, edges[:, :-1].ravel(), counts.ravel()).reshape(groups, bins)
    special = np.zeros((groups, len(SPECIALS)), np.int64)
    return Tensor(grid, counts, special, sums, group_moments(values, starts), {})


def group_moments(ordered: Floats, starts: Ints) -> Floats:
    """float64[G, 4]: mean, M2, min, max of each group of values sorted inside their groups."""
    n = np.diff(starts)
    with np.errstate(over="ignore", invalid="ignore"):
        mean = segment_sums(ordered, starts[:-1], n) / np.maximum(n, 1)
        off = ordered - np.repeat(mean, n)
        m2 = segment_sums(off * off, starts[:-1], n)
    for g in np.flatnonzero(~np.isfinite(mean)):
        mean[g], m2[g] = mean_and_m2(ordered[starts[g] : starts[g + 1]])
    first = np.minimum(starts[:-1], max(ordered.size - 1, 0))
    ends = ordered[np.stack([first, np.maximum(starts[1:] - 1, 0)])] if ordered.size else np.zeros((2, n.size))
    return np.column_stack([mean, m2, ends[0] + 0.0, ends[1] + 0.0])


def group_parts(grid: NumericGrid, series: pl.Series, order: Ints, starts: Ints) -> Tensor:
    """Count a column with nulls or other specials, group by group."""
    parts = [grid.count(series[order[a:b]]) for a, b in pairwise(starts)]
    moments = np.array([[p.moments.mean, p.moments.m2, p.moments.min, p.moments.max] for p in parts])
    counts, special = np.stack([p.counts for p in parts]), np.stack([p.special for p in parts])
    return Tensor(grid, counts, special, np.stack([p.sums for p in parts]), moments, {})


def group_codes(grid: Grid, series: pl.Series, order: Ints, starts: Ints) -> Tensor:
    """Count categories: the bins of all rows once, then one bincount over group and bin."""
    codes, groups, width = grid.codes(series)[order], starts.size - 1, grid.bins + len(SPECIALS)
    group = np.repeat(np.arange(groups), np.diff(starts))
    cells = bin_counts(group * width + codes, groups * width).reshape(groups, width)
    names: dict[int, Names] = {}
    if isinstance(grid, CategoricalGrid):
        for g in np.flatnonzero(cells[:, grid.bins - 1]):
            names[int(g)] = grid.count(series[order[starts[g] : starts[g + 1]]]).names
    return Tensor(grid, cells[:, : grid.bins], cells[:, grid.bins :], np.zeros(0), np.zeros(0), names)
