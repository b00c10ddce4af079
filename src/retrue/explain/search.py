"""Beam search for the predicate that explains most for its length.

    all columns --best condition on each--> parents --given each: best on another column--> 12 --> ... depth

A predicate's value is its log-likelihood ratio minus its description length, in nats. The lengths are those of a code,
so the sum of exp(-length) over all predicates is at most 1, and `value > ln(2 / alpha)` corrects for the whole search:
no Bonferroni on top.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import numpy.typing as npt

from retrue.explain.coding import Coded
from retrue.explain.column import BINS, Mask
from retrue.explain.conditions import Chooser, Condition, cost
from retrue.explain.questions import Array, Floats, Question

DEEPEST = 3
"""The most conditions of a predicate."""
PARENTS = 48
"""Conditions that are tried together with a second one."""
NARROW = 12
"""Predicates kept from the second condition on."""
KEEP = 0.05
"""A condition that brings less than this share of the score isn't worth reading."""


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
        self.coded, self.question = coded, question
        self.chooser = Chooser(question, min_rows)
        self.width = len(coded.columns)

    @cached_property
    def singles(self) -> list[Found]:
        """The best single condition on each column, the best first."""
        return sorted(self._extend(None), key=_worth)

    def best(self, depth: int) -> Found | None:
        """Give the best predicate of at most `depth` conditions, pruned; None without columns."""
        pool = beam = self.singles[:PARENTS]
        for _ in range(1, min(depth, self.width)):
            grown = sorted((longer for found in beam for longer in self._extend(found)), key=_worth)
            beam = sorted((self._improve(found) for found in _distinct(grown)[:NARROW]), key=_worth)
            pool = pool + beam
        return self._prune(min(pool, key=_worth)) if pool else None

    def everything(self) -> Floats:
        """Give the question's sums over all rows."""
        sides = zip((self.coded.window, self.coded.reference), self.question.rows(), strict=True)
        return np.array([codes.shape[1] if one is None else one.sum() for codes, sums in sides for one in sums], float)

    def rows_of(self, conditions: tuple[Condition, ...]) -> tuple[Mask, Mask]:
        """Say which rows of the window and of the reference meet all conditions."""
        return _matching(self.coded.window, conditions), _matching(self.coded.reference, conditions)

    # --- one step of the beam ---

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
        for ordered in (True, False):
            places = [place for place, column in enumerate(columns) if self.coded.columns[column].ordered == ordered]
            if not places:
                continue
            masks = self.chooser.choose([self.coded.columns[columns[place]] for place in places], sums[places])
            for place, mask in zip(places, masks, strict=True):
                if mask.any():
                    length = cost(self.coded.columns[columns[place]], mask)
                    yield self._found(given, Condition(columns[place], mask, length), sums[place])

    def _found(self, given: tuple[Condition, ...], condition: Condition, sums: Array) -> Found:
        conditions = tuple(sorted((*given, condition), key=lambda c: c.column))
        total = sums[condition.mask].sum(axis=0)
        gain = float(self.question.score(total)) if self.chooser.large(total) else 0.0
        return Found(conditions, gain, gain - self._length(conditions), total)

    def _length(self, conditions: tuple[Condition, ...]) -> float:
        """Give ln C(d, k) for the columns, ln 3 for how many, and what each condition costs."""
        columns = math.log(math.comb(self.width, len(conditions)))
        return columns + math.log(DEEPEST) + sum(condition.cost for condition in conditions)

    # --- polish ---

    def _improve(self, found: Found) -> Found:
        """Choose each condition again, given the others, until that brings nothing."""
        for _ in range(3):
            before = found.value
            for condition in found.conditions:
                rest = tuple(c for c in found.conditions if c is not condition)
                if len(rest) == len(found.conditions) - 1:
                    found = min([found, *self._best_conditions([condition.column], rest)], key=_worth)
            if found.value <= before + 1e-6:
                break
        return found

    def _prune(self, found: Found) -> Found:
        """Drop conditions whose loss of gain is less than what they cost, or than 5 % of it."""
        while len(found.conditions) > 1:
            best = min((self._without(found, one) for one in found.conditions), key=_worth)
            if found.gain - best.gain > max(found.gain - best.gain + best.value - found.value, KEEP * found.gain):
                break
            found = best
        return found

    def _without(self, found: Found, dropped: Condition) -> Found:
        """Give the predicate without one of its conditions, the last of the others chosen anew."""
        *rest, last = (c for c in found.conditions if c is not dropped)
        sums = self._histogram([last.column], tuple(rest))[0]
        return min(
            [self._found(tuple(rest), last, sums), *self._best_conditions([last.column], tuple(rest))], key=_worth
        )

    # --- counting ---

    def _histogram(self, columns: list[int], given: tuple[Condition, ...]) -> Floats:
        """Sum the question's numbers by bin over the rows that meet the given conditions, [columns, BINS, numbers]."""
        sides = (self.coded.window, self.coded.reference)
        return np.concatenate(
            [
                _count(codes, columns, given, numbers)
                for codes, numbers in zip(sides, self.question.rows(), strict=True)
            ],
            axis=2,
        )


def _count(
    codes: npt.NDArray[np.uint8], columns: list[int], given: tuple[Condition, ...], numbers: list[Floats | None]
) -> Floats:
    out = np.zeros((len(columns), BINS, len(numbers)))
    if not numbers:
        return out
    rows = np.flatnonzero(_matching(codes, given)) if given else None
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


def _worth(found: Found) -> float:
    return -found.value


def _distinct(ranked: list[Found]) -> list[Found]:
    """Drop predicates that were reached twice, by different ways."""
    seen: dict[tuple[tuple[int, bytes], ...], Found] = {}
    for found in ranked:
        seen.setdefault(tuple((c.column, c.mask.tobytes()) for c in found.conditions), found)
    return list(seen.values())
