"""The counting pass: numbers onto cut points, a block at a time.

Sorting a block and looking up the *cuts in the sorted block* is several times faster than looking up each value in the
cuts, and the sorted block gives bin sums, minimum, maximum and the infinities for nothing:

    values ──64k blocks──> sort ──> searchsorted(cuts) ──> counts, sums, moments, specials
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from retrue.core.state import Counts, Floats, Ints, Moments, mean_and_m2

BLOCK = 65_536
"""Values sorted at a time: small enough for the cache, large enough to amortise the look-up of 512 cuts."""


class Counted(NamedTuple):
    """What a run of numbers looks like on m cuts."""

    counts: Ints
    """int64[m + 1]: finite values below cuts[0], in each [cuts[i-1], cuts[i]), and from cuts[-1] up."""
    sums: Floats
    """float64[m + 1]: the sum of the values in each bin."""
    moments: Moments
    nan: int
    plus: int
    minus: int

    def joined(self, other: Counted) -> Counted:
        """This run of numbers and another one on the same cuts."""
        with np.errstate(over="ignore", invalid="ignore"):
            sums = self.sums + other.sums
        moments, nan = self.moments + other.moments, self.nan + other.nan
        return Counted(self.counts + other.counts, sums, moments, nan, self.plus + other.plus, self.minus + other.minus)


def count_numbers(values: Floats, cuts: Floats) -> Counted:
    """Count `values` (any length, NaN and infinities allowed) on strictly increasing `cuts`.

    >>> count_numbers(np.array([0.0, 1.0, 1.5, np.inf]), np.array([0.5, 1.5])).counts
    array([1, 1, 1])
    """
    # One copy for all blocks: memory that is given back after each block costs a page fault a page.
    room = np.empty(min(values.size, BLOCK))
    found = count_sorted(room[:0], cuts)
    for start in range(0, values.size, BLOCK):
        block = values[start : start + BLOCK]
        ordered = room[: block.size]
        ordered[:] = block
        ordered.sort()
        found = found.joined(count_sorted(ordered, cuts))
    return found


def count_sorted(ordered: Floats, cuts: Floats) -> Counted:
    """Count values that are sorted already, NaN last.

    >>> count_sorted(np.array([0.0, 1.0, 1.5, np.inf]), np.array([0.5, 1.5])).sums
    array([0. , 1. , 1.5])
    """
    low, high, first_nan = ends(ordered)
    finite = ordered[low:high]
    edges = bounds(finite, cuts)
    lengths = np.diff(edges)
    sums = segment_sums(finite, edges[:-1], lengths)
    return Counted(lengths, sums, sorted_moments(finite), ordered.size - first_nan, first_nan - high, low)


def ends(ordered: Floats) -> tuple[int, int, int]:
    """Where the finite values of a sorted array begin and end, and where NaN begins: infinities lie between."""
    if ordered.size == 0:
        return 0, 0, 0
    # Most columns have neither: two comparisons instead of three searches.
    if np.isfinite(ordered[0]) and np.isfinite(ordered[-1]):
        return 0, ordered.size, ordered.size
    return minus_end(ordered), int(ordered.searchsorted(np.inf)), int(ordered.searchsorted(np.nan))


def minus_end(block: Floats) -> int:
    """How many values at the start of a sorted block are -inf."""
    return int(block.searchsorted(-np.inf, side="right")) if block.size and block[0] == -np.inf else 0


def bounds(ordered: Floats, cuts: Floats) -> Ints:
    """Where each bin begins and ends in `ordered` (sorted, finite): int64[m + 2], from 0 to its length."""
    edges = np.empty(cuts.size + 2, np.int64)
    edges[0], edges[-1] = 0, ordered.size
    edges[1:-1] = ordered.searchsorted(cuts)
    return edges


def segment_sums(values: Floats, begins: Ints, lengths: Ints) -> Floats:
    """Sum `values` over adjoining segments that cover them; empty segments give 0.

    >>> segment_sums(np.array([1.0, 2.0, 4.0]), np.array([0, 2, 2]), np.array([2, 0, 1]))
    array([3., 0., 4.])
    """
    sums = np.zeros(begins.size)
    # reduceat has no empty segments: leave them out, the others still cover everything.
    filled = lengths > 0
    if filled.any():
        with np.errstate(over="ignore", invalid="ignore"):
            sums[filled] = np.add.reduceat(values, begins[filled])
    return sums


def sorted_moments(ordered: Floats) -> Moments:
    """Moments of sorted finite values, block by block while they are in the cache; the ends are minimum and maximum."""
    total = Moments()
    for start in range(0, ordered.size, BLOCK):
        block = ordered[start : start + BLOCK]
        mean, m2 = mean_and_m2(block)
        total += Moments(block.size, mean, m2, float(block[0]) + 0.0, float(block[-1]) + 0.0)
    return total


def bin_counts(codes: Ints, size: int) -> Ints:
    """int64[size]: how often each code occurs."""
    return np.bincount(codes, minlength=size).astype(np.int64, copy=False)


def bin_amounts(codes: Ints, size: int, weights: Floats | None) -> Counts:
    """[size]: how often each code occurs, or the sum of its weights."""
    return bin_counts(codes, size) if weights is None else bin_sums(codes, weights, size)


def bin_sums(codes: Ints, weights: Floats, size: int) -> Floats:
    """float64[size]: the sum of the weights of each code."""
    return np.asarray(np.bincount(codes, weights, minlength=size), np.float64)
