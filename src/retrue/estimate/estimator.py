"""Estimators: learned once from labelled reference rows, asked for each window.

    fit(reference_rows, schema) ──> Estimator.estimate(window_rows) ──> Estimate

One estimator for each task is registered in `FITS`; a task without one answers with the reason.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import polars as pl

from retrue.core.grids import fit_outcome
from retrue.core.outcome_grid import OutcomeGrid
from retrue.errors import MetricError, nearest
from retrue.estimate.estimate import Estimate, metric_names, refuse
from retrue.estimate.record import Matured
from retrue.metrics import get
from retrue.schema import Schema, Task
from retrue.tables import read


class Estimator(ABC):
    """Estimates the performance of one model on windows without labels."""

    @abstractmethod
    def estimate(
        self,
        window: Any,
        *,
        method: str = "auto",
        metrics: Sequence[str] | None = None,
        past: Sequence[Matured] = (),
    ) -> Estimate:
        """Estimate the performance on a window.

        Args:
            window: its rows: a frame, path or URL; labels in it aren't looked at.
            method: "auto", or one of the estimator's methods.
            metrics: names of registered metrics; all of the task that can be estimated, unless given.
            past: earlier windows whose labels have matured, oldest first: they tell which expert to believe, widen
                intervals that were too narrow, and forbid estimates that labels have refuted.

        Raises:
            TableError: the window can't be read.
            MetricError: an unknown metric or method.
        """


def asked(method: str, methods: Sequence[str], metrics: Sequence[str] | None, task: Task) -> tuple[str, ...]:
    """The names of the metrics that are asked for.

    Raises:
        MetricError: an unknown metric, or a method that isn't one of `methods`; names the nearest.
    """
    if method not in methods:
        expected, hint = ", ".join(methods), nearest(method, methods)
        raise MetricError(f"unknown method {method!r}", where="estimate", expected=expected, hint=hint)
    names = tuple(metrics) if metrics is not None else metric_names(task)
    for name in names:
        get(name)
    return names


@dataclass(frozen=True)
class Refusing(Estimator):
    """Answers every window with the same reason."""

    reason: str
    task: Task | None = None

    def estimate(
        self,
        window: Any,  # noqa: ARG002
        *,
        method: str = "auto",
        metrics: Sequence[str] | None = None,
        past: Sequence[Matured] = (),  # noqa: ARG002
    ) -> Estimate:
        return refuse(method, self.reason, metrics or (metric_names(self.task) if self.task else ()))


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


def classifier(frame: pl.DataFrame, schema: Schema, grid: OutcomeGrid) -> Estimator:
    """The estimator of a classifier."""
    from retrue.estimate import auto

    return auto.classifier(frame, schema, grid)


def regressor(frame: pl.DataFrame, schema: Schema, grid: OutcomeGrid) -> Estimator:
    """The estimator of a regression."""
    from retrue.estimate import dle

    return dle.regressor(frame, schema, grid)


FITS: dict[Task, Callable[[pl.DataFrame, Schema, OutcomeGrid], Estimator]] = {
    Task.BINARY: classifier,
    Task.MULTICLASS: classifier,
    Task.REGRESSION: regressor,
}
"""How each task's estimator is learned."""
