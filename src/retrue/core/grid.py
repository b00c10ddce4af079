"""Grids: the bins that a reference fixes for each column, once, so that everything later can be compared and added.

    reference column ──fit──> Grid ──count──> ColumnProfile

A numeric grid has cut points at the reference's quantiles; a value that alone holds at least 1/K of the rows is an
*atom* with a bin of its own. A categorical grid has a bin for each frequent category, one for known but rare ones, and
one for values never seen. Two outer bins catch what lies below and above anything seen.
"""

from __future__ import annotations

import hashlib
import json
from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import ClassVar, Self

import numpy as np
import polars as pl

from retrue.core.column import SPECIALS, ColumnProfile
from retrue.core.count import Counted, count_numbers, count_sorted, ends
from retrue.core.state import Bools, Fields, Floats, Ints, Moments, Names
from retrue.core.values import Texts, number_rows, numbers, tally, text_rows, texts
from retrue.errors import ProfileError

RESOLUTION = 512
"""K: quantile cuts of a numeric grid, and the most categories with a bin of their own."""
COARSE = 64
"""Bins kept for slices and by the hour."""
KNOWN = 16_384
"""The most rare categories a grid remembers; beyond that a rare one counts as never seen, in the reference too."""


LARGEST = float(np.finfo(np.float64).max)


class Grid(ABC):
    """How one column is counted. Abstract; `NumericGrid` and `CategoricalGrid` are the two there are."""

    kind: ClassVar[str]

    @property
    @abstractmethod
    def bins(self) -> int:
        """How many bins there are (specials not included)."""

    @property
    @abstractmethod
    def labels(self) -> list[str]:
        """What each bin is called, for people."""

    @property
    @abstractmethod
    def outside(self) -> Bools:
        """bool[bins]: which bins hold what the reference never showed."""

    @abstractmethod
    def count(self, series: pl.Series) -> ColumnProfile:
        """Count one batch of the column, whatever its type."""

    @abstractmethod
    def codes(self, series: pl.Series) -> Ints:
        """int64[rows]: the bin of each row; `bins + i` where it is the i-th of `SPECIALS`."""

    @abstractmethod
    def coarsen(self, bins: int = COARSE) -> Grid:
        """A grid of at most about `bins` bins, each a union of bins of this one."""

    @abstractmethod
    def merge_index(self, coarse: Grid) -> Ints:
        """int64[self.bins]: the bin of `coarse` that each bin of this grid falls into."""

    @abstractmethod
    def fields(self) -> dict[str, Ints | Floats | list[str]]:
        """The grid as named arrays; see `from_fields`."""

    def mark_unread(self, codes: Ints, series: pl.Series, parsed: pl.Series) -> Ints:
        """Set the special codes of rows that are null, or not null but unreadable."""
        if parsed.null_count():
            codes[parsed.is_null().to_numpy()] = self.bins + SPECIALS.index("mismatch")
            codes[series.is_null().to_numpy()] = self.bins + SPECIALS.index("null")
        return codes

    def empty(self) -> ColumnProfile:
        """The profile of no rows."""
        sums = np.zeros(self.bins if self.kind == "numeric" else 0)
        return ColumnProfile(
            self, np.zeros(self.bins, np.int64), np.zeros(len(SPECIALS), np.int64), sums, Moments(), Names()
        )

    @cached_property
    def digest(self) -> str:
        """16 hex digits that name this grid: equal grids have equal digests."""
        hasher = hashlib.blake2b(self.kind.encode(), digest_size=8)
        for name, value in sorted(self.fields().items()):
            hasher.update(name.encode())
            hasher.update(json.dumps(value).encode() if isinstance(value, list) else value.tobytes())
        return hasher.hexdigest()

    @classmethod
    def from_fields(cls, fields: Fields) -> Grid:
        """Rebuild the grid that `fields` came from.

        Raises:
            ProfileError: there is none; a lean profile is read with its grids.
        """
        if "cuts" not in fields and "categories" not in fields:
            raise ProfileError("no grid among the fields", hint="pass the grids that the profile was counted on")
        if "cuts" in fields:
            return NumericGrid(
                np.asarray(fields["cuts"], np.float64), temporal=bool(int(np.asarray(fields["temporal"])[0]))
            )
        return CategoricalGrid(tuple(map(str, fields["categories"])), tuple(map(str, fields["rare"])))


