"""A distribution the size of a word: the reference as a grey area, the window as a blue line, drawn as plain SVG.

It needs no script, so the list of columns shows shapes at once; the chart behind a row is drawn when it is opened.
"""

from __future__ import annotations

import numpy as np
from markupsafe import Markup

from retrue.core.column import ColumnProfile
from retrue.core.grid import CategoricalGrid
from retrue.core.state import Floats
from retrue.report.charts.display import Display

WIDTH, HEIGHT = 120, 28
TOP = 2
BARS = 12
"""The most categories drawn."""


def sparkline(window: ColumnProfile, reference: ColumnProfile, shown: Display | None) -> Markup:
    """Draw a column's two distributions; nothing where there is nothing to draw.

    Args:
        window: the column's profile in the window.
        reference: its profile in the reference.
        shown: the display bins of a numeric column; None for categories.
    """
    if isinstance(reference.grid, CategoricalGrid):
        return svg(*category_shares(window, reference))
    return svg(shown.reference, shown.window) if shown is not None else Markup("")


def category_shares(window: ColumnProfile, reference: ColumnProfile) -> tuple[Floats, Floats]:
    """Give the shares of the most frequent categories, of the never seen, and of the missing."""
    known = reference.grid.bins - 1
    first = min(known, BARS)
    sides = []
    for side in (reference, window):
        shares = side.shares
        sides.append(np.concatenate([shares[:first], [shares[known]], [shares[known + 1 :].sum()]]))
    drawn = (sides[0] > 0) | (sides[1] > 0)
    return sides[0][drawn], sides[1][drawn]


def svg(reference: Floats, window: Floats) -> Markup:
    """Draw two step lines on one scale."""
    most = max(float(reference.max(initial=0.0)), float(window.max(initial=0.0)))
    if most <= 0:
        return Markup("")
    area, line = steps(reference / most), steps(window / most)
    # Only digits, letters, commas and dots reach the markup: nothing of the data's own text does.
    return Markup(
        '<svg class="spark" viewBox="0 0 {w} {h}" width="{w}" height="{h}" aria-hidden="true">'
        '<path class="sr" d="M0,{h}L{area}L{w},{h}Z"/><path class="sw" d="M{line}"/></svg>'
    ).format(w=WIDTH, h=HEIGHT, area=area, line=line)


def steps(heights: Floats) -> str:
    """Give the points of a step line; heights are between 0 and 1."""
    edges = np.linspace(0, WIDTH, heights.size + 1)
    levels = HEIGHT - 0.5 - heights * (HEIGHT - TOP)
    return "L".join(f"{x:.4g},{y:.3g}" for a, b, y in zip(edges[:-1], edges[1:], levels, strict=True) for x in (a, b))
