"""An estimate for two tables from a sample of each: as much as `compare` can afford (about two CPU seconds)."""

from __future__ import annotations

from retrue.core.outcome_grid import MulticlassGrid, OutcomeGrid
from retrue.estimate.estimate import Estimate, metric_names, refuse
from retrue.estimate.fitting import fit
from retrue.schema import Schema, Task
from retrue.tables import Table

CELLS = 200_000
"""Values of features that are learned from: the time that trees take goes with them."""
LEAST, MOST = 2_000, 10_000
"""Rows of the reference that are learned from; the window's are at most `MOST`."""
CLASSES = 6
"""The most classes that are learned, each against the rest."""


def affordable(grid: OutcomeGrid) -> bool:
    """Whether there are few enough classes."""
    return classes_of(grid) <= CLASSES


def classes_of(grid: OutcomeGrid) -> int:
    """How often trees are learned: for each of several classes."""
    return len(grid.classes) if isinstance(grid, MulticlassGrid) else 1


def estimate_sampled(reference: Table, window: Table, schema: Schema, grid: OutcomeGrid) -> Estimate:
    """Estimate performance on a window without labels.

    Args:
        reference: labelled rows that the model wasn't trained on.
        window: the rows to estimate; labels in it aren't looked at.
        schema: what they look like.
        grid: how outcomes are counted.

    Raises:
        TableError: one of them can't be read.
    """
    if schema.weight is not None:
        return refuse(
            "auto",
            "rows are weighted, and rows are learned from as they are",
            metric_names(schema.task or Task.REGRESSION),
        )
    wanted = dict.fromkeys([*grid.columns, *schema.features])
    rows = min(max(CELLS // (max(len(wanted), 1) * classes_of(grid)), LEAST), MOST)
    learned = reference.sample([name for name in wanted if name in reference.dtypes], rows)
    asked = window.sample([name for name in wanted if name in window.dtypes], MOST)
    return fit(learned, schema, grid).estimate(asked)
