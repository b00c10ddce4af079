"""Scores of classes that an answer names, as a model's columns: `{"classes": ["no", "yes"], "scores": [0.2, 0.8]}`."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import TYPE_CHECKING

from retrue.client.calls import OUTPUT, Row

if TYPE_CHECKING:
    from retrue.schema import Schema

SAID = OUTPUT[1:]
"""What names of parts of an answer begin with, where they have no place in the model."""


def class_columns(scores: Mapping[str, float], schema: Schema | None, columns: Mapping[str, str]) -> Row:
    """Each score under the model's column for its class, or under the column that `columns` names for it.

    Without a model each is `output_CLASS`; so is the score of a class that the model doesn't know. Of two classes that
    are called otherwise than in the model, the one that means yes has the score. A model without a score gets the class
    with the highest one as its prediction.

    Raises:
        BadDocumentError: it doesn't say which of them the model's score is.

    >>> class_columns({"no": 0.2, "yes": 0.8}, None, {"output_yes": "p"})
    {'output_no': 0.2, 'p': 0.8}
    """
    named = {name: columns.get(f"{SAID}_{name}") for name in scores}
    row: Row = {column: scores[name] for name, column in named.items() if column is not None}
    left = [name for name, column in named.items() if column is None]
    if schema is not None and not schema.scores:
        return {OUTPUT: max(scores, key=lambda name: scores[name]), **row}
    own, known = known_classes(score_columns(schema), schema.classes, scores) if schema is not None else ({}, ())
    row |= {own[name]: scores[name] for name in left if name in own and own[name] not in row}
    if schema is not None and not row:
        from retrue.adapters.capture import BadDocumentError  # which needs Polars; `naming` is here without it

        classes = ", ".join(map(repr, scores))
        raise BadDocumentError(
            f"scores of the classes {classes}", expected=f"those of {', '.join(map(repr, schema.classes))}",
            hint=f"name the score's column: {SAID}_CLASS=COLUMN",
        )  # fmt: skip
    return {f"{SAID}_{name}": scores[name] for name in left if name not in own and name not in known} | row


def score_columns(schema: Schema) -> dict[str, str]:
    """The model's column for the score of each class that has one."""
    if isinstance(schema.score, Mapping):
        return dict(schema.score)
    return {} if schema.score is None else {str(schema.positive): schema.score}


def known_classes(
    columns: Mapping[str, str], labels: Sequence[str], told: Collection[str]
) -> tuple[Mapping[str, str], Sequence[str]]:
    """The score's column by class, and all classes, as an answer calls them.

    Where it calls both classes of a model with one score otherwise, the one that means yes has the score.

    >>> known_classes({"1": "p"}, ("0", "1"), ["negative", "positive"])
    ({'positive': 'p'}, ('negative', 'positive'))
    """
    from retrue.schema.task import NO, YES

    if len(columns) == 1 and not set(told) & {*columns, *labels}:
        yes = [name for name in told if name.lower() in YES]
        no = [name for name in told if name.lower() in NO]
        if len(yes) == 1 == len(no):
            return {yes[0]: next(iter(columns.values()))}, (*no, *yes)
    return columns, labels
