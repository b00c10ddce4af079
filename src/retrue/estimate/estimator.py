"""Estimators: learned once from labelled reference rows, asked for each window.

    fit(reference_rows, schema) ──> Estimator.estimate(window_rows) ──> Estimate

One estimator for each task is registered in `FITS`; a task without one answers with the reason.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from retrue.errors import MetricError, nearest
from retrue.estimate.estimate import Estimate, metric_names, refuse
from retrue.estimate.record import Matured
from retrue.metrics import get
from retrue.schema import Task


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
