"""Contributions: what each feature adds to a prediction (SHAP values), for any function that predicts.

    row, background --orders and their reverses--> rows between the two --predict--> what each step changes --> the mean

A feature's contribution is what the prediction changes by, on average over the orders in which features change from a
background row's values to the row's own (Lundberg and Lee 2017, equation 8; interventional). Every background row gets
a random order and its reverse (Mitchell et al. 2022, section 4.1): they add up exactly to the prediction minus the mean
prediction of the background, and are exact themselves for a model that adds its features up.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import polars as pl

from retrue.core.state import Bools, Floats
from retrue.errors import TableError
from retrue.explain.places import thinned

Predict = Callable[[pl.DataFrame], Floats]
"""From rows to one finite number for each, float64[rows]."""

BACKGROUND = 100
"""Rows of the reference that predictions are compared with, evenly spread. Each asks for 2 (features - 1)
predictions a row."""
SAMPLED = 100
"""Rows of the reference that tell how much each feature matters."""
ENOUGH = 0.95
"""The share of all contributions that the important features have together."""
SEED = 20_170


@dataclass(frozen=True, eq=False)
class Contributions:
    """What each feature adds to the predictions of some rows.

    Args:
        features: the features.
        values: float64[rows, features]; a row's values add up to its prediction minus `base`.
        predictions: float64[rows].
        base: the mean prediction of the background.
    """

    features: tuple[str, ...]
    values: Floats
    predictions: Floats
    base: float

    @property
    def importance(self) -> dict[str, float]:
        """The mean size of each feature's contributions (mean |SHAP|), the greatest first."""
        mean = np.abs(self.values).mean(axis=0) if len(self.values) else np.zeros(len(self.features))
        return {self.features[at]: float(mean[at]) for at in np.argsort(-mean, kind="stable")}

    def of(self, row: int) -> dict[str, float]:
        """The contributions of one row, the largest first."""
        own = self.values[row]
        return {self.features[at]: float(own[at]) for at in np.argsort(-np.abs(own), kind="stable")}

    def to_dict(self) -> dict[str, object]:
        """Give it as plain values."""
        rows = [{"prediction": float(p), "contributions": self.of(at)} for at, p in enumerate(self.predictions)]
        return {"base": self.base, "rows": rows}


def contributions(
    predict: Predict, rows: pl.DataFrame, background: pl.DataFrame, features: Sequence[str]
) -> Contributions:
    """Part predictions among features.

    Args:
        predict: what the model predicts; it is given tables of the features alone.
        rows: the rows to explain.
        background: what they are compared with (the reference, as a rule); at most 100 rows of it are used.
        features: the columns that the model sees.

    Raises:
        TableError: no features or background; or predictions that aren't one finite number a row.
    """
    against = thinned(background.select(features), BACKGROUND)
    if not features or not against.height:
        raise TableError("nothing to compare predictions with", expected="features, and rows of a reference")
    own = rows.select(
        (pl.col(name) if name in rows.columns else pl.lit(None)).cast(dtype, strict=False).alias(name)
        for name, dtype in against.schema.items()
    )
    before, after = predicted(predict, against), predicted(predict, own)
    generator = np.random.default_rng(SEED)
    values = [_of_row(predict, own[at : at + 1], against, (before, after[at]), generator) for at in range(own.height)]
    found = np.stack(values) if values else np.zeros((0, len(features)))
    return Contributions(tuple(features), found, after, float(before.mean()))


def important(importance: Mapping[str, float], enough: float = ENOUGH) -> tuple[str, ...]:
    """Give the fewest features that have such a share of all contributions together, the most important first.

    >>> important({"temp": 0.6, "rain": 0.36, "hour": 0.04})
    ('temp', 'rain')
    """
    ranked = sorted(importance, key=lambda name: -importance[name])
    sums = np.cumsum([importance[name] for name in ranked])
    if not len(sums) or sums[-1] <= 0:
        return tuple(ranked)
    return tuple(ranked[: int(np.searchsorted(sums, enough * sums[-1] - 1e-12)) + 1])


def predicted(predict: Predict, rows: pl.DataFrame) -> Floats:
    """Predict, and check what is given.

    Raises:
        TableError: not one finite number a row.
    """
    found = np.asarray(predict(rows), dtype=np.float64)
    if found.shape != (rows.height,) or not np.isfinite(found).all():
        what = f"predictions of shape {found.shape} for {rows.height} rows"
        raise TableError(
            what if found.shape != (rows.height,) else "predictions that aren't finite",
            where="predict",
            expected="one finite number for each row",
        )
    return found


def _of_row(
    predict: Predict,
    row: pl.DataFrame,
    against: pl.DataFrame,
    ends: tuple[Floats, float],
    generator: np.random.Generator,
) -> Floats:
    """float64[features]: the contributions of one row, from predictions between each background row and it."""
    many, features = against.height, against.width
    first = np.argsort(generator.random((many, features)), axis=1)
    orders = np.concatenate([first, first[:, ::-1]])  # [2 x background, features]
    places = np.argsort(orders, axis=1)
    taken = places[:, None, :] < np.arange(1, features)[None, :, None]  # [orders, steps between, features]
    start = np.tile(ends[0], 2)
    path = np.empty((len(orders), features + 1))
    path[:, 0], path[:, -1] = start, ends[1]
    if features > 1:
        between = _mixed(
            row, against, taken.reshape(-1, features), np.tile(np.repeat(np.arange(many), features - 1), 2)
        )
        path[:, 1:-1] = predicted(predict, between).reshape(len(orders), features - 1)
    steps = np.diff(path, axis=1)  # of the feature that each step changes
    found: Floats = np.take_along_axis(steps, places, axis=1).mean(axis=0)
    return found


def _mixed(
    row: pl.DataFrame, against: pl.DataFrame, taken: Bools, whose: np.ndarray[tuple[int], np.dtype[np.int64]]
) -> pl.DataFrame:
    """Rows that have the row's own values where `taken` [rows, features], else those of background row `whose`."""
    base = against[whose]
    return pl.DataFrame(
        [
            base[name].zip_with(~pl.Series(taken[:, at]), row[name].new_from_index(0, base.height))
            for at, name in enumerate(base.columns)
        ]
    )
