"""`Column`: a name, what kind of values it holds, and why we think so."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Any

from retrue.errors import SchemaError, nearest


class Kind(StrEnum):
    """What the values of a column are to the model, whatever type they are stored in."""

    NUMERIC = "numeric"
    CATEGORICAL = "categorical"
    BOOLEAN = "boolean"
    DATETIME = "datetime"
    TEXT = "text"
    EMBEDDING = "embedding"
    IMAGE = "image"
    ID = "id"
    CONSTANT = "constant"
    EMPTY = "empty"


UNPROFILED = frozenset({Kind.ID, Kind.TEXT, Kind.EMBEDDING, Kind.IMAGE, Kind.EMPTY})
"""Kinds that get no grid of their own."""


@dataclass(frozen=True)
class Column:
    """One column of an event.

    Attributes:
        name: as in the table.
        kind: what its values are.
        dtype: the Polars dtype as text, such as `Float64`.
        reason: why this kind, in words.
        projections: what the column is looked at through (see `retrue.core.project`); None: the usual ones of its kind.
    """

    name: str
    kind: Kind
    dtype: str
    reason: str
    projections: tuple[str, ...] | None = None

    def to_dict(self) -> dict[str, Any]:
        """Plain values; no projections where none are named."""
        values: dict[str, Any] = {"name": self.name, "kind": str(self.kind), "dtype": self.dtype, "reason": self.reason}
        return values if self.projections is None else values | {"projections": list(self.projections)}


def kind_named(text: str, column: str) -> Kind:
    """The kind called `text`.

    Raises:
        SchemaError: there is none; the nearest is named.

    >>> kind_named("numeric", "x")
    <Kind.NUMERIC: 'numeric'>
    """
    try:
        return Kind(text)
    except ValueError:
        known = ", ".join(Kind)
        hint = nearest(str(text), list(Kind))
        raise SchemaError(f"unknown kind {text!r}", where=f"column {column!r}", expected=known, hint=hint) from None


def overridden(columns: tuple[Column, ...], kinds: Mapping[str, str]) -> tuple[Column, ...]:
    """The same columns, some with the kind that the user wants.

    Raises:
        SchemaError: an unknown column or kind, or a kind that values of that type can't have.
    """
    known = [column.name for column in columns]
    for name in kinds:
        if name not in known:
            raise SchemaError(f"unknown column {name!r}", where="kinds", hint=nearest(name, known))
    return tuple(set_by_hand(column, kinds[column.name]) if column.name in kinds else column for column in columns)


def set_by_hand(column: Column, kind: str) -> Column:
    """The column with the kind that the user wants."""
    wanted = kind_named(kind, column.name)
    flat = {Kind.NUMERIC, Kind.CATEGORICAL, Kind.BOOLEAN, Kind.DATETIME}
    if wanted in flat and column.dtype.startswith(("List", "Array", "Struct", "Binary", "Object")):
        raise SchemaError(
            f"column {column.name!r} can't be {wanted}",
            where="kinds",
            expected=f"a flat column, not {column.dtype}",
            hint="turn it into a column of its own first",
        )
    return replace(column, kind=wanted, reason="set by hand")


def projected(columns: tuple[Column, ...], projections: Mapping[str, Sequence[str]]) -> tuple[Column, ...]:
    """The same columns, some with the projections that the user wants.

    Raises:
        SchemaError: an unknown column, or projections that aren't names.
    """
    known = [column.name for column in columns]
    for name, wanted in projections.items():
        if name not in known:
            raise SchemaError(f"unknown column {name!r}", where="projections", hint=nearest(name, known))
        if isinstance(wanted, str | Mapping) or not all(isinstance(one, str) for one in wanted):
            expected = "a list of names, such as ['words', 'oov_share']"
            raise SchemaError(f"projections of {name!r} are {wanted!r}", where="projections", expected=expected)
    return tuple(
        replace(column, projections=tuple(projections[column.name])) if column.name in projections else column
        for column in columns
    )
