"""The demo's model: gradient boosting on what is known before departure."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import polars as pl

from retrue.core.state import Floats
from retrue.demo.flights import CATEGORIES, FEATURES, NUMBERS

ROUNDS = 60
THREADS = 1
"""On so few rows, threads that wait for each other on a busy machine cost ten times what they give."""


@dataclass(frozen=True)
class Lateness:
    """A fitted pipeline that scores flights."""

    pipeline: Any

    def predict_proba(self, table: pl.DataFrame) -> Floats:
        """float64[rows, 2]: the probabilities of on time and late."""
        from threadpoolctl import threadpool_limits

        with threadpool_limits(THREADS):
            return np.asarray(self.pipeline.predict_proba(table.select(FEATURES)), np.float64)


def learner() -> Any:
    """An unfitted pipeline: categories to codes, then boosted trees."""
    from sklearn.compose import ColumnTransformer
    from sklearn.ensemble import HistGradientBoostingClassifier
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import OrdinalEncoder

    codes = OrdinalEncoder(handle_unknown="use_encoded_value", unknown_value=np.nan)
    columns = ColumnTransformer([("codes", codes, list(CATEGORIES)), ("numbers", "passthrough", list(NUMBERS))])
    trees = HistGradientBoostingClassifier(
        max_iter=ROUNDS, learning_rate=0.12, max_leaf_nodes=31, l2_regularization=1.0, early_stopping=False,
        categorical_features=list(range(len(CATEGORIES))), random_state=0,
    )  # fmt: skip
    return make_pipeline(columns, trees)


def fit(table: pl.DataFrame, weights: Floats) -> Lateness:
    """Learn `late` from the features: the `fit(table, weights)` that `retrain` asks for."""
    from threadpoolctl import threadpool_limits

    model = learner()
    last = model.steps[-1][0]
    with threadpool_limits(THREADS):
        model.fit(table.select(FEATURES), table["late"].to_numpy(), **{f"{last}__sample_weight": weights})
    return Lateness(model)


def held_out_scores(table: pl.DataFrame, folds: int = 3) -> Floats:
    """Score each flight by a model that hasn't seen its stretch of days: what the model can really do."""
    scores = np.empty(table.height)
    for rows in np.array_split(np.arange(table.height), folds):
        others = np.setdiff1d(np.arange(table.height), rows)
        scores[rows] = fit(table[others], np.ones(others.size)).predict_proba(table[rows])[:, 1]
    return scores
