"""Proposals: a rule from what windows have of a column, and how it fares on each window that it wasn't made from."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from retrue.core.state import Floats
from retrue.judge.rules import Rule
from retrue.judge.words import figure, minus
from retrue.slices import Slice

SURE = 0.95
"""How sure the lower bound of a rule's confidence is."""
ROOM = 0.1
"""How far beyond what was seen a range goes: a tenth of it on either side."""
CATEGORIES = 50
"""Categories at most that are listed in a rule."""


@dataclass(frozen=True)
class Suggestion:
    """A rule that the reference keeps.

    Args:
        rule: the rule.
        why: what of the reference it comes from.
        windows: windows that it was tried on, each left out while it was made.
        alarms: of them, those that it alarms on.

    >>> one = Suggestion(Rule.parse("missing(x) <= 0"), "never missing", 59, 0)
    >>> one.rate, round(one.confidence, 3)
    (0.0, 0.95)
    """

    rule: Rule
    why: str
    windows: int
    alarms: int

    @property
    def rate(self) -> float | None:
        """The share of windows on which it alarms though nothing was wrong; None where none was tried."""
        return self.alarms / self.windows if self.windows else None

    @property
    def confidence(self) -> float:
        """The least share of later windows that keep it, with 95 % certainty, if they are like the reference's.

        The lower end of a one-sided interval of Clopper and Pearson (1934); 0 where none was tried.
        """
        if not self.windows or self.alarms >= self.windows:
            return 0.0
        from scipy.special import betaincinv

        return float(betaincinv(self.windows - self.alarms, self.alarms + 1, 1 - SURE))

    def to_dict(self) -> dict[str, Any]:
        """Plain values."""
        return {
            "rule": str(self.rule), "why": self.why, "windows": self.windows, "alarms": self.alarms,
            "false_alarm_rate": self.rate, "confidence": round(self.confidence, 4),
        }  # fmt: skip


def others(values: Floats, best: Callable[[Floats], float]) -> Floats:
    """For each window the greatest (or least) of all others."""
    if len(values) < 2:
        return np.full(len(values), np.nan)
    at = int(np.flatnonzero(values == best(values))[0])
    found = np.full(len(values), best(values))
    found[at] = best(np.delete(values, at))
    return found


def tried(values: Floats, bounds: Floats, *, above: bool) -> tuple[int, int]:
    """How many windows were tried, and how many lie beyond the bound that the others make."""
    known = np.isfinite(values) & np.isfinite(bounds)
    beyond = values[known] > bounds[known] if above else values[known] < bounds[known]
    return int(known.sum()), int(beyond.sum())


def rounded(value: float, *, up: bool) -> float:
    """Two digits, away from the values: people read and edit it.

    >>> rounded(0.01234, up=True), rounded(-1234.5, up=False), rounded(0.0, up=True)
    (0.013, -1300.0, 0.0)
    """
    if abs(value) < 1e-300 or not math.isfinite(value):
        return value
    step = 10.0 ** (math.floor(math.log10(abs(value))) - 1)
    found = (math.ceil if up else math.floor)(value / step) * step
    return float(f"{found:.12g}")


def completeness(column: str, shares: Floats) -> Suggestion:
    """At most so many nulls: as many as the worst window has, and half more."""
    worst = float(shares.max())
    bound = np.array([rounded(1.5 * one, up=True) for one in others(shares, np.max)])
    said = "never missing" if worst == 0 else f"missing in {worst:.2g} of the rows of the worst window"
    top = min(rounded(1.5 * worst, up=True), 1.0)
    return Suggestion(Rule("missing", "<=", top, column), said, *tried(shares, bound, above=True))


def ranges(column: str, lows: Floats, highs: Floats) -> Iterator[Suggestion]:
    """The least and the greatest value: 0 where that is near, 1 of a share, else with some room."""
    known = np.isfinite(lows) & np.isfinite(highs)
    low, high = lows[known], highs[known]
    if not len(low) or low.min() == high.max():
        return
    share = low.min() >= 0 and high.max() <= 1
    least, most = others(low, np.min), others(high, np.max)
    for end, values, up in (("min", low, False), ("max", high, True)):
        bounds = np.array([bound(a, b, up=up, share=share) for a, b in zip(least.tolist(), most.tolist(), strict=True)])
        final = bound(float(low.min()), float(high.max()), up=up, share=share)
        seen = f"{exact(float(low.min()))} to {exact(float(high.max()))} seen"
        yield Suggestion(Rule(end, "<=" if up else ">=", final, column), seen, *tried(values, bounds, above=up))


def exact(value: float) -> str:
    """A value as it was seen: a whole number has no digits after the point.

    >>> exact(18.0), exact(12153.48), exact(0.000106)
    ('18', '12,153', '0.000106')
    """
    return minus(f"{value:,.0f}") if value.is_integer() else figure(value)


def bound(low: float, high: float, *, up: bool, share: bool) -> float:
    """One end of a range."""
    if not math.isfinite(low + high):
        return math.nan
    room = ROOM * (high - low)
    if up:
        return 1.0 if share and high <= 1 else reached(high + room, room, up=True)
    return 0.0 if 0 <= low <= high - low else reached(low - room, room, up=False)


def reached(value: float, room: float, *, up: bool) -> float:
    """An end of a range, to the first digit of its room: a year far from 0 isn't bounded by its century.

    >>> reached(559.2, 50.8, up=True), reached(2014.7, 0.3, up=False), reached(math.inf, 9.0, up=True)
    (560.0, 2014.7, inf)
    """
    if room < 1e-300 or not math.isfinite(room):
        return rounded(value, up=up)
    step = 10.0 ** math.floor(math.log10(room))
    if not math.isfinite(value) or abs(value) > 1e12 * step:
        return rounded(value, up=up)
    found = (math.ceil if up else math.floor)(value / step) * step
    return float(f"{found:.12g}")


def categories(sets: Sequence[frozenset[Any]], sql: Callable[[frozenset[Any]], str]) -> Suggestion | None:
    """No row with another category than those seen; None where there are too many to list."""
    everything = frozenset().union(*sets)
    if not 1 < len(everything) <= CATEGORIES:
        return None
    held = {value: sum(value in one for one in sets) for value in everything}
    fresh = sum(any(held[value] == 1 for value in one) for one in sets) if len(sets) > 1 else 0
    rule = Rule("rows", "=", 0.0, slice=Slice.parse(sql(everything)))
    return Suggestion(rule, f"{len(everything)} categories seen", len(sets) if len(sets) > 1 else 0, fresh)


def enough_rows(sizes: Floats) -> Iterator[Suggestion]:
    """Half of what the smallest window has, at least; nothing where that is less than a row, which every window has."""
    least = math.floor(rounded(float(sizes.min()) / 2, up=False))
    if least < 1:
        return
    bounds = np.array([rounded(one / 2, up=False) for one in others(sizes, np.min)])
    said = f"{sizes.min():,.0f} rows in the smallest window"
    yield Suggestion(Rule("rows", ">=", float(least)), said, *tried(sizes, bounds, above=False))
