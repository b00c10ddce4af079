"""Cells: the few groups of rows that share-by-share distances compare, the same for PSI, JS, chi-square and all.

* Numbers: the reference's deciles (fewer quantiles where the smaller sample has under 50 rows), read off the grid;
  values
  below and above anything seen are cells of their own, -inf and +inf among them.
* Categories: one each, most frequent first, and one for never seen.
* Nulls, values of the wrong type and NaN are cells of their own.

A cell that expects fewer than `LEAST` rows in the smaller sample tells nothing and, alone, would dominate PSI, KL and
chi-square: such cells are put together (Cochran 1954, "Some methods for strengthening the common chi-square tests").
Rareness is read from both samples together; judged by the reference alone, every window would fall short of its lucky
cells. New mass stands alone as soon as `LEAST` rows of the smaller sample are in it, so 91 % unseen is seen and one
unseen row is not.

    counts on the grid + specials ──raw cells──> pool ──> fold ──> [k] of window and reference
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import NamedTuple

import numpy as np

from retrue.core.column import SPECIALS, ColumnProfile
from retrue.core.grid import Grid, NumericGrid
from retrue.core.state import Bools, Counts, Ints, added

DECILES = 10
LEAST = 5.0
"""Expected rows that a cell needs to stand alone."""


@dataclass(frozen=True, eq=False)
class Cells:
    """Two samples in the same k cells.

    Attributes:
        window, reference: [k], rows in each cell; whole numbers, unless weighted.
        occupied: how many bins and specials had rows before any were put together.
        telling: False where no cell has rows enough to stand alone, although there are several values.
    """

    window: Counts
    reference: Counts
    occupied: int
    telling: bool = True


class _Raw(NamedTuple):
    """Where each bin and special goes before pooling, and which of these raw cells hold what the reference lacks."""

    places: Ints
    new: Bools


@lru_cache(maxsize=16)
def cells(window: ColumnProfile, reference: ColumnProfile) -> Cells:
    """Put both samples into cells; several metrics of one column ask for the same.

    Args:
        window: a profile with rows.
        reference: one on the same grid, with rows.
    """
    w, r = (np.concatenate([p.counts, p.special]) for p in (window, reference))
    raw = _raw_cells(reference.grid, reference.counts, min(window.rows, reference.rows))
    size = raw.new.size
    places, stand = pool(fold(w, raw.places, size), fold(r, raw.places, size), raw.new)
    index, occupied = places[raw.places], int(np.count_nonzero(w + r))
    k = int(index.max()) + 1
    return Cells(fold(w, index, k), fold(r, index, k), occupied, stand or occupied == 1)


def fold(counts: Counts, index: Ints, k: int) -> Counts:
    """Add up `counts` [..., bins] by cell: [..., k], of the same type.

    >>> fold(np.array([[5, 4, 3], [1, 1, 1]]), np.array([0, 1, 0]), 2).tolist()
    [[8, 4], [2, 1]]
    """
    rows = np.asarray(counts).reshape(-1, index.size)
    at = (np.arange(rows.shape[0])[:, None] * k + index).ravel()
    flat = np.bincount(at, rows.ravel(), minlength=rows.shape[0] * k)
    return flat.astype(rows.dtype).reshape(*np.shape(counts)[:-1], k)


def pool(window: Counts, reference: Counts, new: Bools) -> tuple[Ints, bool]:
    """Put small cells together.

    Args:
        window: [raw cells].
        reference: [raw cells].
        new: which raw cells hold what the reference lacks: never put with known ones while they hold `LEAST` rows.

    Returns:
        int64[raw cells], the cell of each; and whether any of them stands alone.

    >>> pool(np.array([50, 48, 1, 1]), np.array([500, 490, 3, 0]), np.array([False, False, False, True]))
    (array([0, 1, 1, 1]), True)
    """
    n, m = added(window), added(reference)
    expected = (window + reference) * (min(n, m) / (n + m or 1))
    alone = (expected >= LEAST) | (new & ((window if n <= m else reference) >= LEAST))
    if not alone.any():
        return np.zeros(window.size, np.int64), False
    # What is left over is a cell if it is large enough; else it joins the smallest that stands, a known one if it can.
    hosts = np.flatnonzero(alone & ~new) if (alone & ~new).any() else np.flatnonzero(alone)
    large = expected[~alone].sum() >= LEAST
    host = window.size if large else hosts[np.argmin(expected[hosts])]
    empty = hosts[0] if large else host
    places = np.where(alone, np.arange(window.size), np.where(window + reference > 0, host, empty))
    return np.unique(places, return_inverse=True)[1].astype(np.int64), True


def _raw_cells(grid: Grid, reference: Counts, smaller: float) -> _Raw:
    """Cells before pooling: quantiles or categories, then what is outside, then the specials."""
    if isinstance(grid, NumericGrid):
        return _numeric_cells(reference, smaller)
    specials = grid.bins + np.arange(len(SPECIALS))
    new = np.zeros(grid.bins + len(SPECIALS), np.bool_)
    new[grid.bins - 1 :] = True
    return _Raw(np.concatenate([np.arange(grid.bins), specials]), new)


def _numeric_cells(reference: Counts, smaller: float) -> _Raw:
    """Quantile cells of the reference; a bin belongs to the quantile in which its middle row lies."""
    k = int(np.clip(smaller // LEAST, 1, DECILES))
    inner = reference[1:-1]
    total = added(inner) or 1
    middle = (np.cumsum(inner) - inner / 2) / total
    quantile = np.minimum((middle * k).astype(np.int64), k - 1)
    below, above = k, k + 1
    # null, mismatch, nan; the infinities lie beyond the ends.
    specials = [k + 2, k + 3, k + 4, above, below]
    ends = ([below], [above]) if reference.size > 1 else ([above], [])
    index = np.concatenate([ends[0], quantile, ends[1], specials]).astype(np.int64)
    return _Raw(index, np.arange(k + 5) >= k)
