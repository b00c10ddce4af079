"""Score rows with what training gave: one number for each, or one for each class where there are more than two."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import polars as pl

from retrue.core.outcome_grid import BinaryGrid
from retrue.core.state import Floats
from retrue.core.values import number_rows, text_rows
from retrue.errors import SchemaError


def score(
    model: Any,
    table: pl.DataFrame,
    features: Sequence[str],
    positive: str | None = None,
    classes: Sequence[str] = (),
) -> Floats:
    """Score rows: the probability of the positive class where the model gives two, else its prediction.

    Args:
        model: what `train` gave.
        table: the rows.
        features: the columns that the model sees; of them those that it says it was fitted on.
        positive: the label's text that counts as 1. It is found among the model's `classes_`; where it isn't there, or
            isn't given, the second class counts.
        classes: the labels' texts of a multiclass model (three or more).

    Returns:
        float64[rows]; with `classes`, float64[rows, classes] in their order.

    Raises:
        SchemaError: the model gives anything but one number, or two probabilities, for each row; with `classes`,
            anything but a class, or a probability for each.
    """
    seen = table.select(fitted_on(model, features))
    given = model.predict_proba(seen) if hasattr(model, "predict_proba") else model.predict(seen)
    if len(classes) > 2:
        return class_scores(model, given, table.height, classes)
    scores = as_numbers(given)
    if scores.ndim == 2:
        scores = scores[:, score_column(model, scores.shape[1], positive)]
    if scores.shape != (table.height,):
        raise SchemaError(
            f"predictions of shape {scores.shape} for {table.height} rows", where="the trained model", expected=SHAPES
        )
    return scores


def fitted_on(model: Any, features: Sequence[str]) -> Sequence[str]:
    """The features that a model was fitted on, where it says so as scikit-learn's do: such a model refuses others."""
    names = getattr(model, "feature_names_in_", None)
    named = [] if names is None else [str(name) for name in names]
    return named if named and set(named) <= set(features) else features


SHAPES = "one number, or the probabilities of two classes, for each row"


def as_numbers(given: Any) -> Floats:
    """What a model gave, as float64."""
    if isinstance(given, pl.Series):
        given = number_rows(given).to_numpy()
    try:
        return np.asarray(given, dtype=np.float64)
    except (TypeError, ValueError) as error:
        raise SchemaError("predictions that are no numbers", where="the trained model", expected=SHAPES) from error


def score_column(model: Any, width: int, positive: str | None) -> int:
    """Which of a model's columns is the score."""
    classes = getattr(model, "classes_", None)
    if width == 1 and classes is None and not hasattr(model, "predict_proba"):
        return 0
    if width != 2:
        what = "predictions of only one class" if width == 1 else f"predictions with {width} columns"
        raise SchemaError(what, where="the trained model", expected=SHAPES)
    if positive is None or classes is None:
        return 1
    yes = BinaryGrid(None, None, None, positive, np.empty(0)).truth(pl.Series(np.asarray(classes).tolist())) == 1
    return int(yes.argmax()) if yes.any() else 1


def class_scores(model: Any, given: Any, rows: int, classes: Sequence[str]) -> Floats:
    """float64[rows, classes]: probabilities, or 1 for the class that was said; a class that it doesn't know has 0."""
    found = np.asarray(given)
    expected = f"a class, or {len(classes)} probabilities, for each row"
    if found.shape == (rows,):
        said = pl.Series(text_rows(pl.Series(found.tolist())))
        return np.column_stack([(said == one).fill_null(value=False).to_numpy() for one in classes]).astype(np.float64)
    known = getattr(model, "classes_", classes if found.shape[-1:] == (len(classes),) else None)
    if known is None or found.shape != (rows, len(known)):
        raise SchemaError(
            f"predictions of shape {found.shape} for {rows} rows", where="the trained model", expected=expected
        )
    named = text_rows(pl.Series(np.asarray(known).tolist())).to_list()
    scores = np.zeros((rows, len(classes)))
    for place, one in enumerate(classes):
        if one in named:
            scores[:, place] = as_numbers(found[:, named.index(one)])
    return scores
