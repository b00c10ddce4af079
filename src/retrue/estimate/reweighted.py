"""Metrics of the confusion matrix as functions of its cells: a mix of bins has cells, and so any such metric.

shares of the cells ──outcome_of──> an `Outcome` without scores ──registered metric──> its value
"""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache, partial

import numpy as np

from retrue.core.losses import worth_sums
from retrue.core.outcome import BinaryOutcome, MulticlassOutcome
from retrue.core.outcome_grid import BinaryGrid, MulticlassGrid, OutcomeGrid
from retrue.core.state import Floats, Sums
from retrue.metrics import get

TOTAL = 1e7
"""How many rows all cells together are: a metric is a ratio of them, and doesn't see how many."""

CellGrid = BinaryGrid | MulticlassGrid
"""Grids whose outcomes have a confusion matrix."""


def outcome_of(grid: CellGrid, cells: Floats) -> BinaryOutcome | MulticlassOutcome:
    """The outcome of events of which only label and prediction are known.

    Args:
        grid: how the model's outcomes are counted.
        cells: float64[k], events by label and prediction, as `retrue.core.per_event.event_cells` numbers them.
    """
    k = round(cells.size**0.5)
    matrix = cells.reshape(k, k)
    if isinstance(grid, MulticlassGrid):
        sums = {"log_loss": Sums(), **worth_sums(matrix[:-1, :-1], grid.worth)}
        nothing = np.zeros((k - 1, grid.cuts.size + 1, 2))
        return MulticlassOutcome(grid.classes, grid.cuts, matrix, nothing, sums, np.zeros(2))
    counts = np.zeros((grid.cuts.size + 2, 3))
    counts[-1, :2] = matrix.sum(axis=1)
    sums = {"log_loss": Sums(), "brier": Sums(), **worth_sums(matrix, grid.worth)}
    return BinaryOutcome(grid.cuts, counts, np.zeros_like(counts), matrix, sums)


def read_cells(grid: CellGrid, metric: str, shares: Floats) -> float | None:
    """A metric of the shares of the cells; None where it is undefined, or needs scores."""
    return get(metric).compute(outcome_of(grid, shares * TOTAL)).value


def of_cells(grid: OutcomeGrid, metric: str) -> Callable[[Floats], float | None] | None:
    """The metric as a function of the shares of the cells; None where it is none."""
    if not isinstance(grid, BinaryGrid | MulticlassGrid) or grid.task not in get(metric).tasks:
        return None
    return partial(read_cells, grid, metric) if is_of_cells(grid, metric) else None


@lru_cache(maxsize=256)
def is_of_cells(grid: CellGrid, metric: str) -> bool:
    """Whether a metric can be read where all cells hold rows."""
    k = 2 if isinstance(grid, BinaryGrid) else len(grid.classes) + 1
    return read_cells(grid, metric, np.full(k * k, 1 / (k * k))) is not None
