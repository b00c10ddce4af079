"""What each event adds to the metrics of its task: its part of every mean, and its cell of the confusion matrix."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import polars as pl

from retrue.core.losses import losses_of_probability, own_loss
from retrue.core.outcome_grid import BinaryGrid, MulticlassGrid, OutcomeGrid, RegressionGrid, column, score_rows
from retrue.core.ranking import RankingGrid
from retrue.core.state import Floats, Ints

CLASSES = 10
"""The most classes whose confusion matrix is kept for each bin of each column."""


def mean_name(column: str) -> str:
    """The name of the mean of a column as a metric, spelled as in a rule.

    >>> mean_name("revenue")
    'mean(revenue)'
    """
    return f"mean({column})"


def is_mean_name(metric: str) -> bool:
    """Whether a metric is the mean of a column.

    >>> is_mean_name("mean(revenue)"), is_mean_name("recall@cat (small)")
    (True, False)
    """
    return metric.startswith("mean(") and metric.endswith(")")


def event_losses(grid: OutcomeGrid, frame: pl.DataFrame) -> Mapping[str, Floats]:
    """float64[rows] by metric: the means over events other than `score_metric`; NaN where an event has none."""
    if isinstance(grid, BinaryGrid):
        return of_binary(grid, frame)
    if isinstance(grid, MulticlassGrid):
        return of_multiclass(grid, frame)
    if isinstance(grid, RegressionGrid):
        return of_regression(grid, frame)
    return of_ranking(grid, frame) if isinstance(grid, RankingGrid) else {}


def of_binary(grid: BinaryGrid, frame: pl.DataFrame) -> dict[str, Floats]:
    """Log loss and Brier score, of events whose score is a probability; nothing without scores."""
    if grid.score is None:
        return {}
    label, score = grid.truth(column(frame, grid.label)), score_rows(frame, grid.score)
    valid = (label < 2) & (score >= 0) & (score <= 1)
    y, p = label[valid], score[valid]
    log_loss, brier = np.full(label.size, np.nan), np.full(label.size, np.nan)
    log_loss[valid], brier[valid] = losses_of_probability(np.where(y == 1, p, 1 - p)), (p - y) ** 2
    return {"log_loss": log_loss, "brier": brier}


def of_multiclass(grid: MulticlassGrid, frame: pl.DataFrame) -> dict[str, Floats]:
    """Log loss, of events that have a score for every class; nothing without scores."""
    if not grid.scores:
        return {}
    label = grid.index(column(frame, grid.label))
    rows, losses = own_loss(label, grid.probabilities(frame))
    found = np.full(label.size, np.nan)
    found[rows] = losses
    return {"log_loss": found}


def of_regression(grid: RegressionGrid, frame: pl.DataFrame) -> dict[str, Floats]:
    """Squared and relative error, in the label's unit squared and as a share of the label."""
    label, predicted = score_rows(frame, grid.label), score_rows(frame, grid.prediction)
    with np.errstate(over="ignore", invalid="ignore", divide="ignore"):
        error = predicted - label
        return {"mse": error * error, "mape": np.abs(error) / np.where(label == 0, np.nan, np.abs(label))}


def of_ranking(grid: RankingGrid, frame: pl.DataFrame) -> dict[str, Floats]:
    """Hit rate, reciprocal rank and average precision, of lists whose relevant items are known."""
    per_list = grid.per_list(frame)
    rows, found = per_list["row"].to_numpy(), {}
    for name in ("hit_rate", "mrr", "map"):
        found[name] = np.full(frame.height, np.nan)
        found[name][rows] = per_list[name].to_numpy()
    return found


def event_cells(grid: OutcomeGrid, frame: pl.DataFrame) -> tuple[Ints, int] | None:
    """int64[rows]: label x K + prediction, -1 where either is unknown; and K x K, how many cells there are.

    K is 2, or the classes and one for any other. None for other tasks, and where there are more than 10 classes.
    """
    if isinstance(grid, BinaryGrid):
        label, predicted, k = grid.truth(column(frame, grid.label)), grid.predicted(frame), 2
    elif isinstance(grid, MulticlassGrid) and len(grid.classes) <= CLASSES:
        label, k = grid.index(column(frame, grid.label)), len(grid.classes) + 1
        predicted = grid.predicted(frame, grid.probabilities(frame))
    else:
        return None
    return np.where((label < k) & (predicted < k), label * k + predicted, -1), k * k
