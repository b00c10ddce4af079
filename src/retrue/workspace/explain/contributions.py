"""Contributions for a model of a store: what each feature adds to what a given model predicts."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import polars as pl

from retrue.core.state import Floats
from retrue.errors import RetrueError, TableError
from retrue.explain.contributions import SAMPLED, Contributions, Predict, contributions
from retrue.explain.places import thinned
from retrue.refine.train import score
from retrue.schema import Schema


@dataclass(frozen=True)
class Called:
    """A function in the place of a model."""

    predict: Callable[[pl.DataFrame], Any]


def contributions_of(schema: Schema, predict: Any, rows: pl.DataFrame, reference: pl.DataFrame) -> Contributions:
    """Part what a model predicts for some rows among its features.

    Args:
        schema: the model's: which features it sees, and which class is the positive one.
        predict: a function of a table of the features that gives one number, or two probabilities, for each row; or
            anything with `predict_proba` or `predict`.
        rows: the rows.
        reference: what they are compared with.

    Raises:
        TableError: it fails, or gives something else.
    """
    features = [name for name in schema.features if name in reference.columns]
    return contributions(predictor(schema, predict, features), rows, reference, features)


def importance_of(schema: Schema, predict: Any, reference: pl.DataFrame) -> dict[str, float]:
    """The mean size of each feature's contributions (mean |SHAP|) to predictions for a reference, greatest first."""
    return contributions_of(schema, predict, thinned(reference, SAMPLED), reference).importance


def predictor(schema: Schema, predict: Any, features: list[str]) -> Predict:
    """What a user gave, as a function that gives one number a row and says in a sentence why it fails."""
    known = hasattr(predict, "predict_proba") or hasattr(predict, "predict")
    model = predict if known or not callable(predict) else Called(predict)

    def of(rows: pl.DataFrame) -> Floats:
        try:
            return score(model, rows, features, schema.positive)
        except RetrueError:
            raise
        except Exception as error:
            raise TableError(
                f"the model can't predict: {type(error).__name__}: {error}",
                where="predict",
                expected=f"a function of a table with {', '.join(features[:5])}{' ...' if len(features) > 5 else ''}",
            ) from error

    return of
