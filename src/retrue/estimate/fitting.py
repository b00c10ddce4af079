"""Learn an estimator from labelled reference rows.

    fit(reference_rows, schema) ──> Estimator.estimate(window_rows) ──> Estimate

One for each task is registered in `FITS`; a task without one answers with the reason.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import polars as pl

from retrue.core.grids import fit_outcome
from retrue.core.outcome_grid import OutcomeGrid
from retrue.estimate.auto import classifier
from retrue.estimate.dle import regressor
from retrue.estimate.estimator import Estimator, Refusing
from retrue.schema import Schema, Task
from retrue.tables import read

FITS: dict[Task, Callable[[pl.DataFrame, Schema, OutcomeGrid], Estimator]] = {
    Task.BINARY: classifier,
    Task.MULTICLASS: classifier,
    Task.REGRESSION: regressor,
}
"""How each task's estimator is learned."""


def fit(reference: Any, schema: Schema, grid: OutcomeGrid | None = None) -> Estimator:
    """Learn to estimate a model's performance without labels.

    Args:
        reference: labelled rows that the model was *not* trained on: a frame, path or URL.
        schema: what they look like.
        grid: how outcomes are counted (`Reference.grids.outcome`); fitted on the rows, unless given.

    Returns:
        An estimator. Where the reference doesn't allow any estimate, one that says why, whatever it is asked.

    Raises:
        TableError: the reference can't be read.
    """
    frame = read(reference).collect()
    found = fit_outcome(schema, frame) if grid is None else grid
    if schema.task is None or found is None:
        return Refusing("the schema names neither a score nor a prediction to judge", schema.task)
    if schema.task not in FITS:
        return Refusing(f"no estimator for a {schema.task} without labels", schema.task)
    return FITS[schema.task](frame, schema, found)
