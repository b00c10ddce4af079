"""Train: run the user's `fit(table, weights)`, or a scikit-learn estimator, and score with what it gives."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, TypeAlias

import numpy as np
import polars as pl

from retrue.core.state import Floats
from retrue.core.values import number_rows
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
        SchemaError: what `fit` gave can't predict.
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
    name = f"{fresh.steps[-1][0]}__sample_weight" if isinstance(fresh, Pipeline) else "sample_weight"
    return fresh.fit(table.select(features), table[label].to_numpy(), **{name: weights})


def score(model: Any, table: pl.DataFrame, features: Sequence[str]) -> Floats:
    """Score rows: the probability of the second class where the model gives two, else its prediction.

    Args:
        model: what `train` gave.
        table: the rows.
        features: the columns that the model sees.

    Returns:
        float64[rows].

    Raises:
        SchemaError: the model gives another number of scores than there are rows.
    """
    seen = table.select(features)
    given = model.predict_proba(seen) if hasattr(model, "predict_proba") else model.predict(seen)
    if isinstance(given, pl.Series):
        given = number_rows(given).to_numpy()
    scores = np.asarray(given, dtype=np.float64)
    scores = scores[:, -1] if scores.ndim == 2 else scores
    if scores.shape != (table.height,):
        raise SchemaError(f"{scores.shape[0]} scores for {table.height} rows", where="the trained model's predictions")
    return scores
