"""Categories that come and go by themselves: what to compare where the reference hasn't seen them all.

A grid knows the categories of its reference. Where many are rare, fresh rows of the same world bring new ones, and the
reference, by construction, has none of them: comparing "never seen" as a group would call every such window drifted.
So each category stands alone by what both samples hold of it, new names as well as known ones, and all that is too rare
goes together with everything new and rare.
"""

from __future__ import annotations

import math

import numpy as np

from retrue.core.column import ColumnProfile
from retrue.core.grid import CategoricalGrid
from retrue.core.state import Counts, added, counted
from retrue.metrics.drift.cells import LEAST, Cells

TOO_RARE = 0.9
"""Where more rows than this share are of categories too rare to stand alone, there is nothing to compare."""


def expected_unseen(reference: ColumnProfile) -> float:
    """Give the rows that would be of new categories among as many fresh rows as the reference has.

    Those whose category occurs once (Good 1953, "The population frequencies of species"), and those of categories that
    the grid doesn't keep. Of k rare categories with r rows in all k * k / r occur once, if their counts are geometric.
    """
    grid = reference.grid
    if not isinstance(grid, CategoricalGrid):
        return 0.0
    known = len(grid.categories)
    once = int(((reference.counts[:known] > 0) & (reference.counts[:known] <= 1)).sum())
    rare, rows = len(grid.rare), added(reference.counts[known])
    return once + min(rare * rare / max(rows, 1), rows) + reference.out_of_range


def open_ended(reference: ColumnProfile) -> bool:
    """Whether new categories come by themselves, as the reference's rare ones tell: agents do, weekdays don't."""
    return expected_unseen(reference) > 0


def comparable_cells(window: ColumnProfile, reference: ColumnProfile) -> Cells | None:
    """Put a categorical column into cells that are alike for both samples if nothing changed.

    Returns:
        None where too few categories repeat for that: ids, free text.
    """
    q, p, alone = _named(window, reference)
    n, m = window.rows, reference.rows
    alone &= (q + p) * (min(n, m) / (n + m or 1)) >= LEAST
    rest = max(n - added(q[alone]), 0), max(m - added(p[alone]), 0)
    if sum(rest) > TOO_RARE * (n + m):
        return None
    return Cells(np.append(q[alone], rest[0]), np.append(p[alone], rest[1]), int(np.count_nonzero(q + p)))


def _named(
    window: ColumnProfile, reference: ColumnProfile
) -> tuple[Counts, Counts, np.ndarray[tuple[int], np.dtype[np.bool_]]]:
    """Give rows by name: known categories, specials, new names; and which of them may stand alone.

    Categories got bins of their own because the reference held many of them. Those that just made it were lucky, and
    fresh rows will hold fewer: within six standard deviations of the least they go with the rare ones.
    """
    known = reference.counts.size - 2
    names = sorted({*window.names.counts, *reference.names.counts})
    new = [counted([side.names.counts.get(name, 0) for name in names]) for side in (window, reference)]
    q = np.concatenate([window.counts[:known], window.special, new[0]])
    p = np.concatenate([reference.counts[:known], reference.special, new[1]])
    alone = np.ones(q.size, np.bool_)
    if reference.counts[known] > 0 and known > 0:
        least = float(reference.counts[:known].min())
        alone[:known] = reference.counts[:known] > least + 6 * math.sqrt(least)
    return q, p, alone
