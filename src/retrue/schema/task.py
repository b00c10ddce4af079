"""The task of a model, its classes and its positive class, from its label, prediction and score."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum

import polars as pl

from retrue.errors import SchemaError, nearest
from retrue.schema.column import Column, Kind
from retrue.schema.numbers import MANY, whole
from retrue.schema.roles import Roles
from retrue.schema.values import present, text_of

YES = ("1", "true", "yes", "y", "t", "positive", "pos")
"""Texts that mean the positive class, the likeliest first."""
NO = ("0", "false", "no", "n", "f", "negative", "neg")
"""Their opposites, in the same order."""


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
    outcomes: Mapping[str, pl.Series],
    task: str | None,
    positive: str | None,
    leaning: str | None = None,
) -> Target:
    """Find the task, the classes and the positive class.

    Args:
        roles: which column is what.
        columns: the columns of the table by name, with their kinds.
        outcomes: the values of the label and the prediction, where the table has them.
        task: what the user says it is.
        positive: the label value that the user calls positive.
        leaning: the label whose rows have the higher scores, where that is known.

    Raises:
        SchemaError: label, score and prediction don't fit a task, or don't fit the one that the user names.
    """
    found, reason = (task_named(task), "said so") if task is not None else guess_task(roles, columns, outcomes)
    if found == Task.BINARY:
        return binary(class_texts(roles, outcomes), roles, positive, reason, leaning)
    if positive is not None:
        raise SchemaError(f"positive={positive!r} for {found or 'no task'}", expected="a binary task")
    if found == Task.MULTICLASS:
        return multiclass(class_texts(roles, outcomes), roles, reason)
    if found == Task.REGRESSION and roles.score is not None:
        expected = "prediction=, the number that the model said; a score is the probability of a class"
        raise SchemaError("a score in a regression", where=f"score {roles.score!r}", expected=expected)
    return Target(found, reason=reason)


def guess_task(
    roles: Roles, columns: Mapping[str, Column], outcomes: Mapping[str, pl.Series]
) -> tuple[Task | None, str]:
    """The task that label, score and prediction tell, and why."""
    if isinstance(roles.score, Mapping):
        return (Task.BINARY if len(roles.score) == 2 else Task.MULTICLASS), f"{len(roles.score)} classes have a score"
    label = None if roles.label is None else columns.get(roles.label)
    prediction = None if roles.prediction is None else columns.get(roles.prediction)
    if any(column is not None and column.dtype.startswith(("List", "Array")) for column in (label, prediction)):
        return Task.RANKING, "lists of items"
    label_task = None if label is None or label.kind == Kind.EMPTY else outcome_task(label, outcomes, "label")
    if prediction is not None and fractional(outcomes[prediction.name]):
        return task_of_fractions(prediction.name, label_task)
    if label_task is not None:
        return label_task
    if roles.score is not None:
        return Task.BINARY, "one score and no label yet"
    if prediction is not None:
        return outcome_task(prediction, outcomes, "prediction")
    return None, "no label, prediction or score"


def task_of_fractions(prediction: str, label_task: tuple[Task, str] | None) -> tuple[Task, str]:
    """The task of a model whose predictions have fractions.

    Raises:
        SchemaError: the label has classes, so that the fractions must be probabilities.
    """
    if label_task is not None and label_task[0] == Task.BINARY:
        hint = f"if it is the probability of a class, say score={prediction!r}; if not, task='regression'"
        raise SchemaError(f"prediction {prediction!r} has fractions, and {label_task[1]}", hint=hint)
    return Task.REGRESSION, f"prediction {prediction!r} has fractions"


def fractional(values: pl.Series) -> bool:
    """Tell whether values are numbers that aren't all whole."""
    if values.dtype.is_decimal():
        return True
    return values.dtype.is_float() and not whole(present(values))


def outcome_task(column: Column, outcomes: Mapping[str, pl.Series], role: str) -> tuple[Task, str]:
    """The task that the values of a label or prediction tell."""
    values = present(outcomes[column.name])
    what, distinct = f"{role} {column.name!r}", values.n_unique()
    if fractional(values):
        return Task.REGRESSION, f"{what} has fractions"
    if distinct <= 2:
        return Task.BINARY, f"{what} has {distinct} value{'s' if distinct != 1 else ''}"
    if column.kind in (Kind.NUMERIC, Kind.DATETIME) or (column.kind == Kind.ID and values.dtype.is_numeric()):
        return Task.REGRESSION, f"{what} is numeric"
    return Task.MULTICLASS, f"{what} has {distinct:,} classes"


