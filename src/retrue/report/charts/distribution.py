"""Pictures of a numeric column: the reference's histogram with the window's laid over it."""

from __future__ import annotations

from typing import Any

import numpy as np

from retrue.core.column import ColumnProfile
from retrue.core.grid import NumericGrid
from retrue.core.outcome import BinaryOutcome, RegressionOutcome
from retrue.core.state import Floats, Moments, Names
from retrue.judge.words import percent
from retrue.report.charts.display import NOTED, Display, display, is_date, said
from retrue.report.charts.picture import Field, Picture, position, share, short
from retrue.report.theme import REFERENCE, WINDOW

TEMPLATES = {"linear": "distribution", "log": "distribution-log", "time": "distribution-time"}
MILLISECONDS = 1000
WORDED = 0.0005
"""A smaller share of rows is not worth a word."""
MOVED = 0.05
"""The share of a column that lies elsewhere from which on it doesn't lie where it did (the KS distance)."""
NOISE = 1.63
"""Times sqrt(1/n + 1/m): the KS distance that chance alone exceeds once in a hundred times."""


def distribution(
    window: ColumnProfile, reference: ColumnProfile, name: str, shown: Display | None = None
) -> Picture | None:
    """Lay the window's distribution over the reference's; None where there is nothing to draw.

    Args:
        window: the profile of a numeric column.
        reference: its profile on the same grid.
        name: what the title calls the column.
        shown: their display bins, where they are made already.
    """
    shown = shown or display(window, reference)
    if shown.reference.sum() + shown.window.sum() <= 0:
        return None
    form: Any = "time" if shown.scale == "time" else "number"
    fields = (Field("x", "from", form), Field("x2", "to", form), *sides())
    note = note_of(shown)
    return Picture(TEMPLATES[shown.scale], finding(window, reference, short(name)), rows_of(shown), fields, note)


def note_of(shown: Display) -> str:
    """Say what of the window the histogram doesn't show, where no bars beside it do."""
    few = max((max(row.reference, row.window) for row in shown.apart), default=0.0) < NOTED
    told = [f"{percent(row.window)} {row.label}" for row in shown.apart if few and row.window >= WORDED]
    if shown.beyond >= WORDED:
        told.append(f"{percent(shown.beyond)} beyond the picture")
    notes = [f"Not shown: {', '.join(told)}"] if told else []
    if any(row.drawn for row in shown.apart):
        notes.append("Outside the reference's range only the total and the ends are known: drawn evenly")
    return ". ".join(notes)


def sides() -> tuple[Field, Field]:
    """Give the two columns that every share table has."""
    return Field(REFERENCE, REFERENCE, "share"), Field(WINDOW, WINDOW, "share")


def rows_of(shown: Display) -> list[dict[str, Any]]:
    """Write bins as rows, one more that ends the last step, and one for each side's name."""
    factor = MILLISECONDS if shown.scale == "time" else 1
    edges = [position(edge * factor) if factor == 1 else round(edge * factor) for edge in shown.edges]
    pairs = [(share(r), share(w)) for r, w in zip(shown.reference, shown.window, strict=True)]
    rows: list[dict[str, Any]] = [
        {"x": a, "x2": b, REFERENCE: r, WINDOW: w, "share_of": 1}
        for a, b, (r, w) in zip(edges[:-1], edges[1:], pairs, strict=True)
    ]
    last = {"x": edges[-1], REFERENCE: pairs[-1][0], WINDOW: pairs[-1][1], "share_of": 1}
    return [*rows, last, *name_rows(edges, shown)]


def name_rows(edges: list[Any], shown: Display) -> list[dict[str, Any]]:
    """Put each side's name where it stands out most; at its peak where neither does."""
    gap, height = shown.window - shown.reference, np.maximum(shown.window, shown.reference)
    # A name in the flat tail would point at nothing.
    seen = np.where(height >= height.max() / 4, gap, np.nan)
    spots = {REFERENCE: int(np.nanargmin(seen)), WINDOW: int(np.nanargmax(seen))}
    bins = len(shown.window)
    found = []
    for side, spot in spaced(spots, bins).items():
        near = slice(max(spot - 2, 0), spot + 3)
        middle = edges[spot] if spot + 1 >= len(edges) else (edges[spot] + edges[spot + 1]) / 2
        found.append({"x": middle, "at": share(float(height[near].max())), "label_of": side, "name": side})
    return found