@dataclass(frozen=True, eq=False)
class NumericGrid(Grid):
    """Bins between strictly increasing, finite `cuts` (float64[m]); m + 1 bins.

    Bin 0 is everything below `cuts[0]`, the least value of the reference; bin i is [cuts[i-1], cuts[i]); bin m is
    everything from `cuts[-1]` up, which is just above the greatest value of the reference. No cuts: one bin, outside.

    >>> grid = NumericGrid.fit(pl.Series([1.0, 2.0, 2.0, 3.0]))
    >>> grid.count(pl.Series([0.0, 2.0, 9.0, None])).out_of_range
    2
    """

    kind: ClassVar[str] = "numeric"
    cuts: Floats
    temporal: bool = False

    def __post_init__(self) -> None:
        if self.cuts.ndim != 1 or not np.isfinite(self.cuts).all() or (self.cuts[1:] <= self.cuts[:-1]).any():
            raise ProfileError("cut points must be finite and strictly increasing", expected="a sorted 1-d array")

    @classmethod
    def fit(cls, series: pl.Series, resolution: int = RESOLUTION, *, temporal: bool = False) -> Self:
        """Put cuts at the quantiles of the finite values, and a bin of its own around each atom.

        Args:
            series: the reference column, any type (see `retrue.core.values`); no rows are fine.
            resolution: K, the number of quantile bins. A value with at least n/K of the n rows is an atom.
            temporal: parse text as dates and times.
        """
        temporal = temporal or series.dtype.is_temporal()
        ordered = np.sort(numbers(series, temporal=temporal).values)
        low, high, _ = ends(ordered)
        return cls(quantile_cuts(ordered[low:high], resolution), temporal)

    @classmethod
    def learn(cls, series: pl.Series, *, temporal: bool = False) -> ColumnProfile:
        """Fit a grid to a column and count the column on it: one sort serves both.

        >>> NumericGrid.learn(pl.Series([1.0, 2.0, 2.0, None])).counts.tolist()
        [0, 1, 0, 2, 0]
        """
        temporal = temporal or series.dtype.is_temporal()
        values, nulls, mismatches = numbers(series, temporal=temporal)
        ordered = np.sort(values)
        low, high, _ = ends(ordered)
        grid = cls(quantile_cuts(ordered[low:high], RESOLUTION), temporal)
        return grid.profile(count_sorted(ordered, grid.cuts), nulls, mismatches)

    @property
    def bins(self) -> int:
        return self.cuts.size + 1

    @cached_property
    def atoms(self) -> Bools:
        """bool[bins]: bins that hold one single value."""
        single = np.zeros(self.bins, np.bool_)
        if self.cuts.size > 1:
            single[1:-1] = np.nextafter(self.cuts[:-1], np.inf) == self.cuts[1:]
        single[-1] = self.topmost
        return single

    @property
    def labels(self) -> list[str]:
        if self.cuts.size == 0:
            return ["any value"]
        low, high, atoms = self.cuts[:-1], self.cuts[1:], self.atoms[1:-1]
        # A bin after an atom begins just above it: `above 0 to 5` says so, `4.9e-324 to 5` doesn't.
        after = np.concatenate([[False], atoms])[: low.size]
        inner = [
            f"{a:.6g}" if atom else f"above {np.nextafter(a, -np.inf):.6g} to {b:.6g}" if own else f"{a:.6g} to {b:.6g}"
            for a, b, atom, own in zip(low, high, atoms, after, strict=True)
        ]
        top = float(self.cuts[-1])
        last = f"{top:.6g}" if self.topmost else f"above {np.nextafter(top, -np.inf):.6g}"
        return [f"below {self.cuts[0]:.6g}", *inner, last]

    @property
    def outside(self) -> Bools:
        outside = np.zeros(self.bins, np.bool_)
        outside[[0, -1]] = True
        # Above the largest float there is nothing: the bin holds that float alone, and the reference has it.
        outside[-1] = not self.topmost
        return outside

    @property
    def topmost(self) -> bool:
        """Whether the last cut is the largest float there is."""
        return self.cuts.size > 0 and bool(self.cuts[-1] == LARGEST)

    def count(self, series: pl.Series) -> ColumnProfile:
        values, nulls, mismatches = numbers(series, temporal=self.temporal)
        return self.profile(count_numbers(values, self.cuts), nulls, mismatches)

    def profile(self, found: Counted, nulls: int, mismatches: int) -> ColumnProfile:
        """The profile of numbers counted on this grid's cuts."""
        special = np.array([nulls, mismatches, found.nan, found.plus, found.minus], np.int64)
        return ColumnProfile(self, found.counts, special, found.sums, found.moments, Names())

    def codes(self, series: pl.Series) -> Ints:
        parsed = number_rows(series, temporal=self.temporal)
        values = parsed.fill_null(0.0).to_numpy()
        codes = np.searchsorted(self.cuts, values, side="right").astype(np.int64)
        for special, where in (("nan", np.isnan(values)), ("+inf", values == np.inf), ("-inf", values == -np.inf)):
            codes[where] = self.bins + SPECIALS.index(special)
        return self.mark_unread(codes, series, parsed)

    def coarsen(self, bins: int = COARSE) -> NumericGrid:
        inner = max(bins - 2, 1)
        if self.cuts.size <= inner + 1:
            return self
        keep = np.unique(np.linspace(0, self.cuts.size - 1, inner + 1).round().astype(int))
        return NumericGrid(self.cuts[keep], self.temporal)

    def merge_index(self, coarse: Grid) -> Ints:
        if not isinstance(coarse, NumericGrid) or not np.isin(coarse.cuts, self.cuts).all():
            raise ProfileError("the coarse grid's cuts are not among this grid's", expected="a grid from coarsen()")
        lows = np.concatenate([[-np.inf], self.cuts])
        return np.searchsorted(coarse.cuts, lows, side="right").astype(np.int64)

    def fields(self) -> dict[str, Ints | Floats | list[str]]:
        return {"cuts": self.cuts, "temporal": np.array([int(self.temporal)])}


