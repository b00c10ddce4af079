"""Which requests may be one frame: those of which each row means the same there as it means alone.

A column of a frame has one type. `true` among numbers would make text of them all, a fraction among whole ids would cut
the long ones: what one client sends must not change what another one meant. So a request has a *shape*, its columns
with a plain class each, and requests of one shape are joined; one that has no shape, as its values are mixed, stays
alone.
"""

from __future__ import annotations

from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import polars as pl

from retrue.server.ingest.decode import Column
from retrue.store.layout import Layout
from retrue.tables.plain import TROUBLE, as_column, from_columns

NoneType = type(None)
DTYPES: Mapping[str, type[pl.DataType]] = {
    "number": pl.Float64,
    "float": pl.Float64,
    "integer": pl.Int64,
    "text": pl.String,
    "boolean": pl.Boolean,
    "nothing": pl.Null,
}
"""Plain classes, and the type that a column of each is given."""
_EMPTY = {"Float64": "number", "Int64": "integer", "Boolean": "boolean"}
_KEPT = 10_000  # shapes of single rows that are remembered

Shape = frozenset[tuple[str, str]]


@dataclass
class Shapes:
    """The shapes of a model's rows.

    Args:
        layout: the model's roles and types.
    """

    layout: Layout
    _known: dict[Hashable, Shape | None] = field(default_factory=dict)

    def __post_init__(self) -> None:
        own = {self.layout.id_column: "String", self.layout.version_column: "String"}
        self._types = {**self.layout.types, **own, self.layout.time_column: "Datetime"}

    def of(self, columns: Mapping[str, Column], rows: int) -> Shape | None:
        """The shape of a request; None where a column's values are of several classes, or of none that is plain."""
        if rows != 1:
            return self._found({name: set(map(type, values)) for name, values in columns.items()})
        key = (*columns, *(type(values[0]) for values in columns.values()))
        if key not in self._known:
            if len(self._known) >= _KEPT:
                self._known.clear()
            self._known[key] = self._found({name: {type(values[0])} for name, values in columns.items()})
        return self._known[key]

    def _found(self, kinds: Mapping[str, set[type]]) -> Shape | None:
        classes = {name: self.plain(name, found) for name, found in kinds.items()}
        return frozenset((name, one) for name, one in classes.items() if one) if all(classes.values()) else None

    def plain(self, name: str, found: set[type]) -> str | None:
        """The class of a column, from the types of its values.

        >>> Shapes(Layout(id="k", types={"x": "Float64"})).plain("x", {int, float, NoneType})
        'number'
        >>> Shapes(Layout(id="k")).plain("k", {int, float}) is None
        True
        """
        kinds, to = found - {NoneType}, self._types.get(name)
        measured = to == "Float64" or (to is None and name != self.layout.label)
        if not kinds:
            return _EMPTY.get(to, "text") if to else "nothing"
        if kinds <= {int, float} and measured:
            return "number"
        return _PLAIN.get(next(iter(kinds))) if len(kinds) == 1 else None


_PLAIN: Mapping[type, str] = {int: "integer", float: "float", str: "text", bool: "boolean"}


def joined(requests: Sequence[Mapping[str, Column]], shape: Shape) -> pl.DataFrame:
    """The rows of requests of one shape, in their order."""
    if len(requests) == 1:
        return pl.DataFrame([series(name, plain, requests[0][name]) for name, plain in sorted(shape)])
    columns = {name: [value for one in requests for value in one[name]] for name, _ in shape}
    return pl.DataFrame([series(name, plain, columns[name]) for name, plain in sorted(shape)])


def alone(columns: Mapping[str, Column]) -> pl.DataFrame:
    """The rows of a request without a shape."""
    return from_columns(columns)


def series(name: str, plain: str, values: list[Any]) -> pl.Series:
    """A column of a plain class."""
    try:
        return pl.Series(name, values, dtype=DTYPES[plain](), strict=plain != "number")
    except TROUBLE:  # such as a whole number that 64 bits can't hold
        return as_column(name, values)
