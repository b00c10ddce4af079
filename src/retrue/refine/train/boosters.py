"""Recipes for LightGBM and XGBoost by their own interfaces: rounds, any parameters, early stopping.

Their scikit-learn estimators need no recipe: `model.retrain(LGBMClassifier(), ...)`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import partial
from typing import Any

from retrue.core.state import Floats
from retrue.refine.train.lesson import Lesson
from retrue.refine.train.numbers import SPARED, Learned, Numbers, library

LIGHTGBM = {"binary": "binary", "multiclass": "multiclass", "regression": "regression"}
XGBOOST = {"binary": "binary:logistic", "multiclass": "multi:softprob", "regression": "reg:squarederror"}
SAY = 10
"""Rounds from one line of the log to the next."""


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

    def learn(self, lesson: Lesson) -> Learned:
        """Train."""
        lightgbm = library("lightgbm", "LightGBM")
        told = Numbers.of(lesson, SPARED if self.patience else 0)
        sets = [
            lightgbm.Dataset(told.rows[part], told.truth[part], weight=lesson.weights[part], free_raw_data=False)
            for part in told.parts[: 2 if self.patience else 1]
        ]
        calls = [lightgbm.callback.log_evaluation(SAY)]
        if self.patience:
            calls.append(lightgbm.early_stopping(self.patience, verbose=False))
        given = {**asked(lesson, LIGHTGBM), "verbosity": -1, **self.params}
        booster = lightgbm.train(given, sets[0], self.rounds, valid_sets=sets[-1:], callbacks=calls)
        lesson.say(booster.current_iteration(), self.rounds, "rounds")
        return told.learner(booster.predict)


@dataclass(frozen=True)
class XGBoost:
    """Gradient boosting by `xgboost.train`; the arguments are those of `LightGBM`."""

    params: Mapping[str, Any] = field(default_factory=dict)
    rounds: int = 100
    patience: int | None = None

    def learn(self, lesson: Lesson) -> Learned:
        """Train."""
        xgboost = library("xgboost", "XGBoost")
        told = Numbers.of(lesson, SPARED if self.patience else 0)
        sets = [
            xgboost.DMatrix(told.rows[part], told.truth[part], weight=lesson.weights[part])
            for part in told.parts[: 2 if self.patience else 1]
        ]
        seen = [(sets[-1], "spared" if self.patience else "learned")]
        booster = xgboost.train(
            {**asked(lesson, XGBOOST), **self.params}, sets[0], self.rounds, evals=seen,
            early_stopping_rounds=self.patience, verbose_eval=SAY,
        )  # fmt: skip
        lesson.say(booster.num_boosted_rounds(), self.rounds, "rounds")
        return told.learner(partial(by_xgboost, booster))


def asked(lesson: Lesson, names: Mapping[str, str]) -> dict[str, Any]:
    """The seed, the objective of a task, and its number of classes."""
    said: dict[str, Any] = {"seed": lesson.seed, "objective": names[lesson.task]}
    return {**said, "num_class": len(lesson.classes)} if lesson.task == "multiclass" else said


def by_xgboost(booster: Any, rows: Floats) -> Any:
    """What an XGBoost booster says, with its best rounds."""
    import xgboost

    best = booster.attributes().get("best_iteration")
    ends = (0, 0) if best is None else (0, int(best) + 1)
    return booster.predict(xgboost.DMatrix(rows), iteration_range=ends)
