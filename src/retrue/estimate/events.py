"""The rows of a classifier as estimators read them: scores, predictions, labels; one column for each class."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import polars as pl

from retrue.core.outcome_grid import BinaryGrid, MulticlassGrid, column, score_rows
from retrue.core.state import Floats, Ints
from retrue.core.values import number_rows
from retrue.estimate.expected import Cells, ClassCells

ClassifierGrid = BinaryGrid | MulticlassGrid
"""How the outcomes of a classifier are counted."""


@dataclass(frozen=True, eq=False)
class Events:
    """The rows that have a score.

    Attributes:
        places: int64[n], where they are among all rows.
        scores: float64[n, k]: of the positive class (k = 1), or of each class.
        label: float64[n, k]: 1 where the label is this class, else 0; NaN where it isn't known.
        cells: what an expected outcome needs of them.
    """

    places: Ints
    scores: Floats
    label: Floats
    cells: Cells | ClassCells

    @property
    def n(self) -> int:
        """How many rows have a score."""
        return int(self.places.size)


def look(grid: ClassifierGrid, frame: pl.DataFrame) -> Events:
    """Read the rows that have a score; of several classes all scores, at least 0, and not all of them 0."""
    return look_binary(grid, frame) if isinstance(grid, BinaryGrid) else look_multiclass(grid, frame)


def look_binary(grid: BinaryGrid, frame: pl.DataFrame) -> Events:
    """The rows of a binary task."""
    scores = score_rows(frame, grid.score)
    places = np.flatnonzero(np.isfinite(scores))
    kept = scores[places]
    truth = grid.truth(column(frame, grid.label))[places]
    label = np.where(truth < 2, truth, np.nan)
    bins = np.searchsorted(grid.cuts, kept, side="right").astype(np.int64)
    cells = Cells(grid.cuts, bins, kept, grid.predicted(frame)[places], np.ones(places.size))
    return Events(places, kept[:, None], label[:, None], cells)


def look_multiclass(grid: MulticlassGrid, frame: pl.DataFrame) -> Events:
    """The rows of a multiclass task."""
    scores = grid.probabilities(frame)
    with np.errstate(invalid="ignore"):
        usable = np.isfinite(scores).all(axis=1) & (scores >= 0).all(axis=1) & (scores.sum(axis=1) > 0)
    places = np.flatnonzero(usable)
    kept, c = scores[places], len(grid.classes)
    index = grid.index(column(frame, grid.label))[places]
    label = (index[:, None] == np.arange(c)).astype(np.float64)
    label[index > c] = np.nan
    cells = ClassCells(grid.classes, grid.cuts, kept, grid.predicted(frame, scores)[places], np.ones(places.size))
    return Events(places, kept, label, cells)


def normalised(chance: Floats) -> Floats:
    """Chances of several classes, [..., n, C], made to sum to 1; of one class, [..., n, 1], without its last axis."""
    if chance.shape[-1] == 1:
        return np.asarray(chance[..., 0])
    return np.asarray(chance / np.maximum(chance.sum(axis=-1, keepdims=True), 1e-12))


def moments(frame: pl.DataFrame, time: str | None) -> Floats | None:
    """float64[rows]: when each row was, in seconds, those without a time last; None where there is no time."""
    if time is None or time not in frame.columns:
        return None
    found = number_rows(frame[time], temporal=True).fill_null(np.inf).fill_nan(np.inf).to_numpy()
    return found if np.isfinite(found).any() else None
