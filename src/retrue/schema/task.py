"""The task of a model, its classes and its positive class, from its label, prediction and score."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum

import polars as pl

from retrue.errors import SchemaError, nearest
from retrue.schema.column import Column, Kind
from retrue.schema.roles import Roles
from retrue.schema.values import text_of

YES = ("1", "true", "yes", "y", "t", "positive", "pos")
"""Texts that mean the positive class, the likeliest first."""


class Task(StrEnum):
    """What a model predicts."""

    BINARY = "binary"
    MULTICLASS = "multiclass"
    REGRESSION = "regression"
    RANKING = "ranking"


@dataclass(frozen=True)
class Target:
    """What a model predicts, in full.

    Attributes:
        task: the task, None where neither label nor prediction nor score is there.
        positive: the label that counts as 1 in a binary task, as text.
        classes: the labels as text; for a binary task the negative one first.
        reason: why, in words.
    """

    task: Task | None
    positive: str | None = None
    classes: tuple[str, ...] = ()
    reason: str = ""


def task_named(text: str) -> Task:
    """The task called `text`.

    Raises:
        SchemaError: there is none; the nearest is named.
    """
    try:
        return Task(text)
    except ValueError:
        known = ", ".join(Task)
        raise SchemaError(f"unknown task {text!r}", expected=known, hint=nearest(str(text), list(Task))) from None


def find_target(
    roles: Roles,
    columns: Mapping[str, Column],
    values: Mapping[str, pl.Series],
    task: str | None,
    positive: str | None,
) -> Target:
    """Find the task, the classes and the positive class.

    Args:
        roles: which column is what.
        columns: the columns of the table by name, with their kinds.
        values: a sample of the label and the prediction, where the table has them.
        task: what the user says it is.
        positive: the label value that the user calls positive.

    Raises:
        SchemaError: label, score and prediction don't fit a task, or don't fit the one that the user names.
    """
    found, reason = (task_named(task), "said so") if task is not None else guess_task(roles, columns, values)
    if found in (Task.BINARY, Task.MULTICLASS):
        labels = label_texts(roles, values)
        if found == Task.BINARY:
            return binary(labels, roles, positive, reason)
        return multiclass(labels, roles, reason)
    if positive is not None:
        raise SchemaError(f"positive={positive!r} for {found or 'no task'}", expected="a binary task")
    if isinstance(roles.score, Mapping):
        raise SchemaError(f"a score for each class, and {found or 'no task'}", expected="task binary or multiclass")
    return Target(found, reason=reason)


def guess_task(roles: Roles, columns: Mapping[str, Column], values: Mapping[str, pl.Series]) -> tuple[Task | None, str]:
    """The task that label, score and prediction tell, and why."""
    if isinstance(roles.score, Mapping):
        return (Task.BINARY if len(roles.score) == 2 else Task.MULTICLASS), f"{len(roles.score)} classes have a score"
    label = columns.get(roles.label or "")
    prediction = columns.get(roles.prediction or "")
    if any(column is not None and column.dtype.startswith(("List", "Array")) for column in (label, prediction)):
        return Task.RANKING, "lists of items"
    if prediction is not None and fractional(values[prediction.name]):
        return Task.REGRESSION, f"prediction {prediction.name!r} has fractions"
    if label is not None and label.kind != Kind.EMPTY:
        return task_of_outcome(label, values[label.name], "label")
    if roles.score is not None:
        return Task.BINARY, "one score and no label yet"
    if prediction is not None:
        return task_of_outcome(prediction, values[prediction.name], "prediction")
    return None, "no label, prediction or score"


def fractional(values: pl.Series) -> bool:
    """Tell whether values are floats that aren't all whole."""
    if values.dtype.is_decimal():
        return True
    return values.dtype.is_float() and not bool((values == values.round()).drop_nulls().all())


