"""Pictures made of bars: the categories of a column, what no histogram can show, and what is ranked."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from typing import Any

import numpy as np

from retrue.core.column import SPECIALS, ColumnProfile
from retrue.core.grid import CategoricalGrid
from retrue.judge.words import percent
from retrue.report.charts.display import NOTED, SPECIAL_NAMES, Apart
from retrue.report.charts.distribution import sides
from retrue.report.charts.picture import Field, Picture, position, share, short
from retrue.report.theme import REFERENCE, WINDOW

SHOWN = 12
"""The most categories with bars of their own."""
LOUD = 0.01
"""What must not be there is orange when its share of rows rose by so much."""
LABEL = 40
"""The most characters of a category's name."""


def categories(window: ColumnProfile, reference: ColumnProfile, name: str) -> Picture | None:
    """Show the shares of the categories that matter: the frequent ones, and those that moved most; None without rows.

    What was never seen and what is missing have a bar each where there are any. So have all others together, unless
    that bar would dwarf the rest: then the note tells them.
    """
    grid = reference.grid
    if not isinstance(grid, CategoricalGrid) or reference.rows + window.rows == 0:
        return None
    known = len(grid.categories)
    every = [
        Apart(*p) for p in zip(short_labels(grid), reference.shares.tolist(), window.shares.tolist(), strict=False)
    ]
    chosen = chosen_categories(window, reference, known)
    shown = [every[i] for i in chosen]
    others = together([every[i] for i in range(known) if i not in set(chosen)])
    rest = [row for row in (*others, every[-2]) if max(row.reference, row.window) > 0]
    drawn = [row for row in rest if largest([row]) <= largest(shown)]
    loud = [Apart(unseen_label(window), every[-1].reference, every[-1].window), *specials(window, reference)]
    kept = [row for row in (*shown, *drawn, *loud) if row.reference > 0 or row.window > 0]
    names = {row.label for row in loud}
    note = ", ".join(f"{r.label} {percent(r.window)} ({percent(r.reference)} before)" for r in rest if r not in drawn)
    title = category_finding([*shown, *rest, *loud], short(name), names)
    return bars(title, kept, names, note=f"Not shown: {note}" if note else "")


def together(rows: Sequence[Apart]) -> list[Apart]:
    """Add up categories that have no bar of their own."""
    return [Apart(f"{len(rows)} others", sum(r.reference for r in rows), sum(r.window for r in rows))] if rows else []


def largest(rows: Sequence[Apart]) -> float:
    """Give the largest share of either side."""
    return max((max(row.reference, row.window) for row in rows), default=0.0)


def short_labels(grid: CategoricalGrid) -> list[str]:
    """Cut long category names, and keep them apart: a chart joins what is called the same."""
    taken: dict[str, int] = {}
    found = []
    for label in grid.labels:
        cut = short(label, LABEL)
        taken[cut] = taken.get(cut, 0) + 1
        found.append((cut if taken[cut] == 1 else f"{cut} ({taken[cut]})") or "(empty text)")
    return found


def chosen_categories(window: ColumnProfile, reference: ColumnProfile, known: int) -> list[int]:
    """Choose up to `SHOWN` categories by the larger of their two shares, and put them in the reference's order."""
    largest = np.maximum(reference.shares[:known], window.shares[:known])
    moved = np.abs(window.shares[:known] - reference.shares[:known])
    ranked = np.argsort(-(largest + 2 * moved), kind="stable")[:SHOWN]
    return sorted(int(i) for i in ranked)


def unseen_label(window: ColumnProfile) -> str:
    """Call what was never seen, with its most frequent name."""
    top = next(iter(window.names.counts), None)
    return "never seen" if top is None else f"never seen, such as {top[:20]!r}"


def specials(window: ColumnProfile, reference: ColumnProfile) -> list[Apart]:
    """Give the shares of what is no value."""
    places = {name: len(reference.shares) - len(SPECIALS) + SPECIALS.index(name) for name in SPECIAL_NAMES}
    return [Apart(SPECIAL_NAMES[n], float(reference.shares[p]), float(window.shares[p])) for n, p in places.items()]


def category_finding(rows: Sequence[Apart], name: str, loud: Collection[str]) -> str:
    """Say which share moved most; what should not be there goes first."""
    risen = [row for row in rows if row.label in loud and row.window - row.reference >= LOUD]
    most = max(risen or rows, key=lambda row: abs(row.window - row.reference))
    if abs(most.window - most.reference) < LOUD:
        return f"{name} has the mix it had: no share moved by a point"
    return f"{name}, {most.label}: {percent(most.reference)} before, {percent(most.window)} now"


def apart(rows: Iterable[Apart], name: str) -> Picture | None:
    """Show what a histogram can't: missing values, values outside the reference, single values.

    None where that is next to nothing; the histogram's note tells it then.
    """
    kept = list(rows)
    if max((max(row.reference, row.window) for row in kept), default=0.0) < NOTED:
        return None
    worst = max(kept, key=lambda row: abs(row.window - row.reference))
    before, after = percent(worst.reference), percent(worst.window)
    moved = f"{before} before, {after} now" if before != after else f"{after} as before"
    loud = {row.label for row in kept if not row.label.startswith("exactly")}
    return bars(f"{short(name)}, {worst.label}: {moved}", kept, loud, template="bars-of-all")


def bars(
    title: str, kept: Sequence[Apart], loud: Collection[str] = (), template: str = "bars", note: str = ""
) -> Picture:
    """Show pairs of shares; those of `loud` are orange in the window where they rose by a point."""
    rows = [
        bar_row(row, first=i == 0, loud=row.label in loud and row.window - row.reference >= LOUD)
        for i, row in enumerate(kept)
    ]
    return Picture(template, title, rows, (Field("label", "value"), *sides()), note)


def bar_row(row: Apart, *, first: bool, loud: bool) -> dict[str, Any]:
    """Write one pair; the first one carries the sides' names, so that no legend is needed."""
    before, after = percent(row.reference), percent(row.window)
    return {
        "label": row.label,
        REFERENCE: share(row.reference),
        WINDOW: share(row.window),
        "reference_text": f"{before} {REFERENCE}" if first else before,
        "window_text": f"{after} {WINDOW}" if first else after,
        "loud": share(row.window) if loud else 0,
    }


def ranking(items: Sequence[tuple[str, float, str]], title: str, loud: Iterable[str] = ()) -> Picture | None:
    """Rank things by a signed figure: features by impact, columns by surprise.

    Args:
        items: label, value, and how the value is written, best first.
        title: the finding.
        loud: labels that need a person.
    """
    if not items:
        return None
    orange = set(loud)
    rows = [
        {
            "label": label,
            "value": position(value),
            "text": text,
            "left": text if value < 0 else "",
            "right": "" if value < 0 else text,
            "loud": position(value) if label in orange else 0,
        }
        for label, value, text in items
    ]
    return Picture("ranking", title, rows, (Field("label", "column"), Field("text", "value")))
