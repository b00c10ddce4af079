"""From a grid's hundreds of bins to the few dozen that an eye can read, without hiding anything.

What display bins can't show is *apart*: missing and mistyped values, what lies outside the reference, and single values
that hold so much that they would flatten the rest. Of what lies outside the reference a profile knows the total and the
ends, so it is drawn too, evenly between them, where that doesn't squeeze the reference.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from retrue.core.column import SPECIALS, ColumnProfile
from retrue.core.grid import NumericGrid
from retrue.core.state import Bools, Floats
from retrue.judge.words import figure, moment
from retrue.report.charts.edges import DAY, Mass, edges_of

MOST = 40
"""The most display bins."""
FEW = 50
"""Fewer rows than this say little about a distribution."""
SINGLE = 0.1
"""A single value that holds this share of rows is shown apart."""
STEP = 0.5
"""The same for a column that steps, where single values are the rule."""
NOTED = 0.005
"""Rows that stand apart are told in a note, not drawn, where none of them is this share of rows."""
STRAYED = 0.01
"""The share of rows outside the reference from which on they are drawn where they lie."""
FAR = 2.0
"""They are not drawn where they would stretch the axis to more than this many times the reference beyond it."""

SPECIAL_NAMES = {"null": "missing", "mismatch": "another type", "nan": "NaN", "+inf": "+infinity", "-inf": "−infinity"}


@dataclass(frozen=True, slots=True)
class Apart:
    """Rows that stand apart: what they are, their share of all rows on both sides, whether bins show them as well."""

    label: str
    reference: float
    window: float
    drawn: bool = False


@dataclass(frozen=True, slots=True)
class Display:
    """A numeric column made ready for the eye.

    Attributes:
        edges: float64[bins + 1], rising; fewer than two: nothing to draw.
        reference, window: float64[bins], the share of *all* rows in each bin.
        scale: "linear", "log" or "time" (edges in seconds since 1970).
        apart: what the bins don't show, or not exactly.
        beyond: the share of the window's rows beyond the outer edges, in neither a bin nor `apart`.
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
    time = is_date(grid)
    below, above = strayed(window, grid, everything=time)
    mass = mass_of(window, reference, grid, below, above)
    # A few rows are no evidence that a value is common.
    common = mass.shares if window.rows >= FEW else mass.shares[:1]
    singles = set_apart(mass.atoms, common, np.inf if time else STEP if mass.steps else SINGLE)
    shown = mass.without(singles)
    bins = min(most, max(8, round(2 * min(reference.rows, max(window.rows, 1)) ** (1 / 3))))
    edges, scale = edges_of(shown, most, bins, time=time, ratios=ratios)
    filled = shown.between(edges)
    told = [
        Apart(f"exactly {said(grid, value)}", float(before), float(after))
        for value, before, after in zip(mass.cuts[:-1][singles], *mass.shares[:, singles], strict=True)
    ]
    rest = outside(window, reference, below=below is not None, above=above is not None)
    beyond = float(max(shown.shares[1].sum() - filled[1].sum(), 0.0))
    # Later dates than the reference's are the normal case: seen on the axis, not told beside it.
    told += [row for row in rest if not (time and row.drawn)]
    return Display(edges, filled[0], filled[1], scale, tuple(told), beyond)


def strayed(window: ColumnProfile, grid: NumericGrid, *, everything: bool) -> tuple[float | None, float | None]:
    """Give how far down and up the window's rows outside the reference are drawn; None where they aren't."""
    low, high = float(grid.cuts[0]), float(grid.cuts[-1])
    below, above = (float(count) / max(window.rows, 1) for count in window.counts[[0, -1]])
    room = np.inf if everything else FAR * (high - low)
    least = 0.0 if everything else STRAYED
    bottom, top = window.moments.min, window.moments.max
    return (
        bottom if below > least and -np.inf < bottom < low and low - bottom <= room else None,
        top if above > least and high <= top < np.inf and top - high <= room else None,
    )


def mass_of(
    window: ColumnProfile, reference: ColumnProfile, grid: NumericGrid, below: float | None, above: float | None
) -> Mass:
    """Put the grid's inner bins together, with the outer ones where they are drawn."""
    counts = np.stack([reference.counts, window.counts]).astype(np.float64)
    shares = counts / np.maximum([[reference.rows], [window.rows]], 1)
    bottom = [] if below is None else [below]
    top = [] if above is None else [float(np.nextafter(max(above, grid.cuts[-1]), np.inf))]
    keep = slice(0 if bottom else 1, None if top else -1)
    return Mass(np.concatenate([bottom, grid.cuts, top]), shares[:, keep], grid.atoms[keep])


def is_date(grid: NumericGrid) -> bool:
    """Tell dates from times of day and durations, which are seconds too: dates are well after 1970-01-02."""
    return grid.temporal and grid.cuts.size > 0 and float(grid.cuts[0]) > DAY


def said(grid: NumericGrid, value: float) -> str:
    """Say a value of the column with three significant digits, and no trailing zeros."""
    if is_date(grid):
        return moment(value).removesuffix(":00").removesuffix(" 00:00")
    text = f"{value:.3g}" if value == 0 or 1e-3 <= abs(value) < 1000 else figure(value)
    return text.replace("-", "−")


def set_apart(atoms: Bools, shares: Floats, least: float) -> Bools:
    """bool[k]: single values that would flatten the rest; none where there is hardly a rest."""
    single = atoms & (shares.max(axis=0) >= least)
    rest = shares[:, ~single].sum(axis=1).max(initial=0.0)
    return single if 0 < single.sum() <= 3 and rest >= SINGLE / 4 else np.zeros(atoms.size, np.bool_)


def outside(
    window: ColumnProfile, reference: ColumnProfile, *, below: bool = False, above: bool = False
) -> list[Apart]:
    """List what lies outside the reference's range, and what is no value at all; only what there is.

    Args:
        window: the profile of the window.
        reference: the profile of the reference.
        below: whether bins show what lies below the reference.
        above: whether bins show what lies above it.
    """
    grid = reference.grid
    before, after = max(reference.rows, 1), max(window.rows, 1)
    found: list[Apart] = []

    def tell(label: str, place: int, *, drawn: bool = False) -> None:
        found.append(Apart(label, reference.counts[place] / before, window.counts[place] / after, drawn))

    if isinstance(grid, NumericGrid) and grid.cuts.size:
        low, high = float(grid.cuts[0]), float(np.nextafter(grid.cuts[-1], -np.inf))
        tell(f"below {said(grid, low)}, the least seen", 0, drawn=below)
        tell(f"above {said(grid, high)}, the most seen", -1, drawn=above)
    elif isinstance(grid, NumericGrid):
        tell("any value; the reference has none", 0)
    for name, label in SPECIAL_NAMES.items():
        place = SPECIALS.index(name)
        found.append(Apart(label, reference.special[place] / before, window.special[place] / after))
    return [a for a in found if a.reference > 0 or a.window > 0]
