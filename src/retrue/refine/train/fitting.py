"""Fit: run the user's `fit(table, weights)`, or a scikit-learn estimator."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from inspect import signature
from typing import Any, TypeAlias

import polars as pl

from retrue.core.state import Floats
from retrue.errors import SchemaError

Fit: TypeAlias = Callable[[pl.DataFrame, Floats], Any]


def train(fit: Fit | Any, table: pl.DataFrame, weights: Floats, features: Sequence[str], label: str) -> Any:
    """Fit a model on a training set.

    Args:
        fit: a function of the table (features and label) and the weights that returns anything with `predict` or
            `predict_proba`; or an unfitted scikit-learn estimator or pipeline, which is cloned.
        table: the training set.
        weights: float64[rows].
        features: the columns that the model sees.
        label: the column that it learns.

    Raises:
        SchemaError: what `fit` gave can't predict, or an estimator takes no weights.
    """
    is_estimator = hasattr(fit, "fit")
    model = fit_estimator(fit, table, weights, features, label) if is_estimator else fit(table, weights)
    if not hasattr(model, "predict") and not hasattr(model, "predict_proba"):
        raise SchemaError(
            f"the trained model is a {type(model).__name__}", expected="something with predict or predict_proba"
        )
    return model


def fit_estimator(estimator: Any, table: pl.DataFrame, weights: Floats, features: Sequence[str], label: str) -> Any:
    """Clone and fit a scikit-learn estimator; a pipeline's weights go to its last step."""
    from sklearn.base import clone
    from sklearn.pipeline import Pipeline

    fresh = clone(estimator)
    name, last = "sample_weight", fresh
    if isinstance(fresh, Pipeline):
        name, last = f"{fresh.steps[-1][0]}__sample_weight", fresh.steps[-1][1]
    if not takes_weights(last):
        raise SchemaError(
            f"{type(last).__name__} takes no weights", expected="an estimator whose fit has sample_weight"
        )
    return fresh.fit(table.select(features), table[label].to_numpy(), **{name: weights})


def takes_weights(estimator: Any) -> bool:
    """Tell whether an estimator's `fit` has `sample_weight`, or takes anything by name."""
    parameters = signature(estimator.fit).parameters
    return "sample_weight" in parameters or any(p.kind is p.VAR_KEYWORD for p in parameters.values())
