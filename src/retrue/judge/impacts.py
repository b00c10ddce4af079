"""Which metric impacts are in, and what a column's move costs in it, from what the reference keeps for each bin."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from typing import Literal

import numpy as np

from retrue.core.column import ColumnProfile
from retrue.core.grid import NumericGrid
from retrue.core.per_event import is_mean_name, mean_name
from retrue.core.reference import Reference
from retrue.core.scores import BinScores
from retrue.core.state import Counts, Floats
from retrue.errors import MetricError, nearest
from retrue.estimate.impact import CellColumn, Impact, ScoredColumn, impact, impact_of_cells
from retrue.estimate.reweighted import of_cells
from retrue.judge.verdict import Verdict, VerdictKind
from retrue.judge.words import metric_name
from retrue.metrics import get, registered
from retrue.schema import Schema

Better = Literal["higher", "lower"]

RMSE, MSE = "rmse", "mse"
"""The one metric that is the root of a mean."""


def impact_metrics(schema: Schema) -> list[str]:
    """The metrics that impacts of a model can be in."""
    found = [m.name for m in registered(of="outcome") if schema.task in m.tasks and m.better is not None]
    return [*found, *([] if schema.value is None else [mean_name(schema.value)])]


def check_metric(schema: Schema, metric: str) -> None:
    """Raise MetricError unless impacts of the model can be in a metric."""
    known = impact_metrics(schema)
    if metric in known:
        return
    if "@" in metric:  # at a threshold, of a class
        found = get(metric)
        if schema.task in found.tasks and found.better is not None:
            return
    listed = ", ".join(known) or "a model with a task"
    raise MetricError(f"impacts in {metric!r}", expected=listed, hint=nearest(metric, known))


@dataclass(frozen=True, eq=False)
class Costs:
    """What moves of columns cost in one metric of one model.

    Args:
        reference: what windows are compared with.
        chosen: the metric; None for the task's main one that is a mean over events.

    Raises:
        MetricError: impacts can't be in the metric that was chosen.
    """

    reference: Reference
    chosen: str | None = None

    def __post_init__(self) -> None:
        if self.chosen is not None:
            check_metric(self.reference.schema, self.chosen)

    @cached_property
    def metric(self) -> str | None:
        """The metric that impacts are in; None where the model has no outcome."""
        outcome = self.reference.grids.outcome
        return self.chosen if self.chosen is not None or outcome is None else outcome.score_metric

    @cached_property
    def of_cells(self) -> Callable[[Floats], float | None] | None:
        """The metric as a function of the confusion matrix; None where it is none."""
        outcome, metric = self.reference.grids.outcome, self.metric
        if outcome is None or metric is None or is_mean_name(metric):
            return None
        return of_cells(outcome, metric)

    @cached_property
    def better(self) -> Better:
        """Which way the metric is better; more money is."""
        if self.metric is None or is_mean_name(self.metric):
            return "higher"
        return get(self.metric).better or "higher"

    @cached_property
    def lacking(self) -> str | None:
        """Why the chosen metric can't tell what moves cost, though labels are known; None where it can."""
        scores = next(iter(self.reference.scores.values()), None)
        if self.chosen is None or scores is None or self.means(scores) is not None:
            return None
        if self.of_cells is not None:
            missing = "the reference keeps no confusion matrix by bin: it is of an older version, or has many classes"
            return None if scores.cells is not None else f"{missing}; register again"
        kept = "; register again" if not scores.means else ""
        return f"the reference doesn't keep it by bin: it is no mean over events and not of the confusion matrix{kept}"

    def of(self, name: str, column: ColumnProfile) -> Impact | None:
        """What one column's move is expected to cost; None where the reference can't tell."""
        scores, metric = self.reference.scores.get(name), self.metric
        if scores is None or metric is None:
            return None
        ordered = isinstance(column.grid, NumericGrid) and column.grid.bins > 1  # without cuts nothing can be merged
        window, before = all_counts(column), all_counts(self.reference.profile.columns[name])
        mean = self.means(scores)
        if mean is not None:
            by_bin = ScoredColumn(mean.total, mean.n, mean.squares, metric, self.better, ordered)
            found = impact(window, before, by_bin)
            return found if found is None or metric != RMSE else found.rooted()
        if scores.cells is None or self.of_cells is None:
            return None
        return impact_of_cells(window, before, CellColumn(scores.cells, self.of_cells, metric, self.better, ordered))

    def means(self, scores: BinScores) -> BinScores | None:
        """The scores whose mean the metric is (or its square, for RMSE); None where it is no mean that is kept."""
        outcome = self.reference.grids.outcome
        if outcome is not None and self.metric == outcome.score_metric:
            return scores
        return scores.means.get(MSE if self.metric == RMSE else str(self.metric))


def judge_costs(costs: Costs) -> list[Verdict]:
    """Say that moves can't be told in the metric that was chosen for them, where that is so."""
    if costs.lacking is None:
        return []
    said = f"what moves cost in {metric_name(str(costs.metric))} can't be told: {costs.lacking}"
    return [Verdict(VerdictKind.NOT_COMPARABLE, said, metric=costs.metric)]


def all_counts(column: ColumnProfile) -> Counts:
    """[bins + 5]: rows in each bin and special."""
    return np.concatenate([column.counts, column.special])