def spaced(spots: dict[str, int], bins: int) -> dict[str, int]:
    """Keep two names off the edges, and off each other.

    >>> spaced({"a": 39, "b": 38}, 40)
    {'b': 28, 'a': 36}
    """
    margin, least = bins // 12, bins // 5
    (left, low), (right, high) = sorted(spots.items(), key=lambda item: item[1])
    high = min(max(high, margin), bins - 1 - margin)
    low = max(min(low, high - least), margin)
    return {left: low, right: max(high, min(low + least, bins - 1))}


def finding(window: ColumnProfile, reference: ColumnProfile, name: str) -> str:
    """Say in one line how a numeric column moved: its middle, else its spread, else where most of it went."""
    grid = reference.grid
    before, after = quartiles(reference), quartiles(window)
    if before is None or after is None or not isinstance(grid, NumericGrid):
        return (
            f"{name} can't be compared: {'the reference' if before is None else 'the window'} has no values on its grid"
        )
    beyond = window.counts[[0, -1]] / max(window.rows, 1)
    if beyond.max() > 0.5 * window.n / max(window.rows, 1):
        left = f"{percent(float(beyond.max()))} of rows lie {beyond_what(grid, beyond)}"
        return f"{name} has left what the reference has shown: {left}"
    spread_before, spread_after = before[2] - before[0], after[2] - after[0]
    scale = spread_before or (reference.moments.std or 0.0) or abs(before[1])
    if abs(after[1] - before[1]) > 0.1 * scale:
        verb = "rose" if after[1] > before[1] else "fell"
        return f"{name} {verb}: half of it is at most {said(grid, after[1])}, in the reference {said(grid, before[1])}"
    if spread_before > 0 and abs(spread_after / spread_before - 1) > 0.15:
        verb = "spreads wider" if spread_after > spread_before else "is narrower"
        return (
            f"{name} {verb}: its middle half spans {said_span(grid, after)}, in the reference {said_span(grid, before)}"
        )
    now, then = (np.cumsum(side.counts)[:-1] / side.n for side in (window, reference))
    where = int(np.abs(now - then).argmax())
    chance = NOISE * (1 / window.n + 1 / reference.n) ** 0.5
    if abs(now[where] - then[where]) > max(MOVED, chance):
        end = said(grid, float(np.nextafter(grid.cuts[where], -np.inf)))
        return f"{name} moved: {percent(now[where])} of it is at most {end}, in the reference {percent(then[where])}"
    return f"{name} lies where it did, half of it at most {said(grid, after[1])}"


def beyond_what(grid: NumericGrid, beyond: Floats) -> str:
    """Say on which side of the reference most of a window lies."""
    low, high = float(grid.cuts[0]), float(np.nextafter(grid.cuts[-1], -np.inf))
    words = ("before", "after") if is_date(grid) else ("below", "above")
    return f"{words[0]} {said(grid, low)}" if beyond[0] > beyond[1] else f"{words[1]} {said(grid, high)}"


def said_span(grid: NumericGrid, quartile: Floats) -> str:
    """Say the span of the middle half."""
    return f"{said(grid, float(quartile[0]))} to {said(grid, float(quartile[2]))}"


def quartiles(profile: ColumnProfile) -> Floats | None:
    """float64[3]: the quartiles of the values on the grid, outer bins as their inner edge; None without values."""
    grid = profile.grid
    if not isinstance(grid, NumericGrid) or grid.cuts.size < 2 or profile.n == 0:
        return None
    below = np.cumsum(profile.counts)[:-1].astype(np.float64)
    return np.asarray(np.interp(np.array([0.25, 0.5, 0.75]) * profile.n, below, grid.cuts), np.float64)


def scores(window: BinaryOutcome, reference: BinaryOutcome, label: int) -> Picture | None:
    """Show the scores of events whose label is `label` (0 or 1); None where no side has any."""
    name = "The score of positives" if label else "The score of negatives"
    sides = score_profile(window, label), score_profile(reference, label)
    return distribution(*sides, name, display(*sides, ratios=False))


def score_profile(outcome: BinaryOutcome, label: int) -> ColumnProfile:
    """Take the scores of one label as the profile of a column."""
    counts, sums = outcome.counts[:-1, label], outcome.score_sums[:-1, label]
    return ColumnProfile(NumericGrid(outcome.cuts), counts, np.zeros(5, np.int64), sums, Moments(), Names())


def errors(window: RegressionOutcome, reference: RegressionOutcome) -> Picture | None:
    """Show the errors, prediction - label, of both sides."""
    return distribution(window.errors, reference.errors, "The error (prediction − label)")
