"""What is learned of a classifier's reference, once for all windows."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import polars as pl

from retrue.core.outcome import Outcome
from retrue.core.state import Floats, Ints
from retrue.estimate import caution
from retrue.estimate.calibrate import Calibration, calibrate, split
from retrue.estimate.correction import Correction, learn_correction
from retrue.estimate.events import ClassifierGrid, Events, look, moments
from retrue.estimate.features import Features, with_scores
from retrue.schema import Schema


@dataclass(frozen=True, eq=False)
class LearnedClass:
    """What was learned for one class against the rest.

    Attributes:
        score: float64[n].
        label: float64[n], 0 or 1.
        own: float64[n], the cross-fitted P(y = 1).
        calibration: of the score.
        correction: of the calibrated score, by the features.
    """

    score: Floats
    label: Floats
    own: Floats
    calibration: Calibration
    correction: Correction


@dataclass(frozen=True, eq=False)
class Learned:
    """The reference as estimates need it.

    Attributes:
        grid: how outcomes are counted.
        features: how features are coded.
        events: the labelled reference rows that have a score, n of them.
        codes: float64[n, d], their coded features.
        folds: int64[n].
        classes: what was learned for the positive class, or for each class.
        outcome: the reference's own outcome.
        time: the column that says when a row was; None where the reference has none.
        times: float64[n], when its rows were.
    """

    grid: ClassifierGrid
    features: Features
    events: Events
    codes: Floats
    folds: Ints
    classes: tuple[LearnedClass, ...]
    outcome: Outcome
    time: str | None = None
    times: Floats | None = None


def learn(frame: pl.DataFrame, schema: Schema, grid: ClassifierGrid) -> Learned | str:
    """Learn from reference rows; where they don't allow an estimate, the reason."""
    known = look(grid, frame)
    frame = frame[known.places[~np.isnan(known.label[:, 0])]]
    events = look(grid, frame)
    reason = caution.unusable(events, grid)
    if reason is not None:
        return reason
    features = Features.fit(frame, schema)
    codes, folds = features.codes(frame), split(events.n)
    rows, categorical = with_scores(codes, events.scores, features.categorical)
    pairs = zip(events.scores.T, events.label.T, strict=True)
    classes = tuple(learn_class(score, label, rows, folds, categorical) for score, label in pairs)
    times = moments(frame, schema.time)
    return Learned(grid, features, events, codes, folds, classes, grid.count(frame), schema.time, times)


def learn_class(score: Floats, label: Floats, rows: Floats, folds: Ints, categorical: Sequence[bool]) -> LearnedClass:
    """Learn calibration and correction of one class against the rest."""
    calibration = calibrate(score, label, folds)
    own = calibration.own(score, folds)
    return LearnedClass(score, label, own, calibration, learn_correction(rows, own, label, folds, categorical))
