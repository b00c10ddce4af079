"""Beam search for the predicate that explains most for its length.

    all columns --best range or set each--> 2d parents --given each: best on another column--> 12 --> ... depth

A predicate's value is its log-likelihood ratio minus its description length, in nats. The lengths are those of a code,
so the sum of exp(-length) over all predicates is at most 1, and `value > ln(2 / alpha)` corrects for the whole search:
no Bonferroni on top.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import numpy.typing as npt

from retrue.explain.coding import BINS, Coded, Mask
from retrue.explain.questions import Array, Floats, Question

NARROW = 12
"""Predicates kept from the second condition on."""
KEEP = 0.05
"""A condition that brings less than this share of the score isn't worth reading."""


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
class Found:
    """A predicate with what it is worth.

    Args:
        conditions: joined by AND, on different columns.
        gain: its log-likelihood ratio, in nats.
        value: the gain minus the description length.
        sums: the question's sums over its rows.
    """

    conditions: tuple[Condition, ...]
    gain: float
    value: float
    sums: Floats


class Search:
    """The search of one question over two coded tables.

    Args:
        coded: the tables.
        question: what to explain.
        min_rows: a predicate has at least this many rows in the window or the reference.
    """

    def __init__(self, coded: Coded, question: Question, min_rows: int = 20) -> None:
        """Prepare which bins each column offers."""
        self.coded, self.question, self.min_rows = coded, question, min_rows
        self.width = len(coded.columns)
        self.offered = np.zeros((self.width, BINS), bool)
        for place, column in enumerate(coded.columns):
            self.offered[place, : column.choices] = True
        self.ranged = np.array([column.ordered for column in coded.columns], bool)

    def best(self, depth: int) -> Found | None:
        """Give the best predicate of at most `depth` conditions, pruned; None without columns."""
        beam = sorted(self._extend(None), key=_worth)
        pool = beam = beam[: 2 * self.width]
        for _ in range(1, min(depth, self.width)):
            longer = [self._improve(found) for found in _distinct(sorted(self._grow(beam), key=_worth))[:NARROW]]
            beam = sorted(longer, key=_worth)
            pool = pool + beam
        return self._prune(min(pool, key=_worth)) if pool else None

    def everything(self) -> Floats:
        """Give the question's sums over all rows."""
        return self._histogram([0], None)[0].sum(axis=0) if self.width else np.zeros(1)

    def rows_of(self, conditions: tuple[Condition, ...]) -> tuple[Mask, Mask]:
        """Say which rows of the window and of the reference meet all conditions."""
        return _matching(self.coded.window, conditions), _matching(self.coded.reference, conditions)

    # --- one step of the beam ---

    def _grow(self, beam: list[Found]) -> Iterator[Found]:
        for found in beam:
            yield from self._extend(found)

    def _extend(self, parent: Found | None) -> Iterator[Found]:
        """Give the best predicate with one more condition for each column that the parent doesn't use."""
        given = parent.conditions if parent else ()
        used = {condition.column for condition in given}
        free = [column for column in range(self.width) if column not in used]
        if free:
            yield from self._best_conditions(free, given)

    def _best_conditions(self, columns: list[int], given: tuple[Condition, ...]) -> Iterator[Found]:
        """Give the best condition on each of some columns, among the rows that meet the given ones."""
        sums = self._histogram(columns, given)
        for kind in (True, False):
            places = [place for place, column in enumerate(columns) if self.ranged[column] == kind]
            if not places:
                continue
            chosen = [columns[place] for place in places]
            masks = self._ranges(sums[places], chosen) if kind else self._sets(sums[places], chosen)
            for place, column, mask in zip(places, chosen, masks, strict=True):
                if mask.any():
                    yield self._found(given, Condition(column, mask, self._cost(column, mask)), sums[place])

    def _found(self, given: tuple[Condition, ...], condition: Condition, sums: Array) -> Found:
        conditions = tuple(sorted((*given, condition), key=lambda c: c.column))
        total = sums[condition.mask].sum(axis=0)
        gain = float(self.question.score(total)) if self._large(total) else 0.0
        return Found(conditions, gain, gain - self._length(conditions), total)

    def _large(self, sums: Array) -> npt.NDArray[np.bool_]:
        half = sums.shape[-1] // 2
        return np.asarray(np.maximum(sums[..., 0], sums[..., half]) >= self.min_rows)

    # --- conditions on one column ---

    def _ranges(self, sums: Array, columns: list[int]) -> list[Mask]:
        """Find the best range of each ordered column from cumulative sums, or its nulls alone."""
        starts, stops = _pairs()
        before = np.concatenate([np.zeros_like(sums[:, :1]), np.cumsum(sums, axis=1)], axis=1)
        inside = before[:, stops] - before[:, starts]
        bins = np.array([self.coded.columns[column].bins for column in columns])
        proper = (stops[None] <= bins[:, None]) & ((stops - starts)[None] < bins[:, None])
        scores = np.where(
            proper & self._large(inside), self.question.score(inside) + 1e-6 * self.question.grew(inside), -1.0
        )
        best, masks = scores.argmax(axis=1), []
        for place, column in enumerate(columns):
            mask = np.zeros(BINS, bool)
            if scores[place, best[place]] > 0:
                mask[starts[best[place]] : stops[best[place]]] = True
            null = self.coded.columns[column].null
            if (
                null is not None
                and self._large(sums[place, null])
                and self.question.score(sums[place, null]) > scores[place, best[place]]
            ):
                mask[:], mask[null] = False, True
            masks.append(mask)
        return masks

    def _sets(self, sums: Array, columns: list[int]) -> list[Mask]:
        """Find the best set of each column: bins joined in order of change, from either end, then single flips."""
        offered = self.offered[columns]
        key = np.where(offered & (sums.sum(axis=2) > 0), self.question.order(sums), np.nan)
        masks = []
        for place, column in enumerate(columns):
            order = np.argsort(key[place], kind="stable")[: int(np.isfinite(key[place]).sum())]
            masks.append(self._flip(self._prefix(sums[place], order, column), sums[place], column))
        return masks

    def _prefix(self, sums: Array, order: npt.NDArray[np.intp], column: int) -> Mask:
        """Give the best of the sets that hold the first or the last bins in order, never all."""
        mask, choices = np.zeros(BINS, bool), self.coded.columns[column].choices
        if len(order) < 2:
            return mask
        both = [order[::-1], order]  # what grew comes first, so that it wins a tie with its complement
        inside = np.stack([np.cumsum(sums[end], axis=0)[:-1] for end in both])
        lengths = np.array([_set_cost(choices, size) for size in range(1, len(order))])
        worth = np.where(
            self._large(inside), self.question.score(inside) - lengths - 1e-6 * np.arange(len(order) - 1), -np.inf
        )
        side, size = np.unravel_index(int(worth.argmax()), worth.shape)
        if np.isfinite(worth[side, size]):
            mask[both[side][: size + 1]] = True
        return mask

    def _flip(self, mask: Mask, sums: Array, column: int) -> Mask:
        """Put single bins in or out while that makes the set worth more."""
        places = np.flatnonzero(self.offered[column])
        choices, total = len(places), sums[mask].sum(axis=0)
        costs = np.array([_set_cost(choices, size) for size in range(choices + 1)])
        worth = float(self.question.score(total)) - costs[int(mask.sum())] if mask.any() else 0.0
        while mask.any():
            sign = np.where(mask[places], -1.0, 1.0)
            sizes = int(mask.sum()) + sign.astype(int)
            moved = total + sign[:, None] * sums[places]
            proper = (sizes > 0) & (sizes < choices) & self._large(moved)
            values = np.where(proper, self.question.score(moved) - costs[sizes.clip(0, choices)], -np.inf)
            best = int(values.argmax())
            if values[best] <= worth + 1e-6:
                break
            mask = mask.copy()
            mask[places[best]] = ~mask[places[best]]
            total, worth = moved[best], float(values[best])
        return mask

    # --- description length ---

    def _cost(self, column: int, mask: Mask) -> float:
        described = self.coded.columns[column]
        if not described.ordered:
            return _set_cost(described.choices, int(mask.sum()))
        ranges = described.bins * (described.bins + 1) / 2 + (described.null is not None)
        return math.log(ranges)

    def _length(self, conditions: tuple[Condition, ...]) -> float:
        """Give ln C(d, k) for the columns, ln 3 for how many, and what each condition costs."""
        return math.log(math.comb(self.width, len(conditions))) + math.log(3) + sum(c.cost for c in conditions)

    # --- polish ---

    def _improve(self, found: Found) -> Found:
        """Choose each condition again, given the others, until that brings nothing."""
        for _ in range(3):
            before = found.value
            for condition in found.conditions:
                rest = tuple(c for c in found.conditions if c is not condition)
                found = min([found, *self._best_conditions([condition.column], rest)], key=_worth)
            if found.value <= before + 1e-6:
                break
        return found

    def _prune(self, found: Found) -> Found:
        """Drop conditions whose loss of gain is less than what they cost, or than 5 % of it."""
        while len(found.conditions) > 1:
            shorter = [self._again(tuple(c for c in found.conditions if c is not one)) for one in found.conditions]
            best = min(shorter, key=_worth)
            if found.gain - best.gain > max(found.gain - best.gain + best.value - found.value, KEEP * found.gain):
                break
            found = best
        return found

    def _again(self, conditions: tuple[Condition, ...]) -> Found:
        """Value a predicate with the last of its conditions chosen anew."""
        first, rest = conditions[-1], conditions[:-1]
        sums = self._histogram([first.column], rest)[0]
        return min([self._found(rest, first, sums), *self._best_conditions([first.column], rest)], key=_worth)

    # --- counting ---

    def _histogram(self, columns: list[int], given: tuple[Condition, ...] | None) -> Floats:
        """Sum the question's numbers by bin over the rows that meet the given conditions, [columns, BINS, numbers]."""
        sides = (self.coded.window, self.coded.reference)
        return np.concatenate(
            [
                _count(codes, columns, given or (), numbers)
                for codes, numbers in zip(sides, self.question.rows(), strict=True)
            ],
            axis=2,
        )


