"""Segments: the slices that a slice column parts the events into, one for each of its frequent values."""

from __future__ import annotations

from typing import Any

from retrue.core.column import ColumnProfile
from retrue.core.grid import CategoricalGrid
from retrue.core.profile import Profile
from retrue.errors import SchemaError
from retrue.schema import Schema
from retrue.slices import Slice

SEGMENTS = 12
"""How many of a slice column's most frequent values are watched by themselves."""


def segments(schema: Schema, profile: Profile, least: int = 1) -> list[Slice]:
    """The slices of the frequent values of each slice column, the most frequent first.

    Args:
        schema: names the slice columns.
        profile: of the reference.
        least: a value with fewer rows in the reference is left out.

    Raises:
        SchemaError: a slice column isn't categorical.
    """
    return [part for column in schema.slices for part in parts_of(schema, column, profile.columns.get(column), least)]


def parts_of(schema: Schema, column: str, profile: ColumnProfile | None, least: int) -> list[Slice]:
    """The slices of one column's frequent values."""
    if profile is None or not isinstance(profile.grid, CategoricalGrid):
        raise SchemaError(
            f"slice column {column!r} isn't categorical",
            expected="a column with few distinct values",
            hint=f"give kinds={{{column!r}: 'categorical'}} (--kind {column}=categorical), or a rule about the slice",
        )
    names = profile.grid.categories[:SEGMENTS]
    frequent = [name for name, rows in zip(names, profile.counts, strict=False) if rows >= least]
    return [Slice.equals(column, value) for value in typed(frequent, schema.column(column).dtype)]


def typed(names: list[str], dtype: str) -> list[Any]:
    """Categories in the column's own type.

    >>> typed(["true"], "Boolean"), typed(["7"], "UInt8"), typed(["7.5"], "Float64"), typed(["7"], "String")
    ([True], [7], [7.5], ['7'])
    """
    if dtype == "Boolean":
        return [name == "true" for name in names]
    if dtype.startswith(("Int", "UInt")):
        return [int(name) for name in names]
    return [float(name) for name in names] if dtype.startswith("Float") else list(names)
