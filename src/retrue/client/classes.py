"""Scores of classes that an answer names, as a model's columns: `{"classes": ["no", "yes"], "scores": [0.2, 0.8]}`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from retrue.adapters.capture import BadDocumentError
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
    own, known = known_classes(schema, scores) if schema is not None else ({}, ())
    row |= {own[name]: scores[name] for name in left if name in own and own[name] not in row}
    if schema is not None and not row:
        classes = ", ".join(map(repr, scores))
        raise BadDocumentError(
            f"scores of the classes {classes}", expected=f"those of {', '.join(map(repr, schema.classes))}",
            hint=f"name the score's column: {SAID}_CLASS=COLUMN",
        )  # fmt: skip
    return {f"{SAID}_{name}": scores[name] for name in left if name not in own and name not in known} | row


def known_classes(schema: Schema, scores: Mapping[str, float]) -> tuple[dict[str, str], tuple[str, ...]]:
    """The model's column for each class that has one, and all classes that it knows."""
    from retrue.schema.task import NO, YES

    if isinstance(schema.score, Mapping):
        return dict(schema.score), schema.classes
    positive, known = str(schema.positive), schema.classes
    if not set(scores) & {positive, *known}:
        yes = [name for name in scores if name.lower() in YES]
        no = [name for name in scores if name.lower() in NO]
        positive, known = (yes[0], (*no, *yes)) if len(yes) == 1 == len(no) else (positive, known)
    return {positive: str(schema.score)}, known
