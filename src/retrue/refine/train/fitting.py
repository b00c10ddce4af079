"""Fit: a recipe learns a lesson, an estimator is fitted, a function of the table and the weights is called."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from inspect import signature
from pathlib import Path
from typing import Any, Protocol, TypeAlias

import numpy as np
import polars as pl

from retrue.core.state import Floats
from retrue.errors import SchemaError
from retrue.refine.train.lesson import Lesson

Fit: TypeAlias = Callable[[pl.DataFrame, Floats], Any]


class Recipe(Protocol):
    """A way to train of its own; `Torch`, `Keras`, `LightGBM` and `XGBoost` are some."""

    def learn(self, lesson: Lesson) -> Any:
        """Give a trained model: anything with `predict` or `predict_proba`."""


def train(
    fit: Fit | Recipe | Any, table: pl.DataFrame, weights: Floats, features: Sequence[str], label: str,
    *, task: str = "binary", seed: int = 0, folder: Path | None = None,
) -> Any:  # fmt: skip
    """Fit a model on a training set.

    Args:
        fit: a function of the table (features and label) and the weights that returns anything with `predict` or
            `predict_proba`; or an unfitted scikit-learn estimator or pipeline, which is cloned; or a recipe.
        table: the training set.
        weights: float64[rows].
        features: the columns that the model sees.
        label: the column that it learns.
        task: "binary", "multiclass" or "regression".
        seed: of an estimator whose `random_state` is None, and of recipes.
        folder: where a recipe may keep checkpoints.

    Raises:
        SchemaError: what `fit` gave can't predict, or an estimator takes no weights.
    """
    if hasattr(fit, "learn"):
        model = fit.learn(Lesson(table, weights, tuple(features), label, task, seed, folder))
    elif hasattr(fit, "fit"):
        model = fit_estimator(fit, table, weights, features, label, seed)
    else:
        model = fit(table, weights)
    if not hasattr(model, "predict") and not hasattr(model, "predict_proba"):
        hint = "does fit return the model?" if model is None else None
        raise SchemaError(
            f"the trained model is a {type(model).__name__}",
            expected="something with predict or predict_proba",
            hint=hint,
        )
    return model


def fit_estimator(
    estimator: Any, table: pl.DataFrame, weights: Floats, features: Sequence[str], label: str, seed: int = 0
) -> Any:
    """Clone and fit a scikit-learn estimator, or one that is like it; a pipeline's weights go to its last step."""
    from sklearn.base import clone
    from sklearn.pipeline import Pipeline

    fresh = seeded(clone(estimator), seed)
    name, last = "sample_weight", fresh
    if isinstance(fresh, Pipeline):
        name, last = f"{fresh.steps[-1][0]}__sample_weight", fresh.steps[-1][1]
    if not takes_weights(last):
        raise SchemaError(
            f"{type(last).__name__} takes no weights", expected="an estimator whose fit has sample_weight"
        )
    if type(fresh).__module__.startswith("lightgbm"):
        refuse_texts(table.select(features), type(fresh).__name__)
    truth, classes = table[label].to_numpy(), None
    if type(last).__module__.startswith("xgboost") and type(last).__name__.endswith("Classifier"):
        classes, truth = np.unique(truth, return_inverse=True)  # it takes nothing but 0, 1, 2 ...
    fitted = fresh.fit(table.select(features), truth, **{name: weights})
    return fitted if classes is None else Renamed(fitted, classes)


def refuse_texts(table: pl.DataFrame, name: str) -> None:
    """Refuse what LightGBM would end the whole process for.

    Raises:
        SchemaError: a column that is neither of numbers nor of truths.
    """
    texts = [name for name, kind in table.schema.items() if not (kind.is_numeric() or kind == pl.Boolean)]
    if texts:
        hint = "rt.LightGBM takes texts; or put an encoder before it, in a pipeline"
        raise SchemaError(f"{name} takes no texts: {', '.join(texts)}", expected="numbers", hint=hint)


def seeded(estimator: Any, seed: int) -> Any:
    """Give every part of an estimator that has a `random_state` and no seed this one."""
    unset = [
        name
        for name, value in estimator.get_params().items()
        if value is None and name.rpartition("__")[2] == "random_state"
    ]
    return estimator.set_params(**dict.fromkeys(unset, seed))


@dataclass(frozen=True)
class Renamed:
    """A classifier of 0, 1, 2 ..., with the names that these stand for."""

    model: Any
    classes_: Any

    def predict_proba(self, table: pl.DataFrame) -> Floats:
        """float64[rows, classes]."""
        return np.asarray(self.model.predict_proba(table), np.float64)


def takes_weights(estimator: Any) -> bool:
    """Tell whether an estimator's `fit` has `sample_weight`, or takes anything by name."""
    parameters = signature(estimator.fit).parameters
    return "sample_weight" in parameters or any(p.kind is p.VAR_KEYWORD for p in parameters.values())
