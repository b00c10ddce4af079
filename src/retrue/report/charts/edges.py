"""Where display bins begin and end: at round numbers, by ratio, or between the values of a column that steps.

All functions take the column's mass as it lies on the grid; none of them looks at the column itself.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from retrue.core.state import Bools, Floats

TAIL = 0.0025
"""What may lie beyond the display on each side of a column with long tails, as a share of its rows."""
SKEWED = 12.0
"""A column whose far tail is this many times its median is shown by ratio."""
STEPPING = 0.9
"""A column steps where single values hold this share of its rows."""
EVEN = 0.6
"""Steps are even enough to be shown side by side where the short ones are this share of the long ones."""
FINE = 4000
"""A column with more steps than this is as good as continuous."""
NARROW = 1e-9
"""A range that is this share of its ends is a single value to the eye."""
TINY = 1e-290
"""A smaller range has no round parts in floating point."""

CLOCK = (1, 5, 15, 30, 60, 300, 900, 1800, 3600, 3 * 3600, 6 * 3600, 12 * 3600)
DAY = 86_400
DAYS = (1, 2, 7, 14, 28, 91, 182, 365, 730, 1826, 3652)


@dataclass(frozen=True, slots=True)
class Mass:
    """What is to be drawn.

    Attributes:
        cuts: float64[k + 1], rising.
        shares: float64[2, k], the share of all rows of the reference and of the window between two cuts.
        atoms: bool[k], where that is one single value.
    """

    cuts: Floats
    shares: Floats
    atoms: Bools

    @property
    def values(self) -> Floats:
        """float64: the single values."""
        return self.cuts[:-1][self.atoms]

    @property
    def steps(self) -> bool:
        """Whether single values hold nearly all of it."""
        return self.values.size > 1 and bool(self.shares[:, self.atoms].sum() >= STEPPING * self.shares.sum())

    def without(self, singles: Bools) -> Mass:
        """Give the mass without some of the single values."""
        return Mass(self.cuts, np.where(singles, 0.0, self.shares), self.atoms)

    def between(self, edges: Floats) -> Floats:
        """float64[2, edges - 1]: the shares between edges, even within each bin; the last has its upper edge too."""
        closed = np.append(edges[:-1], np.nextafter(edges[-1], np.inf))
        total = np.concatenate([np.zeros((2, 1)), np.cumsum(self.shares, axis=1)], axis=1)
        return np.stack([np.diff(np.interp(closed, self.cuts, side)) for side in total])


def edges_of(mass: Mass, most: int, bins: int, *, time: bool = False, ratios: bool = True) -> tuple[Floats, str]:
    """Choose the edges and their scale ("linear", "log" or "time").

    Args:
        mass: what is to be drawn.
        most: the most bins of a column that steps.
        bins: about how many bins otherwise.
        time: whether the values are seconds since 1970.
        ratios: whether a skewed column may be shown by ratio.
    """
    low, high = float(mass.cuts[0]), float(np.nextafter(mass.cuts[-1], -np.inf))
    if high - low <= NARROW * max(abs(low), abs(high)) or high - low < TINY:
        reach = max(abs(low) * 0.05, 0.5)
        return np.array([low - reach, low - reach / 2, high + reach / 2, high + reach]), "linear"
    if time:
        return round_edges(low, high, round_time((high - low) / most)), "time"
    stepped = step_edges(mass, low, high, most) if mass.steps else None
    if stepped is not None:
        return stepped, "linear"
    near, middle, far = quantiles(mass, low, high)
    if ratios and near > 0 and far > SKEWED * max(middle, near):
        edges = np.asarray(np.geomspace(near, high, bins + 1), np.float64)
        edges[[0, -1]] = near, high
        return edges, "log"
    if high - low > 1.5 * (far - near) > 0:
        low, high = near, far
    return round_edges(low, high, round_number((high - low) / bins)), "linear"


def quantiles(mass: Mass, low: float, high: float) -> tuple[float, float, float]:
    """Give the near tail, the middle and the far tail of both sides together."""
    total = np.concatenate([[0.0], np.cumsum(mass.shares.sum(axis=0))])
    if total[-1] <= 0:
        return low, (low + high) / 2, high
    near, middle, far = np.interp(np.array([TAIL, 0.5, 1 - TAIL]) * total[-1], total, mass.cuts)
    return float(near), float(middle), float(far)


def step_edges(mass: Mass, low: float, high: float, most: int) -> Floats | None:
    """Put edges between the values of a column that steps, as many values in each bin; None where steps are uneven."""
    gaps = np.diff(mass.values)
    step = float(gaps.min())
    if gaps.sum() > FINE * step:
        return None
    steps = gaps / step
    if np.abs(steps - np.rint(steps)).max() < 0.01:
        wide = step * math.ceil((round((high - low) / step) + 1) / most)
        first = float(mass.values[0]) - step / 2
        return covering(np.array([first, first + wide]), low, high)
    short, long = np.quantile(gaps, [0.1, 0.9])
    if short < EVEN * long:
        return None
    every = math.ceil(mass.values.size / most)
    middles = (mass.values[:-1] + mass.values[1:])[every - 1 :: every] / 2
    return covering(middles, low, high) if middles.size > 1 else None


def covering(edges: Floats, low: float, high: float) -> Floats:
    """Go on with edges, at their median distance, until they cover low to high."""
    wide = float(np.median(np.diff(edges)))
    before = max(math.ceil((edges[0] - low) / wide - 1e-9), 0)
    after = max(math.ceil((high - edges[-1]) / wide - 1e-9), 0)
    down = edges[0] - wide * np.arange(before, 0, -1, dtype=np.float64)
    up = edges[-1] + wide * np.arange(1, after + 1, dtype=np.float64)
    return np.concatenate([down, edges, up])


def round_edges(low: float, high: float, wide: float) -> Floats:
    """Put edges at multiples of `wide` that cover low to high."""
    first, last = math.floor(low / wide + 1e-9), math.ceil(high / wide - 1e-9)
    edges = wide * np.arange(first, last + 1, dtype=np.float64)
    edges[[0, -1]] = min(edges[0], low), max(edges[-1], high)
    return edges


def round_number(least: float) -> float:
    """Give the next 1, 2, 2.5 or 5 times a power of ten.

    >>> round_number(0.013), round_number(3.0)
    (0.02, 5.0)
    """
    power = 10.0 ** math.floor(math.log10(least))
    return next(m * power for m in (1.0, 2.0, 2.5, 5.0, 10.0) if m * power >= least * (1 - 1e-9))


def round_time(least: float) -> float:
    """Give the next round number of seconds, minutes, hours or days.

    >>> round_time(100.0), round_time(5 * DAY) / DAY
    (300.0, 7.0)
    """
    choices = [*CLOCK, *(days * DAY for days in DAYS)]
    return float(next((c for c in choices if c >= least), math.ceil(least / choices[-1]) * choices[-1]))
