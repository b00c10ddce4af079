"""Conditions on one column: the best range, set or null, given the question's sums in each of its bins.

    range: all of them, from cumulative sums      set: prefixes in order of change, then single flips

Each condition has a description length in nats, that of a code: over all conditions of a column the sum of
exp(-length) is at most 1.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import numpy.typing as npt

from retrue.explain.column import BINS, CodedColumn, Mask
from retrue.explain.questions import Array, Floats, Question


@dataclass(frozen=True, slots=True)
class Condition:
    """Some bins of one column: a range, or a set.

    Args:
        column: its place among the coded columns.
        mask: which bins, [BINS].
        cost: its description length in nats.
    """

    column: int
    mask: Mask
    cost: float


@dataclass(frozen=True, slots=True)
class Chooser:
    """Chooses the condition on a column that is worth most.

    Args:
        question: what to explain.
        min_rows: a set of rows has at least so many.
    """

    question: Question
    min_rows: int

    def large(self, sums: Array) -> Mask:
        """Say which sets have enough rows."""
        return np.asarray(self.question.size(sums) >= self.min_rows)

    def choose(self, columns: list[CodedColumn], sums: Array) -> list[Mask]:
        """Give the best mask for each column, all of them ordered or none, from sums [columns, BINS, numbers].

        A mask that marks nothing: there is no condition worth anything.
        """
        if columns[0].ordered:
            return self._ranges(sums, columns)
        return [self._set(of_bin, column.choices) for of_bin, column in zip(sums, columns, strict=True)]

    # --- ranges ---

    def _ranges(self, sums: Array, columns: list[CodedColumn]) -> list[Mask]:
        starts, stops = _pairs()
        before = np.concatenate([np.zeros_like(sums[:, :1]), np.cumsum(sums, axis=1)], axis=1)
        inside = before[:, stops] - before[:, starts]
        costs = np.stack([_range_costs(column.bins, null=column.null is not None) for column in columns])
        scores = self.question.score(inside) + 1e-6 * self.question.grew(inside) - costs
        scores[~self.large(inside)] = -np.inf
        return [
            self._range_or_null(column, row, of_bin) for column, row, of_bin in zip(columns, scores, sums, strict=True)
        ]

    def _range_or_null(self, column: CodedColumn, scores: Floats, sums: Array) -> Mask:
        """Take the best range of one column, or its nulls alone where they are worth more."""
        starts, stops = _pairs()
        mask, best = np.zeros(BINS, bool), int(scores.argmax())
        if np.isfinite(scores[best]):
            mask[starts[best] : stops[best]] = True
        null = column.null
        if null is None or not self.large(sums[null]):
            return mask
        alone = float(self.question.score(sums[null])) - null_cost(column)
        return np.arange(BINS) == null if alone > scores[best] else mask

    # --- sets ---

    def _set(self, sums: Array, choices: int) -> Mask:
        costs = _set_costs(choices)
        return self._flip(self._prefix(sums, costs), sums, costs)

    def _prefix(self, sums: Array, costs: Floats) -> Mask:
        """Give the best of the sets that hold the first or the last bins in order of change, never all."""
        mask, held = np.zeros(BINS, bool), np.flatnonzero(sums[: len(costs) - 1].any(axis=1))
        order = held[np.argsort(self.question.order(sums[held]), kind="stable")]
        if len(order) < 2:
            return mask
        both = [order[::-1], order]  # what grew comes first, so that it wins a tie with its complement
        inside = np.stack([np.cumsum(sums[end], axis=0)[:-1] for end in both])
        worth = self.question.score(inside) - costs[1 : len(order)] - 1e-6 * np.arange(len(order) - 1)
        worth[~self.large(inside)] = -np.inf
        side, size = np.unravel_index(int(worth.argmax()), worth.shape)
        if np.isfinite(worth[side, size]):
            mask[both[side][: size + 1]] = True
        return mask

    def _flip(self, mask: Mask, sums: Array, costs: Floats) -> Mask:
        """Put single bins in or out while that makes the set worth more."""
        choices, total = len(costs) - 1, sums[mask].sum(axis=0)
        worth = float(self.question.score(total)) - costs[int(mask.sum())] if mask.any() else 0.0
        while mask.any():
            sign = np.where(mask[:choices], -1, 1)
            sizes = int(mask.sum()) + sign
            moved = total + sign[:, None] * sums[:choices]
            proper = (sizes > 0) & (sizes < choices) & self.large(moved)
            values = np.where(proper, self.question.score(moved) - costs[sizes], -np.inf)
            best = int(values.argmax())
            if values[best] <= worth + 1e-6:
                break
            mask = mask.copy()
            mask[best] = not mask[best]
            total, worth = moved[best], float(values[best])
        return mask


# --- description length ---


def cost(column: CodedColumn, mask: Mask) -> float:
    """Give a condition's description length in nats.

    Ranges: open to one side, closed, null, or not null, equally likely; then which one. Sets: which size, then which
    bins, ln K + ln C(K, s).
    """
    if not column.ordered:
        return float(_set_costs(column.choices)[int(mask.sum())])
    if column.null is not None and mask[column.null]:
        return null_cost(column)
    held = np.flatnonzero(mask)
    costs = _range_costs(column.bins, null=column.null is not None)
    return float(costs[_place(int(held[0]), int(held[-1]) + 1)])


def null_cost(column: CodedColumn) -> float:
    """Give the description length of `IS NULL` on an ordered column."""
    return math.log(_kinds(column.bins, null=True))


def _kinds(bins: int, *, null: bool) -> int:
    """Count the kinds of conditions: open to one side, closed, null, not null."""
    return (bins > 1) + (bins > 2) + 2 * null


@lru_cache(maxsize=1)
def _pairs() -> tuple[npt.NDArray[np.intp], npt.NDArray[np.intp]]:
    """Give all ranges [start, stop) of bins."""
    starts, stops = np.triu_indices(BINS)
    return starts, stops + 1


def _place(start: int, stop: int) -> int:
    """Give the place of a range among all ranges."""
    return start * BINS - start * (start - 1) // 2 + stop - 1 - start


@lru_cache(maxsize=256)
def _range_costs(bins: int, *, null: bool) -> Floats:
    """Give the description length of each range of so many bins; infinite beyond them, and for all without nulls."""
    starts, stops = _pairs()
    closed = (starts > 0) & (stops < bins)
    open_ = (stops <= bins) & ~closed & (stops - starts < bins)
    whole = (stops - starts == bins) & (stops <= bins) & null
    costs = np.full(len(starts), np.inf)
    for kind in (open_, closed, whole):
        if kind.any():
            costs[kind] = math.log(_kinds(bins, null=null)) + math.log(int(kind.sum()))
    return costs


@lru_cache(maxsize=256)
def _set_costs(choices: int) -> Floats:
    """Give ln K + ln C(K, s) for each size from 0 to K."""
    return np.array([math.log(max(choices, 1)) + math.log(math.comb(choices, size)) for size in range(choices + 1)])
