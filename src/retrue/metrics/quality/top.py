"""How much of a column is its most frequent category?"""

from __future__ import annotations

import numpy as np

from retrue.core.column import ColumnProfile
from retrue.core.grid import CategoricalGrid
from retrue.metrics.measure import NOTHING, Measure
from retrue.metrics.quality.shares import share
from retrue.metrics.registry import CATEGORIES, metric


@metric(
    "top",
    family="quality",
    kinds=CATEGORIES,
    range=(0, 1),
    unit="share",
    error="exact where the category is one of the reference's 512 most frequent, or new",
    source="interval: Wilson 1927",
)
def top(window: ColumnProfile, reference: ColumnProfile) -> Measure:
    """Share of the most frequent category among all rows, with its name; and what it was in the reference."""
    if not isinstance(window.grid, CategoricalGrid):
        return Measure(None, note="for categories only")
    known = window.counts[:-2]
    name, hits = next(iter(window.names.counts.items()), ("", 0))
    before = reference.names.counts.get(name, 0)
    if known.size and known.max() >= hits:
        at = int(np.argmax(known))
        name, hits, before = window.grid.categories[at], known[at].item(), reference.counts[at].item()
    if not hits:
        return NOTHING
    found = share(hits, window.rows, before, reference.rows)
    return Measure(found.value, found.reference, interval=found.interval, names=((name, hits),))
