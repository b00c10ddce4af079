"""Outcomes from arrays in memory: to try a metric by hand, or to measure without a model or a table."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import polars as pl

from retrue.core.outcome import BinaryOutcome, MulticlassOutcome, Outcome, RegressionOutcome
from retrue.core.outcome_grid import BinaryGrid, MulticlassGrid, RegressionGrid, error_grid, score_cuts, score_rows
from retrue.core.ranking import RankingGrid
from retrue.core.values import text_rows


def table(**columns: Any) -> pl.DataFrame:
    """The columns that are given, as a table."""
    return pl.DataFrame({name: values for name, values in columns.items() if values is not None}, strict=False)


def binary(labels: Any, scores: Any = None, predictions: Any = None, positive: str = "1") -> BinaryOutcome:
    """The outcome of binary predictions: any of scores and predictions; None among the labels is not known yet.

    >>> binary([0, 1, None], scores=[0.2, 0.7, 0.9]).matrix
    array([[1, 0],
           [0, 1]])
    """
    frame = table(label=labels, score=scores, prediction=predictions)
    score = None if scores is None else "score"
    prediction = None if predictions is None else "prediction"
    return BinaryGrid("label", score, prediction, positive, score_cuts(score_rows(frame, score))).count(frame)


def multiclass(
    labels: Any, predictions: Any = None, scores: Mapping[str, Any] | None = None, classes: Any = None
) -> MulticlassOutcome:
    """The outcome of multiclass predictions; `scores` by class, `classes` those of the labels where not given.

    >>> multiclass(["a", "b"], ["a", "a"]).matrix.tolist()
    [[1, 0, 0], [1, 0, 0], [0, 0, 0]]
    """
    frame = table(label=labels, prediction=predictions, **{f"score {name}": v for name, v in (scores or {}).items()})
    known = classes if classes is not None else text_rows(frame["label"]).drop_nulls().unique().sort().to_list()
    named = {str(name): f"score {name}" for name in scores or {}}
    cuts = score_cuts(np.concatenate([np.empty(0), *(score_rows(frame, name) for name in named.values())]))
    prediction = None if predictions is None else "prediction"
    return MulticlassGrid("label", prediction, named, tuple(map(str, known)), cuts).count(frame)


def regression(labels: Any, predictions: Any) -> RegressionOutcome:
    """The outcome of numeric predictions, on the grid of its own errors.

    >>> regression([1.0, 2.0], [1.5, 2.0]).losses["mae"].total
    0.5
    """
    frame = table(label=labels, prediction=predictions)
    grid = error_grid(score_rows(frame, "prediction"), score_rows(frame, "label"))
    return RegressionGrid("label", "prediction", grid).count(frame)


def ranking(relevant: Any, ranked: Any, k: int = 10) -> Outcome:
    """The outcome of ranked lists of items, best first, against the items that were relevant.

    >>> ranking([["a"], ["b"]], [["a", "c"], ["c", "a"]]).losses["hit_rate"].total
    1.0
    """
    frame = table(label=relevant, prediction=ranked)
    return RankingGrid.fit(frame, "label", "prediction", k).count(frame)
