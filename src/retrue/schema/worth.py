"""What predictions are worth: a value for each pair of label and prediction, in money or any other unit."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any, Final, TypeAlias

from retrue.errors import SchemaError, nearest
from retrue.schema.task import Task

ValueMatrix: TypeAlias = Mapping[str, float] | Mapping[str, Mapping[str, float]]
"""Of a binary task what tp, fp, fn and tn are worth; of a multiclass task, by label, what each prediction is."""

CELLS: Final = ("tn", "fp", "fn", "tp")
"""The cells of a binary task: label 0 predicted 0 and 1, then label 1."""
WHERE: Final = "value_matrix"


def check_value_matrix(given: Any, task: Task | None, classes: Sequence[str]) -> None:
    """Raise SchemaError unless a value matrix fits the task.

    >>> check_value_matrix({"tp": 100.0, "fp": -5.0}, Task.BINARY, ("0", "1"))
    """
    if not isinstance(given, Mapping) or not given:
        raise SchemaError(f"{given!r}", where=WHERE, expected='a table such as {"tp": 100, "fp": -5}')
    if task == Task.BINARY:
        check_row(given, CELLS, WHERE)
    elif task == Task.MULTICLASS:
        check_names(given, classes, WHERE)
        for label, row in given.items():
            check_row(row, classes, f"{WHERE} of label {label!r}")
    else:
        raise SchemaError(
            f"a value matrix of a {task or 'model without a'} task",
            where=WHERE,
            expected="a binary or multiclass task",
            hint="a column of money is a role of its own: value=",
        )
    if not worth_of(given, classes if task == Task.MULTICLASS else None):
        raise SchemaError("everything is worth 0", where=WHERE, expected="at least one cell of another worth")


def check_row(row: Any, known: Sequence[str], where: str) -> None:
    """Raise SchemaError unless all names are known and all worths finite numbers."""
    if not isinstance(row, Mapping):
        raise SchemaError(f"{row!r}", where=where, expected=f"a table of {', '.join(known)}")
    check_names(row, known, where)
    for name, worth in row.items():
        if isinstance(worth, bool) or not isinstance(worth, int | float) or not math.isfinite(worth):
            raise SchemaError(f"{name} is worth {worth!r}", where=where, expected="a finite number")


def check_names(given: Mapping[Any, Any], known: Sequence[str], where: str) -> None:
    """Raise SchemaError for a name that isn't known, and name the nearest."""
    for name in given:
        if name not in known:
            raise SchemaError(f"{name!r}", where=where, expected=", ".join(known), hint=nearest(str(name), known))


def worth_of(given: ValueMatrix, classes: Sequence[str] | None = None) -> list[list[float]]:
    """What each prediction (inner) of each label (outer) is worth; what isn't named is worth 0. Empty where all are.

    Args:
        given: a value matrix that fits.
        classes: those of a multiclass task; None for a binary one.

    >>> worth_of({"tp": 100.0, "fp": -5.0})
    [[0.0, -5.0], [0.0, 100.0]]
    >>> worth_of({"cat": {"dog": -1.0}}, ["cat", "dog"])
    [[0.0, -1.0], [0.0, 0.0]]
    """
    rows: Any = (
        given if classes is not None else {"0": by_prediction(given, "tn", "fp"), "1": by_prediction(given, "fn", "tp")}
    )
    names = ("0", "1") if classes is None else classes
    found = [[float(rows.get(label, {}).get(name, 0.0)) for name in names] for label in names]
    return found if any(map(any, found)) else []


def by_prediction(given: Any, negative: str, positive: str) -> dict[str, float]:
    """Two cells of one label, by the prediction."""
    return {"0": given.get(negative, 0.0), "1": given.get(positive, 0.0)}


def plain_matrix(given: ValueMatrix | None) -> dict[str, Any] | None:
    """A value matrix as plain values."""
    if given is None:
        return None
    return {name: dict(row) if isinstance(row, Mapping) else float(row) for name, row in given.items()}
