"""From rows to increments: which window and slice an event belongs to, and what it adds there.

A profile is kept in two parts, so that a label that comes late rewrites only what it changes:

    "columns"   the columns that are known when the event comes
    "labels"    the label's own column, the outcome, and every counter that reads the label

A slice whose predicate reads the label gains and loses whole events when labels come: for those both parts move.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any, Protocol

import polars as pl

from retrue.core.column import ColumnProfile
from retrue.core.cube import EVERYTHING, cube
from retrue.core.grids import Grids
from retrue.core.outcome_grid import OutcomeGrid
from retrue.core.profile import Profile
from retrue.slices import Slice
from retrue.store.blob import pack, unpack

COLUMNS, LABELS = "columns", "labels"

Cell = tuple[int, str, str]
"""Window start (seconds since 1970), slice name, part."""


class Counting(Protocol):
    """Counts events into states by cell; states add up, and counts subtract exactly."""

    @property
    def digest(self) -> str:
        """Names the grids: states with different digests don't add up."""

    @property
    def reads(self) -> frozenset[str]:
        """Columns of the events that it needs."""

    @property
    def joins(self) -> frozenset[str]:
        """Columns that it needs of earlier events when their label changes."""

    @property
    def outcome(self) -> OutcomeGrid | None:
        """Says which labels count; None: all."""

    def count(self, frame: pl.DataFrame, starts: pl.Series, *, moved: bool) -> Mapping[Cell, Any]:
        """Count events of one version by window (`starts`, seconds), slice and part.

        Args:
            frame: events with their current label.
            starts: Int64, the window of each event.
            moved: the events were counted before, and only their label has changed.
        """

    def rows(self, state: Any) -> int:
        """How many events a state holds."""

    def dump(self, state: Any) -> bytes:
        """Write a state."""

    def load(self, data: bytes, cell: Cell) -> Any:
        """Read a state."""


@dataclass(frozen=True, eq=False)
class GridCounting:
    """Counts events on a model's grids.

    Args:
        grids: the model's grids.
        slices: the named slices that profiles are kept for.
        label: the column that comes late.
        types: type of each column, for those that a batch of events lacks.
        since: the first window start of slices that earlier events can't be counted in.
    """

    grids: Grids
    slices: Sequence[Slice] = ()
    label: str | None = None
    types: Mapping[str, pl.DataType] = field(default_factory=dict)
    since: Mapping[str, int] = field(default_factory=dict)

    @cached_property
    def digest(self) -> str:
        """The digest of the grids."""
        return self.grids.digest

    @cached_property
    def reads(self) -> frozenset[str]:
        """Columns of the grids and of the slices."""
        return frozenset(self.grids.reads).union(*(s.columns for s in self.slices))

    @cached_property
    def joins(self) -> frozenset[str]:
        """Columns of what a label changes, and of the slices; all where a slice reads the label."""
        if any(self.label in s.columns for s in self.slices):
            return self.reads
        return frozenset(self.late.reads).union(*(s.columns for s in self.slices))

    @property
    def outcome(self) -> OutcomeGrid | None:
        """How labels are counted."""
        return self.grids.outcome

    @cached_property
    def late(self) -> Grids:
        """Grids of what changes when a label comes."""
        columns = {n: g for n, g in self.grids.columns.items() if self.grids.sources[n].column == self.label}
        extras = tuple(e for e in self.grids.extras if self.label in e.columns)
        sources = {n: self.grids.sources[n] for n in columns}
        return Grids(columns, sources, self.grids.outcome, extras)

    def count(self, frame: pl.DataFrame, starts: pl.Series, *, moved: bool) -> dict[Cell, Profile]:
        """Count events by window, slice and part (see `Counting.count`)."""
        steady = [s for s in self.slices if self.label not in s.columns]
        shifting = [s for s in self.slices if self.label in s.columns]
        if not moved:
            return self._split(frame, starts, self.slices, everything=True)
        cells = {(w, s, LABELS): p for (w, s), p in self._cube(self.late, frame, starts, steady)}
        return {**cells, **(self._split(frame, starts, shifting, everything=False) if shifting else {})}

    def _split(
        self, frame: pl.DataFrame, starts: pl.Series, slices: Sequence[Slice], *, everything: bool
    ) -> dict[Cell, Profile]:
        cells: dict[Cell, Profile] = {}
        for (window, name), profile in self._cube(self.grids, frame, starts, slices):
            if everything or name != EVERYTHING:
                cells[window, name, COLUMNS], cells[window, name, LABELS] = self._parts(profile)
        return cells

    def _parts(self, profile: Profile) -> tuple[Profile, Profile]:
        late = self.late
        names = {extra.name for extra in late.extras}
        early = Profile(
            profile.rows,
            {n: c for n, c in profile.columns.items() if n not in late.columns},
            None,
            {n: e for n, e in profile.extras.items() if n not in names},
        )
        own = {n: profile.columns[n] for n in late.columns}
        return early, Profile(profile.rows, own, profile.outcome, {n: profile.extras[n] for n in names})

    def _cube(self, grids: Grids, frame: pl.DataFrame, starts: pl.Series, slices: Sequence[Slice]) -> Any:
        lacking = frozenset[str]().union(*(s.columns for s in slices)) - set(frame.columns)
        if lacking:  # no event of this segment had the column: it is null
            frame = frame.with_columns(pl.lit(None, dtype=self.types.get(n)).alias(n) for n in sorted(lacking))
        masks = {str(s.name): s.mask(frame).to_numpy() for s in slices}
        found = cube(grids, frame, starts.to_numpy(), masks).items()
        return [(cell, profile) for cell, profile in found if cell[0] >= self.since.get(cell[1], cell[0])]

    def rows(self, state: Profile) -> int:
        """How many events a profile holds."""
        return state.rows

    def dump(self, state: Profile) -> bytes:
        """Write a profile without its grids: the catalog keeps those once."""
        return pack(state.fields(grids=False))

    def load(self, data: bytes, cell: Cell) -> Profile:
        """Read a profile; slices are on coarse grids."""
        return Profile.from_fields(unpack(data), (self.grids if cell[1] == EVERYTHING else self.grids.coarse).columns)

    def column(self, data: bytes, name: str) -> ColumnProfile | None:
        """Read one column of a profile of all rows: a fraction of what reading it whole costs."""
        return Profile.column_from_fields(unpack(data), name, self.grids.columns.get(name))

    def part(self, column: str) -> str:
        """In which part of a profile a column is."""
        return LABELS if column in self.late.columns else COLUMNS


