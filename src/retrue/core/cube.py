"""Cubes: profiles of many windows and slices from one pass over the events.

Rows are put in order of window once; a slice is which of them it holds. Then each column is counted over the windows of
all slices, one column after the other, so that it stays in the cache. Slices may overlap: the cost is that of the rows
in all slices together.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from itertools import pairwise

import numpy as np
import polars as pl

from retrue.core.grids import Grids, with_nulls
from retrue.core.grouped import Tensor, ordered
from retrue.core.profile import Profile
from retrue.core.project import reason_of
from retrue.core.state import Bools, Ints, State
from retrue.errors import ProfileError

MOST_SMALL = 1 << 16
"""The most windows whose numbers fit into 16 bits."""
EVERYTHING = ""
"""The name of the slice that holds all rows."""


@dataclass(frozen=True, eq=False)
class SliceOfCube:
    """One slice of a cube.

    Attributes:
        grids: what it is counted on.
        places: int64[n], which of the cube's ordered rows it holds, rising; None: all.
        starts: int64[W + 1], where each window begins among them.
        tensors: each column over the windows, once `Cube.count` has run.
    """

    grids: Grids
    places: Ints | None
    starts: Ints
    tensors: dict[str, Tensor] = field(default_factory=dict)


@dataclass(frozen=True, eq=False)
class Cube:
    """Profiles by window and slice.

    Attributes:
        grids: the grids of the slice of all rows.
        frame: the events.
        windows: int64[W], the distinct window ids in order.
        order: int64[rows], the rows in order of window.
        slices: the slices by name; "" holds all rows.
    """

    grids: Grids
    frame: pl.DataFrame
    windows: Ints
    order: Ints
    slices: Mapping[str, SliceOfCube]

    def count(self) -> None:
        """Count every column over the windows of every slice, into their `tensors`; `items` does it where needed."""
        room = np.empty(self.frame.height)
        for name, values in self.grids.each(self.frame):
            column, reason = ordered(self.grids.columns[name], values, self.order, room), reason_of(values)
            for one in self.slices.values():
                tensor = column.tensor(one.grids.columns[name], one.places, one.starts)
                one.tensors[name] = tensor if reason is None else tensor.because(reason)

    def items(self) -> Iterator[tuple[tuple[int, str], Profile]]:
        """Every window and slice that has rows, with its profile."""
        if any(len(one.tensors) < len(self.grids.columns) for one in self.slices.values()):
            self.count()
        for name, one in self.slices.items():
            for group, window in enumerate(self.windows):
                if one.starts[group] < one.starts[group + 1]:
                    yield (int(window), name), self.profile(one, group)

    def profile(self, one: SliceOfCube, group: int) -> Profile:
        """The profile of one window of a slice."""
        columns = {name: tensor.profile(group) for name, tensor in one.tensors.items()}
        within = slice(one.starts[group], one.starts[group + 1])
        rows = self.order[within] if one.places is None else self.order[one.places[within]]
        # Without a column a frame has no rows, and rows without a label are counted as well.
        grids = one.grids.in_slices
        read = [c for c in grids.reads_together if c in self.frame.columns] or self.frame.columns[:1]
        counted = grids.assemble(rows.size, columns, grids.count_rows(self.frame.select(read)[rows]))
        if one.places is not None or not self.of_windows:
            return counted
        more = {name: states[group] for name, states in self.of_windows.items()}
        return replace(counted, extras={**counted.extras, **more})

    @cached_property
    def of_windows(self) -> dict[str, list[State]]:
        """What counters that tell of whole windows alone say of each window, by name."""
        counters = [counter for counter in self.grids.extras if counter.of_windows]
        starts = self.slices[EVERYTHING].starts
        groups = [self.order[start:end] for start, end in pairwise(starts)]
        frames = ((counter, with_nulls(self.frame, counter.columns)) for counter in counters)
        return {counter.name: counter.count_groups(frame, groups) for counter, frame in frames}


def cube(grids: Grids, frame: pl.DataFrame, windows: Ints, slices: Mapping[str, Bools] | None = None) -> Cube:
    """Profile `frame` by window and slice.

    Args:
        grids: all rows are counted on these, named slices on `grids.coarse`.
        frame: the events.
        windows: int64[rows], the window each event belongs to.
        slices: bool[rows] for each named slice; they may overlap. All rows are there as the slice "".

    Raises:
        ProfileError: events are weighted; count each part of them with `Grids.count` instead.
    """
    if grids.weight is not None:
        raise ProfileError("a cube counts each event once", where=f"weight {grids.weight!r}", hint="use Grids.count")
    ids = np.unique(windows)
    group = ids.searchsorted(windows)
    # NumPy sorts 16-bit integers stably by radix, in a fraction of the time.
    small = group.astype(np.uint16) if ids.size <= MOST_SMALL else group
    order = np.argsort(small, kind="stable")
    place = np.empty_like(order)
    place[order] = np.arange(order.size)
    starts = np.concatenate([[0], np.cumsum(np.bincount(small, minlength=ids.size))])
    cut = {EVERYTHING: SliceOfCube(grids, None, starts)}
    for name, mask in (slices or {}).items():
        # Indices first: picking by a mask reads all of it each time. In order of place they are in order of window.
        places = np.sort(place[np.flatnonzero(mask)])
        cut[name] = SliceOfCube(grids.coarse, places, places.searchsorted(starts))
    return Cube(grids, frame, ids, order, cut)
