"""The two sides of a proof: what champion and challenger say of the same rows, as scores, and what became true."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import polars as pl

from retrue.core.grids import Grids
from retrue.core.outcome_grid import THRESHOLD, BinaryGrid, MulticlassGrid, OutcomeGrid, score_rows
from retrue.core.reference import Reference
from retrue.core.state import Bools, Floats, Ints
from retrue.errors import SchemaError
from retrue.refine.prove import Duel
from retrue.refine.train import score
from retrue.schema import Schema
from retrue.workspace.train.runs import StoredRun

CHALLENGER = "_challenger"
"""The column of the holdout that has the challenger's scores: Float64, or an array of one for each class."""


@dataclass(frozen=True)
class Sides:
    """Both models on one table.

    Attributes:
        table: its rows.
        task: as `retrue.refine.prove` calls it.
        duel: labels and scores, NaN where unknown.
        classes: how many the label has; 0: it is a number.
    """

    table: pl.DataFrame
    task: str
    duel: Duel
    classes: int


def sides(run: StoredRun, reference: Reference, table: pl.DataFrame, champion: Floats | None = None) -> Sides:
    """Both models on a table: the champion's recorded scores, unless others are given, and the challenger's.

    Raises:
        SchemaError: the task can't be compared.
    """
    layout = run.model.store.layout(run.model.name)
    grid = reference.grids.outcome
    label, task, classes = truth(grid, table, reference.schema.label or layout.label_column)
    first = recorded(reference, table) if champion is None else champion
    return Sides(table, task, Duel(label, first, challenger_scores(run, table, grid)), classes)


def truth(grid: OutcomeGrid | None, table: pl.DataFrame, label: str) -> tuple[Floats, str, int]:
    """Labels as numbers, NaN where unknown; the task to compare by; how many classes there are."""
    if isinstance(grid, BinaryGrid):
        return missing(grid.truth(table[label]), 2), "binary", 2
    if isinstance(grid, MulticlassGrid):
        classes = len(grid.classes)
        return missing(grid.index(table[label]), classes), "multiclass" if grid.scores else "classes", classes
    if grid is not None and grid.task == "regression":
        return score_rows(table, label), "regression", 0
    raise SchemaError("champion and challenger can be compared for classes and for numbers", where="prove")


def missing(codes: Ints, known: int) -> Floats:
    """Codes as numbers, NaN from `known` on."""
    return np.where(codes >= known, np.nan, codes).astype(np.float64)


def recorded(reference: Reference, table: pl.DataFrame) -> Floats:
    """What the champion said: its scores, or its prediction as numbers; NaN where it said nothing."""
    schema, grid = reference.schema, reference.grids.outcome
    if isinstance(grid, MulticlassGrid):
        given = grid.probabilities(table)
        return given if grid.scores else one_hot(grid.predicted(table, given), len(grid.classes))
    if isinstance(schema.score, str) or not isinstance(grid, BinaryGrid):
        return score_rows(table, schema.score if isinstance(schema.score, str) else schema.prediction)
    return missing(grid.predicted(table), 2)


def said_something(scores: Floats) -> bool:
    """Whether a model said anything at all."""
    return bool(np.isfinite(scores).any())


def one_hot(codes: Ints, classes: int) -> Floats:
    """float64[rows, classes]: 1 for the class, NaN where it is none of them."""
    found = (codes[:, None] == np.arange(classes)).astype(np.float64)
    found[codes >= classes] = np.nan
    return np.asarray(found, np.float64)


def challenger_scores(run: StoredRun, table: pl.DataFrame, grid: OutcomeGrid | None) -> Floats:
    """What the challenger says: as it was kept with the holdout, else asked of the trained model."""
    if CHALLENGER in table.columns and not isinstance(grid, MulticlassGrid):
        return score_rows(table, CHALLENGER)
    if CHALLENGER in table.columns and table.schema[CHALLENGER].is_nested():
        return np.asarray(table[CHALLENGER].to_list(), np.float64)
    if CHALLENGER in table.columns:  # the holdout, in which the challenger itself may have been taught
        return scorer(run, run.proven)(table)
    return predictor(run)(table)


def predictor(run: StoredRun) -> Callable[[pl.DataFrame], Floats]:
    """The run's trained model as a function of rows; it is loaded once."""
    return scorer(run, run.challenger)


def scorer(run: StoredRun, model: Any) -> Callable[[pl.DataFrame], Floats]:
    """A trained model as a function of rows: float64[rows], or float64[rows, classes] of more than two."""
    schema, features = run.model.schema, list(run.body["features"])
    options = {"classes": schema.classes} if len(schema.classes) > 2 else {}
    return lambda table: score(model, table, features, schema.positive, **options)


def spoken(frame: pl.DataFrame, scores: Floats, schema: Schema, grids: Grids, labels: pl.Series) -> pl.DataFrame:
    """Rows with the challenger's score and prediction in place of the champion's."""
    grid = grids.outcome
    if isinstance(grid, MulticlassGrid):
        return spoken_classes(frame, scores, schema, grid, labels)
    if isinstance(schema.score, str):
        frame = frame.with_columns(pl.Series(schema.score, scores))
    if schema.prediction is None:
        return frame
    if not isinstance(grid, BinaryGrid):
        return frame.with_columns(pl.Series(schema.prediction, scores))
    return frame.with_columns(named(scores >= THRESHOLD, labels, grid).alias(schema.prediction))


def spoken_classes(
    frame: pl.DataFrame, scores: Floats, schema: Schema, grid: MulticlassGrid, labels: pl.Series
) -> pl.DataFrame:
    """The same of several classes: a score for each, and the most probable one as the prediction."""
    columns = [pl.Series(grid.scores[name], scores[:, i]) for i, name in enumerate(grid.classes) if name in grid.scores]
    if schema.prediction is not None:
        said = pl.Series(np.array(grid.classes)[np.nan_to_num(scores, nan=-1.0).argmax(axis=1)].tolist())
        columns.append(said.cast(labels.dtype, strict=False).alias(schema.prediction))
    return frame.with_columns(columns)


def named(positive: Bools, labels: pl.Series, grid: BinaryGrid) -> pl.Series:
    """Predictions in the words of the labels."""
    known = labels.drop_nulls().unique(maintain_order=True)
    codes = grid.truth(known)
    words = [next(iter(known.filter(pl.Series(codes == code))), None) for code in (0, 1)]
    return pl.Series([words[int(yes)] for yes in positive], dtype=labels.dtype)
