"""From a grid's hundreds of bins to the few dozen that an eye can read, without hiding anything.

Display bins lie between round numbers, evenly or by ratio where values span decades, and hit every value of a column
that steps (hours, ratings, prices in tens). What they can't show is *apart*: missing and mistyped values, what lies
outside the reference, and single values that hold so much that they would flatten the rest.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from retrue.core.column import SPECIALS, ColumnProfile
from retrue.core.grid import NumericGrid
from retrue.core.state import Bools, Floats
from retrue.judge.words import figure, moment

MOST = 40
"""The most display bins."""
TAIL = 0.0025
"""What may lie beyond the display on each side of a column with long tails, as a share of its rows."""
FINE = 4000
"""A column with more steps than this is as good as continuous."""
NARROW = 1e-9
"""A range that is this share of its ends is a single value to the eye."""
TINY = 1e-290
"""A smaller range has no round parts in floating point."""
FEW = 50
"""Fewer rows than this say little about a distribution."""
SKEWED = 12.0
"""A column whose far tail is this many times its median is shown by ratio."""
SINGLE = 0.1
"""A single value that holds this share of rows is shown apart."""
NOTED = 0.005
"""Rows that stand apart are told in a note, not drawn, where none of them is this share of rows."""

SPECIAL_NAMES = {"null": "missing", "mismatch": "another type", "nan": "NaN", "+inf": "+infinity", "-inf": "−infinity"}
CLOCK = (1, 5, 15, 30, 60, 300, 900, 1800, 3600, 3 * 3600, 6 * 3600, 12 * 3600)
DAY = 86_400
DAYS = (1, 2, 7, 14, 28, 91, 182, 365, 730, 1826, 3652)


@dataclass(frozen=True, slots=True)
class Apart:
    """Rows that no display bin shows: what they are, and their share of all rows on both sides."""

    label: str
    reference: float
    window: float


@dataclass(frozen=True, slots=True)
class Display:
    """A numeric column made ready for the eye.

    Attributes:
        edges: float64[bins + 1], rising; fewer than two: nothing to draw.
        reference, window: float64[bins], the share of *all* rows in each bin.
        scale: "linear", "log" or "time" (edges in seconds since 1970).
        apart: what the bins don't show.
        beyond: the share of the window's rows within the reference's range but beyond the outer edges.
    """

    edges: Floats
    reference: Floats
    window: Floats
    scale: str
    apart: tuple[Apart, ...]
    beyond: float = 0.0


def display(window: ColumnProfile, reference: ColumnProfile, most: int = MOST, *, ratios: bool = True) -> Display:
    """Choose display bins for two profiles of a numeric column on the same grid, and fill them.

    Args:
        window: the profile of the window.
        reference: the profile of the reference.
        most: the most bins.
        ratios: whether a skewed column may be shown by ratio; scores never are.
    """
    grid = reference.grid
    if not isinstance(grid, NumericGrid) or grid.cuts.size < 2:
        return Display(np.empty(0), np.empty(0), np.empty(0), "linear", tuple(outside(window, reference)))
    both = np.stack([reference.counts[1:-1], window.counts[1:-1]]).astype(np.float64)
    both /= np.maximum([[reference.rows], [window.rows]], 1)
    values, atoms = grid.cuts[:-1], grid.atoms[1:-1]
    if is_date(grid):
        return over_time(window, reference, grid, both, most)
    step = lattice(values, atoms, both)
    # A few rows are no evidence that a value is common.
    common = both if window.rows >= FEW else both[:1]
    single = set_apart(atoms, common) if step is None else np.zeros(atoms.size, np.bool_)
    shown = np.where(single, 0.0, both)
    low, high, by_ratio = reach(grid, shown, step, ratios=ratios)
    bins = min(most, max(8, round(2 * min(reference.rows, max(window.rows, 1)) ** (1 / 3))))
    scale = "log" if by_ratio else "linear"
    edges = edges_between(low, high, scale, step, most if step else bins)
    filled = np.stack([spread(grid.cuts, side, edges) for side in shown])
    singles = [
        Apart(f"exactly {said(grid, v)}", *map(float, s)) for v, s in zip(values[single], both.T[single], strict=True)
    ]
    rest = tuple(singles + outside(window, reference))
    return Display(edges, filled[0], filled[1], scale, rest, float(max(shown[1].sum() - filled[1].sum(), 0.0)))


def over_time(window: ColumnProfile, reference: ColumnProfile, grid: NumericGrid, both: Floats, most: int) -> Display:
    """Show dates beyond the reference's too, for a later window is the normal case; they are spread evenly."""
    low = min(float(grid.cuts[0]), window.moments.min)
    high = max(float(np.nextafter(grid.cuts[-1], -np.inf)), window.moments.max)
    share = 1 / max(window.rows, 1)
    outer = np.array([[0.0, window.counts[0] * share], [0.0, window.counts[-1] * share]])
    cuts = np.concatenate([[low - 1], grid.cuts, [high + 1]])
    shares = np.concatenate([outer[0][:, None], both, outer[1][:, None]], axis=1)
    edges = edges_between(low, high, "time", None, most)
    filled = np.stack([spread(cuts, side, edges) for side in shares])
    rest = tuple(row for row in outside(window, reference) if row.label in SPECIAL_NAMES.values())
    return Display(edges, filled[0], filled[1], "time", rest)