@dataclass
class Increments:
    """What a segment adds to and takes from the cells of each version.

    `sampled` are versions and windows of which the lake doesn't have all events whole.
    """

    added: dict[tuple[str, Cell], Any] = field(default_factory=dict)
    removed: dict[tuple[str, Cell], Any] = field(default_factory=dict)
    sampled: set[tuple[str, int]] = field(default_factory=set)

    def add(self, version: str, cells: Mapping[Cell, Any]) -> None:
        """Add states."""
        _sum_into(self.added, version, cells)

    def remove(self, version: str, cells: Mapping[Cell, Any]) -> None:
        """Take states away."""
        _sum_into(self.removed, version, cells)

    def join(self, others: Increments) -> None:
        """Add what others add and take away."""
        for mine, theirs in ((self.added, others.added), (self.removed, others.removed)):
            for (version, cell), state in theirs.items():
                _sum_into(mine, version, {cell: state})
        self.sampled |= others.sampled

    def leave_out(self) -> None:
        """Leave out what only whole rows tell, in windows that haven't all of them."""
        partial = [key for key in self.added if key[1][2] == COLUMNS and (key[0], key[1][0]) in self.sampled]
        for key in partial:
            del self.added[key]

    def apply(self, key: tuple[str, Cell], state: Any | None) -> Any:
        """Give what becomes of a stored state (None: there was none): first the addition, then the subtraction."""
        parts = [part for part in (state, self.added.get(key)) if part is not None]
        now = parts[0] if len(parts) == 1 else parts[0] + parts[1]
        return now.subtract(self.removed[key]) if key in self.removed else now

    @property
    def keys(self) -> set[tuple[str, Cell]]:
        """Every version and cell that changes."""
        return self.added.keys() | self.removed.keys()


def _sum_into(held: dict[tuple[str, Cell], Any], version: str, cells: Mapping[Cell, Any]) -> None:
    for cell, state in cells.items():
        key = (version, cell)
        held[key] = held[key] + state if key in held else state


def merged(parts: Sequence[Profile]) -> Profile:
    """Put the parts of one window's profile together."""
    whole = parts[0]
    for part in parts[1:]:
        whole = replace(
            whole,
            columns={**whole.columns, **part.columns},
            outcome=whole.outcome or part.outcome,
            extras={**whole.extras, **part.extras},
        )
    return whole
