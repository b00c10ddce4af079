"""The demo's model: gradient boosting on what is known before departure."""

from __future__ import annotations

from typing import Any

import numpy as np
import polars as pl

from retrue.core.state import Floats
from retrue.demo.flights import CATEGORIES, FEATURES, NUMBERS

ROUNDS = 50


def learner(rounds: int = ROUNDS) -> Any:
    """An unfitted pipeline: categories to codes, then boosted trees."""
    from sklearn.compose import ColumnTransformer
    from sklearn.ensemble import HistGradientBoostingClassifier
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import OrdinalEncoder

    codes = OrdinalEncoder(handle_unknown="use_encoded_value", unknown_value=np.nan)
    columns = ColumnTransformer([("codes", codes, list(CATEGORIES)), ("numbers", "passthrough", list(NUMBERS))])
    trees = HistGradientBoostingClassifier(
        max_iter=rounds, learning_rate=0.15, max_leaf_nodes=31, l2_regularization=1.0, early_stopping=False,
        categorical_features=list(range(len(CATEGORIES))), random_state=0,
    )  # fmt: skip
    return make_pipeline(columns, trees)


def fit(table: pl.DataFrame, weights: Floats) -> Any:
    """Learn `late` from the features: the `fit(table, weights)` that `retrain` asks for."""
    model = learner()
    last = model.steps[-1][0]
    return model.fit(table.select(FEATURES), table["late"].to_numpy(), **{f"{last}__sample_weight": weights})


def held_out_scores(table: pl.DataFrame, folds: int = 3) -> Floats:
    """Score each flight by a model that hasn't seen its stretch of days: what the model can really do."""
    from sklearn.model_selection import KFold, cross_val_predict

    late = table["late"].to_numpy()
    given = cross_val_predict(learner(), table.select(FEATURES), late, cv=KFold(folds), method="predict_proba")
    return np.asarray(given, np.float64)[:, 1]