def is_date(grid: NumericGrid) -> bool:
    """Tell dates from times of day and durations, which are seconds too: dates are well after 1970-01-02."""
    return grid.temporal and grid.cuts.size > 0 and float(grid.cuts[0]) > DAY


def said(grid: NumericGrid, value: float) -> str:
    """Say a value of the column with three significant digits, and no trailing zeros."""
    if is_date(grid):
        return moment(value).removesuffix(":00").removesuffix(" 00:00")
    text = f"{value:.3g}" if value == 0 or 1e-3 <= abs(value) < 1000 else figure(value)
    return text.replace("-", "−")


def lattice(values: Floats, atoms: Bools, both: Floats) -> float | None:
    """Give the step of a column whose values are all multiples of one, such as hours or ratings; None without one.

    Args:
        values: float64[m - 1], the lower end of each inner bin.
        atoms: bool[m - 1], which of these bins hold one value only.
        both: float64[2, m - 1], shares of the reference and the window.
    """
    total, held = both.sum(), both[:, atoms].sum()
    if atoms.sum() < 2 or held < 0.9 * total:
        return None
    gaps = np.diff(values[atoms])
    step = float(gaps.min())
    if gaps.sum() > FINE * step:
        return None
    steps = gaps / step
    return step if np.abs(steps - np.rint(steps)).max() < 0.01 else None


def set_apart(atoms: Bools, both: Floats) -> Bools:
    """bool[m - 1]: single values that would flatten the rest; none where there is hardly a rest."""
    single = atoms & (both.max(axis=0) >= SINGLE)
    rest = both[:, ~single].sum(axis=1).max(initial=0.0)
    return single if 0 < single.sum() <= 3 and rest >= SINGLE / 4 else np.zeros(atoms.size, np.bool_)


def reach(grid: NumericGrid, shown: Floats, step: float | None, *, ratios: bool) -> tuple[float, float, bool]:
    """Choose the range to display, and whether by ratio: all of it, or all but the far tails."""
    low, high = float(grid.cuts[0]), float(np.nextafter(grid.cuts[-1], -np.inf))
    mass = np.concatenate([[0.0], np.cumsum(shown.sum(axis=0))])
    if mass[-1] <= 0:
        return low, high, False
    near, middle, far = (float(x) for x in np.interp(np.array([TAIL, 0.5, 1 - TAIL]) * mass[-1], mass, grid.cuts))
    positive = ratios and near > 0 and not grid.temporal and step is None
    if positive and far > SKEWED * middle and far > SKEWED * near:
        return near, high, True
    if step is None and high - low > 1.5 * (far - near) > 0:
        return near, far, False
    return low, high, False


def edges_between(low: float, high: float, scale: str, step: float | None, most: int) -> Floats:
    """Put at most about `most` bins between round edges that cover low to high."""
    if high - low <= NARROW * max(abs(low), abs(high)) or high - low < TINY:
        reach = step or max(abs(low) * 0.05, 0.5)
        return np.array([low - reach, low - reach / 2, high + reach / 2, high + reach])
    if step is not None:
        wide = step * math.ceil((round((high - low) / step) + 1) / most)
        bins = math.ceil((high - low + step) / wide - 1e-9)
        return low - step / 2 + wide * np.arange(bins + 1, dtype=np.float64)
    if scale == "log":
        edges = np.asarray(np.geomspace(low, high, most + 1), np.float64)
    else:
        wide = round_time((high - low) / most) if scale == "time" else round_number((high - low) / most)
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
    """Give the next round number of seconds, minutes, hours or days."""
    choices = [*CLOCK, *(days * DAY for days in DAYS)]
    return float(next((c for c in choices if c >= least), math.ceil(least / choices[-1]) * choices[-1]))


def spread(cuts: Floats, shares: Floats, edges: Floats) -> Floats:
    """Move shares from the grid's inner bins (float64[m - 1]) to those between `edges`, evenly within each bin.

    The last bin takes the values at its upper edge too.
    """
    total = np.concatenate([[0.0], np.cumsum(shares)])
    closed = np.append(edges[:-1], np.nextafter(edges[-1], np.inf))
    return np.asarray(np.diff(np.interp(closed, cuts, total)), np.float64)


def outside(window: ColumnProfile, reference: ColumnProfile) -> list[Apart]:
    """List what lies outside the reference's range, and what is no value at all; only what there is."""
    grid = reference.grid
    found: list[Apart] = []
    sides = [side.counts / max(side.rows, 1) for side in (reference, window)]
    if isinstance(grid, NumericGrid) and grid.cuts.size:
        top = float(np.nextafter(grid.cuts[-1], -np.inf))
        found.append(Apart(f"below {said(grid, float(grid.cuts[0]))}, the least seen", *(float(s[0]) for s in sides)))
        found.append(Apart(f"above {said(grid, top)}, the most seen", *(float(s[-1]) for s in sides)))
    elif isinstance(grid, NumericGrid):
        found.append(Apart("any value; the reference has none", *(float(s[0]) for s in sides)))
    for name, label in SPECIAL_NAMES.items():
        place = SPECIALS.index(name)
        found.append(Apart(label, *(float(s.special[place]) / max(s.rows, 1) for s in (reference, window))))
    return [a for a in found if a.reference > 0 or a.window > 0]
