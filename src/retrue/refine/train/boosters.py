"""Recipes for LightGBM and XGBoost by their own interfaces: rounds, any parameters, early stopping.

Their scikit-learn estimators need no recipe: `model.retrain(LGBMClassifier(), ...)`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import polars as pl

from retrue.core.state import Bools, Floats
from retrue.errors import RetrueError
from retrue.refine.train.encode import Encoder
from retrue.refine.train.lesson import Lesson

SPARED = 0.1
"""The share of the rows that tells when to stop."""


@dataclass(frozen=True)
class LightGBM:
    """Gradient boosting by `lightgbm.train`.

    Args:
        params: LightGBM's parameters; the objective follows from the task unless given.
        rounds: trees (for each class), at most.
        patience: rounds without a gain on a tenth of the rows after which it stops; None: never.
    """

    params: Mapping[str, Any] = field(default_factory=dict)
    rounds: int = 100
    patience: int | None = None

    def learn(self, lesson: Lesson) -> Boosted:
        """Train."""
        try:
            import lightgbm
        except ImportError as error:
            raise missing("LightGBM", "lightgbm") from error

        encoder, rows, truth, spared = prepared(lesson, self.patience)
        given = {**objective(lesson, LIGHTGBM), "seed": lesson.seed, "verbosity": -1, **self.params}
        sets = [
            lightgbm.Dataset(rows[part], truth[part], weight=lesson.weights[part], free_raw_data=False)
            for part in (~spared, spared)
            if part.any()
        ]
        calls: list[Any] = [lightgbm.callback.log_evaluation(10)]
        if self.patience is not None:
            calls.append(lightgbm.early_stopping(self.patience, verbose=False))
        booster = lightgbm.train(given, sets[0], self.rounds, valid_sets=sets[1:], callbacks=calls)
        lesson.say(booster.current_iteration(), self.rounds, "rounds")
        return Boosted(encoder, booster, np.array(lesson.classes) if lesson.classes else None)


@dataclass(frozen=True)
class XGBoost:
    """Gradient boosting by `xgboost.train`; the arguments are those of `LightGBM`."""

    params: Mapping[str, Any] = field(default_factory=dict)
    rounds: int = 100
    patience: int | None = None

    def learn(self, lesson: Lesson) -> Boosted:
        """Train."""
        try:
            import xgboost
        except ImportError as error:
            raise missing("XGBoost", "xgboost") from error

        encoder, rows, truth, spared = prepared(lesson, self.patience)
        given = {**objective(lesson, XGBOOST), "seed": lesson.seed, **self.params}
        sets = [
            (xgboost.DMatrix(rows[part], truth[part], weight=lesson.weights[part]), name)
            for part, name in ((~spared, "train"), (spared, "spared"))
            if part.any()
        ]
        booster = xgboost.train(
            given, sets[0][0], self.rounds, evals=sets, early_stopping_rounds=self.patience, verbose_eval=10
        )
        lesson.say(booster.num_boosted_rounds(), self.rounds, "rounds")
        return Boosted(encoder, booster, np.array(lesson.classes) if lesson.classes else None)


LIGHTGBM = {"binary": "binary", "multiclass": "multiclass", "regression": "regression"}
XGBOOST = {"binary": "binary:logistic", "multiclass": "multi:softprob", "regression": "reg:squarederror"}


def objective(lesson: Lesson, names: Mapping[str, str]) -> dict[str, Any]:
    """The objective of a task, and its number of classes."""
    said: dict[str, Any] = {"objective": names[lesson.task]}
    return {**said, "num_class": len(lesson.classes)} if lesson.task == "multiclass" else said


def prepared(lesson: Lesson, patience: int | None) -> tuple[Encoder, Floats, Floats, Bools]:
    """The encoder, the rows, what they mean, and which are spared to tell when to stop."""
    encoder = Encoder.learn(lesson.table, lesson.features)
    truth = lesson.targets if lesson.task == "regression" else lesson.codes.astype(np.float64)
    spared = np.zeros(lesson.table.height, np.bool_)
    if patience is not None:
        spared = np.random.default_rng(lesson.seed).random(lesson.table.height) < SPARED
    return encoder, encoder(lesson.table), truth, spared


@dataclass(frozen=True)
class Boosted:
    """A booster and what it was fed."""

    encoder: Encoder
    booster: Any
    classes_: Any

    def predict(self, table: pl.DataFrame) -> Floats:
        """float64[rows, classes] of a classifier, float64[rows] of a regression."""
        said = np.asarray(self.said(self.encoder(table)), np.float64)
        return np.column_stack([1 - said, said]) if self.classes_ is not None and said.ndim == 1 else said

    def said(self, rows: Any) -> Any:
        """What the booster itself says."""
        if not type(self.booster).__module__.startswith("xgboost"):
            return self.booster.predict(rows)
        import xgboost

        best = self.booster.attributes().get("best_iteration")
        ends = (0, 0) if best is None else (0, int(best) + 1)
        return self.booster.predict(xgboost.DMatrix(rows), iteration_range=ends)


def missing(library: str, extra: str) -> RetrueError:
    """What to say where a library isn't installed."""
    return RetrueError(f"{library} is not installed", hint=f'pip install "retrue[{extra}]"')
