"""The two sides of a comparison: their rows, and what was predicted and true of each under the same names on both."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace

import polars as pl

from retrue.errors import SchemaError, TableError
from retrue.schema import Schema, Task
from retrue.server.api.compare import Part, rows_of
from retrue.workspace import Model

OWN = "\0"
"""How our own names of outcome columns begin: no column of anybody's does."""
SHOWN = 6
"""The most classes that a message names."""


@dataclass(frozen=True)
class Side:
    """One of the two, as it is called: a model's rows, with what it predicted and what was true under our own names."""

    name: str
    model: Model
    frame: pl.DataFrame


def side_of(model: Model, part: Part, called: str) -> Side:
    """The rows that are meant, and what is known of each.

    Raises:
        RetrueError: there are no such rows.
    """
    try:
        frame = rows_of(model, part)
    except TableError as error:
        hint = "choose a version that has served, another time or another slice"
        raise TableError(f"no rows on side {called}", hint=hint) from error
    known = [(role, name) for role, name in outcomes_of(model.schema).items() if name in frame.columns]
    return Side(called, model, frame.with_columns(pl.col(name).alias(OWN + role) for role, name in known))


def outcomes_of(schema: Schema) -> dict[str, str]:
    """The columns that performance is told from, by names that are the same for every model.

    A score is one column, or one for each class; of two classes it is that of the positive one.
    """
    found = {"label": schema.label, "prediction": schema.prediction}
    if not isinstance(schema.score, Mapping):
        found["score"] = schema.score
    elif schema.task is Task.BINARY:
        found["score"] = schema.score.get(schema.positive or "")
    else:
        found |= {f"score {each}": name for each, name in schema.score.items()}
    return {role: name for role, name in found.items() if name is not None}


def outcome_schema(schema: Schema, roles: Collection[str]) -> Schema:
    """What a table of nothing but some outcomes looks like: the task, classes and positive class are the model's.

    Args:
        schema: the model's.
        roles: those of `outcomes_of` that both sides have.
    """
    own = {role: name for role, name in outcomes_of(schema).items() if role in roles}
    by_class = {role.removeprefix("score "): role for role in own if role.startswith("score ")}
    return Schema(
        tuple(replace(schema.named[name], name=role) for role, name in own.items()),
        label="label",
        prediction="prediction" if "prediction" in own else None,
        score="score" if "score" in own else by_class or None,
        task=schema.task,
        positive=schema.positive,
        classes=schema.classes,
        timezone=schema.timezone,
    )


def check_alike(first: Side, second: Side) -> None:
    """See that both predict the same, so that one can be better than the other.

    Raises:
        SchemaError: label, task, classes or positive class differ.
    """
    one, other = first.model.schema, second.model.schema
    for what, before, after in (
        ("label", [one.label], [other.label]),
        ("task", [one.task], [other.task]),
        ("classes", sorted(one.classes), sorted(other.classes)),
        ("positive class", [one.positive], [other.positive]),
    ):
        if before != after:
            verb = "differ" if what == "classes" else "differs"
            raise SchemaError(
                f"which is better can't be told: the {what} {verb}, {said(before)} on side {first.name}, "
                f"{said(after)} on side {second.name}",
                expected="two sides with the same label, task, classes and positive class",
                hint="choose versions, times or slices of one model, or two models that predict the same",
            )


def said(values: Sequence[object]) -> str:
    """Some values in words.

    >>> said(["no", "yes"]), said([None]), said("abcdefgh")
    ("'no', 'yes'", 'none', "'a', 'b', 'c', 'd', 'e', 'f' and 2 more")
    """
    known = [repr(str(one)) for one in values if one is not None]
    more = f" and {len(known) - SHOWN} more" if len(known) > SHOWN else ""
    return ", ".join(known[:SHOWN]) + more or "none"