def quantile_cuts(ordered: Floats, resolution: int) -> Floats:
    """Cuts for sorted finite values: their quantiles, the ends, and both sides of each atom; -0.0 becomes 0.0.

    >>> quantile_cuts(np.array([1.0, 1.0, 4.0]), 2)  # the atom 1 has a bin of its own: [1, 1 + 2e-16)
    array([1., 1., 4.])
    """
    if ordered.size == 0:
        return np.empty(0)
    n = ordered.size
    at = np.unique(ordered[np.arange(resolution) * n // resolution])
    mass = ordered.searchsorted(at, side="right") - ordered.searchsorted(at)
    atoms = at[mass * resolution >= n]
    with np.errstate(over="ignore"):
        top = min(float(np.nextafter(ordered[-1], np.inf)), LARGEST)
        cuts = np.unique(np.concatenate([ordered[:1], at, atoms, np.nextafter(atoms, np.inf), [top]]))
    return np.asarray(cuts[np.isfinite(cuts)], np.float64) + 0.0


@dataclass(frozen=True, eq=False)
class CategoricalGrid(Grid):
    """A bin for each of `categories` (most frequent first), one for `rare` known ones, one for never seen.

    >>> grid = CategoricalGrid.fit(pl.Series(["a", "a", "b", None]))
    >>> grid.labels, grid.count(pl.Series(["a", "z"])).names.counts
    (['a', 'b', 'known but rare', 'never seen'], {'z': 1})
    """

    kind: ClassVar[str] = "categorical"
    categories: tuple[str, ...]
    rare: tuple[str, ...] = ()

    @classmethod
    def fit(cls, series: pl.Series, most: int = RESOLUTION) -> Self:
        """Give the `most` frequent categories a bin each (ties by name) and remember up to `KNOWN` rare ones."""
        return cls.of_ranked(ranked(texts(series)), most)

    @classmethod
    def learn(cls, series: pl.Series) -> ColumnProfile:
        """Fit a grid to a column and count the column on it: one tally serves both.

        >>> CategoricalGrid.learn(pl.Series(["a", "a", "b", None])).counts.tolist()
        [2, 1, 0, 0]
        """
        read = texts(series)
        found = ranked(read)
        return cls.of_ranked(found).profile(read._replace(texts=found["value"], weights=found["n"]))

    @classmethod
    def of_ranked(cls, found: pl.DataFrame, most: int = RESOLUTION) -> Self:
        """The grid of categories in order of rank: column `value`."""
        names = found["value"].to_list()
        return cls(tuple(names[:most]), tuple(names[most : most + KNOWN]))

    @property
    def bins(self) -> int:
        return len(self.categories) + 2

    @property
    def labels(self) -> list[str]:
        return [*self.categories, "known but rare", "never seen"]

    @property
    def outside(self) -> Bools:
        outside = np.zeros(self.bins, np.bool_)
        outside[-1] = True
        return outside

    @cached_property
    def dtype(self) -> pl.Enum:
        """The Polars type that turns known texts into codes and all others into null."""
        return pl.Enum([*self.categories, *self.rare])

    def ranks(self, values: pl.Series) -> Ints:
        """int64: the rank of each text among the known ones, frequent before rare; their number where never seen."""
        if not self.categories:
            return np.zeros(len(values), np.int64)
        known = len(self.categories) + len(self.rare)
        # Nulls are filled while the codes are still small: a cast to int64 first costs twice as much.
        codes = values.cast(self.dtype, strict=False).to_physical()
        return codes.cast(pl.UInt32).fill_null(known).cast(pl.Int64).to_numpy()

    def lookup(self, values: pl.Series) -> Ints:
        """int64: the bin of each text; never-seen ones get the last bin."""
        ranks, frequent = self.ranks(values), len(self.categories)
        return np.where(ranks < frequent + len(self.rare), np.minimum(ranks, frequent), frequent + 1)

    @cached_property
    def spellings(self) -> Mapping[str, str]:
        """How else the known texts may be written: yes and no are `true` and `false`, or 1 and 0."""
        known = {*self.categories, *self.rare}
        if known and known <= {"true", "false"}:
            return {"1": "true", "0": "false"}
        return {"true": "1", "false": "0"} if known and known <= {"1", "0"} else {}

    def spelt(self, values: pl.Series) -> pl.Series:
        """The texts as this grid spells them, so that a column of booleans that became 0 and 1 still matches.

        >>> CategoricalGrid(("false", "true")).spelt(pl.Series(["1", "0", "2", None])).to_list()
        ['true', 'false', '2', None]
        """
        return values.replace(self.spellings) if self.spellings else values

    def count(self, series: pl.Series) -> ColumnProfile:
        read = texts(series)
        return self.profile(read._replace(texts=self.spelt(read.texts)))

    def profile(self, read: Texts) -> ColumnProfile:
        """The profile of a column read as categories."""
        ranks, frequent, known = self.ranks(read.texts), len(self.categories), len(self.categories) + len(self.rare)
        weights = None if read.weights is None else read.weights.to_numpy()
        by_rank = np.bincount(ranks, weights, minlength=known + 1).astype(np.int64)
        counts = np.concatenate([by_rank[:frequent], [by_rank[frequent:known].sum()], by_rank[known:]])
        special = np.array([read.nulls, read.mismatches, read.nans, 0, 0], np.int64)
        names = self.name_unseen(read.texts, read.weights, ranks == known) if counts[-1] else Names()
        return ColumnProfile(self, counts, special, np.zeros(0), Moments(), names)

    @staticmethod
    def name_unseen(values: pl.Series, weights: pl.Series | None, unseen: Bools) -> Names:
        """Name what was never seen, with counts."""
        where = pl.Series(unseen)
        counted = tally(values.filter(where), None if weights is None else weights.filter(where))
        return Names() + Names(dict(zip(counted["value"].to_list(), counted["n"].to_list(), strict=True)))

    def codes(self, series: pl.Series) -> Ints:
        parsed = self.spelt(text_rows(series))
        codes = self.mark_unread(self.lookup(parsed), series, parsed)
        if series.dtype.is_float():
            codes[series.is_nan().fill_null(value=False).to_numpy()] = self.bins + SPECIALS.index("nan")
        return codes

    def coarsen(self, bins: int = COARSE) -> CategoricalGrid:
        most = max(bins - 2, 1)
        if len(self.categories) <= most:
            return self
        return CategoricalGrid(self.categories[:most], (*self.categories[most:], *self.rare))

    def merge_index(self, coarse: Grid) -> Ints:
        if not isinstance(coarse, CategoricalGrid) or self.categories[: len(coarse.categories)] != coarse.categories:
            raise ProfileError("the coarse grid's categories are not this grid's first", expected="one from coarsen()")
        index = np.minimum(np.arange(self.bins), len(coarse.categories))
        index[-1] = coarse.bins - 1
        return index

    def fields(self) -> dict[str, Ints | Floats | list[str]]:
        return {"categories": list(self.categories), "rare": list(self.rare)}


def ranked(read: Texts) -> pl.DataFrame:
    """Each distinct text and how often it occurs, most frequent first, ties by name: columns `value` and `n`."""
    return tally(read.texts, read.weights).sort(["n", "value"], descending=[True, False])