def _count(
    codes: npt.NDArray[np.uint8], columns: list[int], given: tuple[Condition, ...], numbers: list[Floats | None]
) -> Floats:
    rows = np.flatnonzero(_matching(codes, given)) if given else None
    out = np.zeros((len(columns), BINS, len(numbers)))
    weights = [number if number is None or rows is None else number[rows] for number in numbers]
    for place, column in enumerate(columns):
        held = codes[column] if rows is None else codes[column][rows]
        for which, weight in enumerate(weights):
            out[place, :, which] = np.bincount(held, weight, minlength=BINS)
    return out


def _matching(codes: npt.NDArray[np.uint8], conditions: tuple[Condition, ...]) -> Mask:
    held = np.ones(codes.shape[1], bool)
    for condition in conditions:
        held &= condition.mask[codes[condition.column]]
    return held


@lru_cache(maxsize=1)
def _pairs() -> tuple[npt.NDArray[np.intp], npt.NDArray[np.intp]]:
    """All ranges [start, stop) of bins."""
    starts, stops = np.triu_indices(BINS)
    return starts, stops + 1


@lru_cache(maxsize=8192)
def _set_cost(choices: int, size: int) -> float:
    """Give ln K + ln C(K, s): which size, then which bins."""
    return math.log(max(choices, 1)) + math.log(max(math.comb(choices, size), 1))


def _worth(found: Found) -> float:
    return -found.value


def _distinct(ranked: list[Found]) -> list[Found]:
    """Drop predicates that were reached twice, by different ways."""
    seen: dict[tuple[tuple[int, bytes], ...], Found] = {}
    for found in ranked:
        seen.setdefault(tuple((c.column, c.mask.tobytes()) for c in found.conditions), found)
    return list(seen.values())
