"""What one column looks like: counts on its grid, what doesn't fit the grid, sums, moments, unseen names."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property
from typing import TYPE_CHECKING, ClassVar, Self

import numpy as np

from retrue.core.count import bin_sums
from retrue.core.state import Counts, Fields, Floats, Ints, Moments, Names, State, added, counted, same
from retrue.errors import ProfileError

if TYPE_CHECKING:
    from retrue.core.grid import Grid

SPECIALS = ("null", "mismatch", "nan", "+inf", "-inf")
"""What is counted apart from the grid: nulls, values of the wrong type, NaN and the infinities."""


@dataclass(frozen=True, eq=False)
class ColumnProfile(State):
    """The profile of one column over a set of events; adds up with others on the same grid.

    Attributes:
        grid: the grid it is counted on.
        counts: int64[grid.bins], rows in each bin.
        special: int64[5], rows that are one of `SPECIALS`.
        sums: float64[grid.bins] of a numeric column, the sum of the values in each bin; empty for categories, and where
            only counts are kept.
        moments: count, mean, M2, min and max of the finite values of a numeric column.
        names: the never-seen categories by name, with counts.
    """

    state: ClassVar[str] = "column"
    grid: Grid
    counts: Counts
    special: Counts
    sums: Floats
    moments: Moments
    names: Names

    def __add__(self, other: Self) -> Self:
        self.check_grid(other)
        return type(self)(
            self.grid,
            self.counts + other.counts,
            self.special + other.special,
            self.sums + other.sums if self.sums.size == other.sums.size else np.zeros(0),
            self.moments + other.moments,
            self.names + other.names,
        )

    def subtract(self, other: Self) -> Self:
        self.check_grid(other)
        return type(self)(
            self.grid,
            self.counts - other.counts,
            self.special - other.special,
            self.sums - other.sums if self.sums.size == other.sums.size else np.zeros(0),
            self.moments.subtract(other.moments),
            self.names.subtract(other.names),
        )

    def check_grid(self, other: ColumnProfile) -> None:
        """Raise ProfileError unless both are counted on the same grid."""
        if self.grid is not other.grid and self.grid.digest != other.grid.digest:
            raise ProfileError(
                "profiles on different grids don't add up",
                expected=f"grid {self.grid.digest}, got {other.grid.digest}",
                hint="count both on the reference's grid, or recount from the events",
            )

    @cached_property
    def rows(self) -> float:
        """All rows, nulls and other specials included; whole, unless weighted."""
        return self.n + added(self.special)

    @cached_property
    def n(self) -> float:
        """Rows on the grid: neither null nor any other special."""
        return added(self.counts)

    @property
    def stands_for(self) -> float:
        """How many events one row stands for: 1, unless weighted."""
        return 1.0

    def by_event(self) -> ColumnProfile:
        """The same with as many rows on the grid as there were events: itself, unless weighted."""
        return self

    def special_count(self, name: str) -> float:
        """How many rows are `name`, one of `SPECIALS`."""
        return added(self.special[SPECIALS.index(name)])

    @property
    def out_of_range(self) -> float:
        """Rows on the grid that lie where the reference has nothing: below, above, or never seen."""
        return added(self.counts[self.grid.outside])

    @cached_property
    def shares(self) -> Floats:
        """float64[bins + 5]: the share of all rows in each bin and special; all zero without rows."""
        counts = np.concatenate([self.counts, self.special]).astype(np.float64)
        return counts / (self.rows or 1)

    def because(self, reason: str | None) -> Self:
        """The same, with why none of its rows could be read as its one name; itself where there is no reason."""
        return self if reason is None else replace(self, names=Names({reason: self.special_count("mismatch")}))

    def known(self) -> ColumnProfile:
        """The same without its nulls: of a label, what is known of it."""
        special = self.special.copy()
        special[SPECIALS.index("null")] = 0
        return replace(self, special=special)

    def without_sums(self) -> ColumnProfile:
        """The same with counts only: of the values in a bin no more is known than that they lie in it."""
        return replace(self, sums=self.sums[:0]) if self.sums.size else self

    def coarsen(self, coarse: Grid) -> ColumnProfile:
        """The same rows on `coarse`, a grid from `grid.coarsen()`: merging bins is exact."""
        if coarse is self.grid:
            return self
        index = self.grid.merge_index(coarse)
        counts = np.bincount(index, self.counts, minlength=coarse.bins).astype(self.counts.dtype)
        sums = bin_sums(index, self.sums, coarse.bins) if self.sums.size else self.sums
        return ColumnProfile(coarse, counts, self.special, sums, self.moments, self.names)

    def scaled(self, factor: float) -> ColumnProfile:
        """The same rows, each counted `factor` times."""
        moments, names = self.moments.scaled(factor), self.names.scaled(factor)
        counts, special = self.counts * factor, self.special * factor
        return ColumnProfile(self.grid, counts, special, self.sums * factor, moments, names)

    def fields(self) -> dict[str, Ints | Floats | list[str]]:
        return {**prefixed("grid", self.grid.fields()), **self.content()}

    def content(self) -> dict[str, Ints | Floats | list[str]]:
        """The fields without the grid: what a store keeps for each window."""
        return {
            "counts": self.counts,
            "special": self.special,
            "sums": self.sums,
            **prefixed("moments", self.moments.fields()),
            **prefixed("names", self.names.fields()),
        }

    @classmethod
    def from_fields(cls, fields: Fields) -> Self:
        # The grid module builds column profiles, so it can only be imported late.
        from retrue.core.grid import Grid

        return cls.from_content(Grid.from_fields(within("grid", fields)), fields)

    @classmethod
    def from_content(cls, grid: Grid, fields: Fields) -> Self:
        """Rebuild the profile from `content()` and the grid it was counted on."""
        counts = counted(fields["counts"])
        if counts.shape != (grid.bins,):
            raise ProfileError(f"{counts.size} counts", expected=f"{grid.bins}, one for each bin of the grid")
        return cls(
            grid,
            counts,
            counted(fields["special"]),
            np.asarray(fields["sums"], np.float64),
            Moments.from_fields(part(fields, "moments", "n", "moments")),
            Names.from_fields(part(fields, "names", "names", "counts", "lost")),
        )

    def agrees(self, other: object) -> bool:
        return (
            isinstance(other, ColumnProfile)
            and self.grid.digest == other.grid.digest
            and same(self.counts, other.counts)
            and same(self.special, other.special)
            and same(self.sums, other.sums)
            and self.moments.agrees(other.moments)
            and self.names.agrees(other.names)
        )


def prefixed(prefix: str, fields: Fields) -> dict[str, Ints | Floats | list[str]]:
    """Put `prefix/` before each name."""
    return {f"{prefix}/{name}": value for name, value in fields.items()}


def part(fields: Fields, prefix: str, *names: str) -> Fields:
    """Some fields below `prefix/`, without it: unlike `within`, which looks at all."""
    return {name: fields[f"{prefix}/{name}"] for name in names}


def within(prefix: str, fields: Fields) -> dict[str, Ints | Floats | list[str]]:
    """The fields below `prefix/`, without it.

    >>> within("a", {"a/b": ["x"], "c": ["y"]})
    {'b': ['x']}
    """
    return {name[len(prefix) + 1 :]: value for name, value in fields.items() if name.startswith(prefix + "/")}