def class_texts(roles: Roles, outcomes: Mapping[str, pl.Series]) -> tuple[str, ...]:
    """The distinct labels and predictions, sorted by value, as text."""
    texts: dict[str, None] = {}
    for column in (roles.label, roles.prediction):
        if column is not None and column in outcomes:
            texts |= dict.fromkeys(text_of(value) for value in sorted_values(outcomes[column]))
    return tuple(texts)


def sorted_values(values: pl.Series) -> list[object]:
    """Distinct values in their order; categories in the order of their texts."""
    if isinstance(values.dtype, pl.Categorical | pl.Enum):
        values = values.cast(pl.String)
    found: list[object] = present(values).unique().sort().to_list()
    return found


def binary(
    labels: Sequence[str], roles: Roles, positive: str | None, reason: str, leaning: str | None = None
) -> Target:
    """The two classes, the negative one first.

    Raises:
        SchemaError: there are more than two, or `positive` is none of them.
    """
    if isinstance(roles.score, Mapping):
        labels = tuple(dict.fromkeys([*labels, *roles.score]))
    if len(labels) > 2:
        raise SchemaError(
            f"{len(labels):,} classes in a binary task",
            where=", ".join(map(repr, labels[:5])),
            expected="two",
            hint="for more classes give score={'class': 'column', ...}; for numbers say task='regression'",
        )
    if positive is not None and len(labels) == 2 and text_of(positive) not in labels:
        raise SchemaError(f"unknown class positive={positive!r}", expected=" or ".join(map(repr, labels)))
    chosen, why = (text_of(positive), "said so") if positive is not None else default_positive(labels, leaning)
    other = next((label for label in labels if label != chosen), opposite(chosen))
    return Target(Task.BINARY, chosen, (other, chosen), f"{reason}; {chosen!r} counts as positive: {why}")


def default_positive(labels: Sequence[str], leaning: str | None = None) -> tuple[str, str]:
    """The class that counts as 1, and why; `leaning` is the one with the higher scores.

    >>> default_positive(("0", "1")), default_positive(("1", "2"), leaning="2")
    (('1', 'it means yes'), ('2', 'its scores are higher'))
    """
    yes = [label for text in YES for label in labels if label.lower() == text]
    others_mean_no = all(label.lower() in NO for label in labels if label not in yes[:1])
    if yes and others_mean_no:
        return yes[0], "it means yes"
    if len(labels) == 2 and leaning in labels:
        return str(leaning), "its scores are higher"
    if len(labels) == 2:
        return labels[1], "it is the greater one; say positive= otherwise"
    if labels and labels[0].lower() in NO:
        return opposite(labels[0]), f"only {labels[0]!r} was seen"
    return (labels[0], "no other was seen") if labels else ("1", "no label was seen")


def opposite(label: str) -> str:
    """The other class, where only one was seen."""
    both = dict(zip(YES, NO, strict=True)) | dict(zip(NO, YES, strict=True))
    return both.get(label.lower(), f"not {label}")


def multiclass(labels: Sequence[str], roles: Roles, reason: str) -> Target:
    """All classes that were seen or have a score.

    Raises:
        SchemaError: one score for all classes, or more classes than a confusion matrix can hold.
    """
    if isinstance(roles.score, str):
        raise SchemaError(
            f"one score column and {len(labels):,} classes",
            where=f"score {roles.score!r}",
            expected="a score for each class",
            hint="score={'class': 'column', ...}; for two classes say task='binary', for numbers prediction=",
        )
    classes = tuple(dict.fromkeys([*labels, *(roles.score or {})]))
    if len(classes) > MANY:
        hint = "a label that is a number wants task='regression'; group rare classes otherwise"
        raise SchemaError(f"{len(classes):,} classes", where=f"label {roles.label!r}", expected=f"<= {MANY}", hint=hint)
    return Target(Task.MULTICLASS, None, classes, reason)