def task_of_outcome(column: Column, values: pl.Series, role: str) -> tuple[Task, str]:
    """The task that the values of a label or prediction tell."""
    distinct = values.drop_nulls().n_unique()
    what = f"{role} {column.name!r}"
    if distinct <= 2 and not fractional(values):
        return Task.BINARY, f"{what} has {distinct} values"
    if column.kind in (Kind.NUMERIC, Kind.DATETIME) or (column.kind == Kind.ID and values.dtype.is_numeric()):
        return Task.REGRESSION, f"{what} is numeric"
    return Task.MULTICLASS, f"{what} has {distinct:,} classes"


def label_texts(roles: Roles, values: Mapping[str, pl.Series]) -> tuple[str, ...]:
    """The distinct labels and predictions, sorted by value, as text."""
    texts: dict[str, None] = {}
    for column in (roles.label, roles.prediction):
        if column in values:
            series = values[column]
            clean = series.drop_nulls().drop_nans() if series.dtype.is_float() else series.drop_nulls()
            texts |= dict.fromkeys(text_of(value) for value in distinct_values(clean))
    return tuple(texts)


def distinct_values(values: pl.Series) -> list[object]:
    """Distinct values in their order; categories by their text."""
    if isinstance(values.dtype, pl.Categorical | pl.Enum):
        values = values.cast(pl.String)
    found: list[object] = values.unique().sort().to_list()
    return found


def binary(labels: Sequence[str], roles: Roles, positive: str | None, reason: str) -> Target:
    """The two classes, the negative one first."""
    if isinstance(roles.score, Mapping):
        labels = tuple(dict.fromkeys([*labels, *map(str, roles.score)]))
    if len(labels) > 2:
        raise SchemaError(
            f"{len(labels):,} classes in a binary task: {', '.join(map(repr, labels[:5]))} ...",
            expected="two",
            hint="for more classes give score as {class: column}, for numbers say task='regression' with prediction=",
        )
    if positive is not None and labels and str(positive) not in labels and len(labels) == 2:
        raise SchemaError(f"unknown class positive={positive!r}", expected=" or ".join(map(repr, labels)))
    chosen, why = (text_of(positive), "said so") if positive is not None else default_positive(labels)
    other = next((label for label in labels if label != chosen), opposite(chosen))
    return Target(Task.BINARY, chosen, (other, chosen), f"{reason}; {chosen!r} counts as positive: {why}")


def default_positive(labels: Sequence[str]) -> tuple[str, str]:
    """The class that counts as 1, and why."""
    for yes in YES:
        match = next((label for label in labels if label.lower() == yes), None)
        if match is not None:
            return match, "it means yes"
    if len(labels) == 2:
        return labels[1], "it is the greater one; say positive= otherwise"
    if labels and labels[0].lower() in {"0", "false", "no", "n", "f", "negative", "neg"}:
        return opposite(labels[0]), f"only {labels[0]!r} was seen"
    return (labels[0], "no other was seen") if labels else ("1", "no label was seen")


def opposite(label: str) -> str:
    """The other class, when only one was seen."""
    pairs = {"1": "0", "true": "false", "yes": "no", "y": "n", "t": "f", "positive": "negative", "pos": "neg"}
    both = pairs | {no: yes for yes, no in pairs.items()}
    return both.get(label.lower(), f"not {label}")


def multiclass(labels: Sequence[str], roles: Roles, reason: str) -> Target:
    """All classes that were seen or have a score."""
    if isinstance(roles.score, str):
        raise SchemaError(
            f"one score column and {len(labels):,} classes",
            where=f"score {roles.score!r}",
            expected="a score for each class",
            hint="score={'class': 'column', ...}; for two classes say task='binary', for numbers prediction=",
        )
    scored = [str(name) for name in roles.score] if isinstance(roles.score, Mapping) else []
    return Target(Task.MULTICLASS, None, tuple(dict.fromkeys([*labels, *scored])), reason)
