"""What the store must know of a model: which column plays which role, and the type each column has in the lake.

A column's type is fixed by the model's schema or, for a column the schema doesn't know, by the first batch that
brings it; later values are cast to it, and a row that can't be is set aside. The types are those that every reader of
Delta understands: numbers of kind numeric are Float64 (an integer column that turns out to have fractions is then no
broken row), times are UTC microseconds, anything without a plain form becomes text.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

import polars as pl

from retrue.errors import SchemaError, StoreError
from retrue.schema import Kind, Schema, Task
from retrue.store.plain import holds_odd

SYSTEM = ("_seq", "_at", "_n", "_h", "_date", "_from", "_probability", "_content")
"""Columns the lake adds: segment, arrival, order in the segment, hash of the id, date of the event, copied from, how
probable it was that the row is kept whole, hash of what wasn't kept."""

LENT = ("_label_at",)
"""Columns that reading adds to events."""

UTC = pl.Datetime("us", "UTC")

_SCALARS: Mapping[str, pl.DataType] = {
    "Float64": pl.Float64(),
    "Int64": pl.Int64(),
    "Boolean": pl.Boolean(),
    "String": pl.String(),
    "Binary": pl.Binary(),
    "Date": pl.Date(),
    "Datetime": UTC,
}


@dataclass(frozen=True)
class Layout:
    """Roles and types of a model's events.

    Args:
        id: the id column; without one each row is its own identity and labels can't be joined.
        time: the event time; without one the arrival time is the event time.
        version: the model version; without one the version given to `append` is used.
        label: the truth that comes later.
        timezone: what naive times are in.
        window: length of the base window in seconds.
        types: lake types of the columns that the schema knows.
        privacy: columns that aren't kept as they come, and how (see `store.privacy`).
        keep: which rows are kept whole (see `store.keeping`); empty: all.
    """

    id: str | None = None
    time: str | None = None
    version: str | None = None
    label: str | None = None
    timezone: str = "UTC"
    window: int = 86_400
    types: Mapping[str, str] = field(default_factory=dict)
    privacy: Mapping[str, str] = field(default_factory=dict)
    keep: Mapping[str, Any] = field(default_factory=dict)

    @property
    def id_column(self) -> str:
        """Name of the id in the lake."""
        return self.id or "_id"

    @property
    def time_column(self) -> str:
        """Name of the event time in the lake."""
        return self.time or "_time"

    @property
    def version_column(self) -> str:
        """Name of the version in the lake."""
        return self.version or "_version"

    @property
    def timed(self) -> bool:
        """Whether events say when they were made; else their time in the lake is that of their arrival."""
        return self.time is not None

    @property
    def identity(self) -> tuple[str, ...]:
        """The columns that tell events apart: without a time of its own, an id is the same event on any date."""
        own = (self.version_column, self.id_column)
        return (*own, "_date") if self.timed or self.id is None else own

    @property
    def label_column(self) -> str:
        """Name of the label in the lake."""
        return self.label or "_label"

    @property
    def label_type(self) -> pl.DataType:
        """The label's type in the lake, as the schema has it; Null where the schema doesn't know."""
        return polars_type(self.types[self.label_column]) if self.label_column in self.types else pl.Null()

    def wanted_type(self, name: str) -> pl.DataType:
        """A column's type in the lake, as the schema has it; Null where the schema doesn't know."""
        own = {self.id_column: "String", self.version_column: "String", self.time_column: "Datetime"}
        text = own.get(name) or self.types.get(name)
        return polars_type(text) if text else pl.Null()

    @property
    def roles(self) -> tuple[str, str, str]:
        """The three columns each event has in the lake: id, event time, version."""
        return self.id_column, self.time_column, self.version_column

    @classmethod
    def of(cls, schema: Schema, window: int = 86_400) -> Layout:
        """Take roles and types from a schema; `window` is the base window in seconds."""
        numeric = {c.name for c in schema.columns if c.kind == Kind.NUMERIC} - {schema.id, schema.version}
        vectors = {c.name for c in schema.columns if c.kind in {Kind.EMBEDDING, Kind.IMAGE}}
        if schema.task != Task.REGRESSION:  # classes stay what they are: 1 and 1.0 are not the same text
            numeric -= {schema.label, schema.prediction}
        named = {c.name: lake_type(type_named(c.dtype), numeric=c.name in numeric) for c in schema.columns}
        types = {
            name: text.replace("Int64", "Float64") if name in vectors else text
            for name, text in named.items()
            if text is not None
        }
        return cls(schema.id, schema.time, schema.version, schema.label, schema.timezone, window, types)

    def to_dict(self) -> dict[str, Any]:
        """Give a form that JSON can hold."""
        return {**asdict(self), "types": dict(self.types), "privacy": dict(self.privacy), "keep": dict(self.keep)}

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> Layout:
        """Read what `to_dict` wrote.

        >>> Layout.from_dict(Layout(id="k", types={"x": "Int64"}).to_dict()).types
        {'x': 'Int64'}
        """
        return cls(**data)

    def wanted(self, frame: pl.DataFrame) -> dict[str, str]:
        """Give the lake type that each column of a frame should get; roles and known columns have theirs.

        Numbers that the schema doesn't know become Float64: the first batch may hold whole ones by chance.
        """
        own = {self.id_column: "String", self.version_column: "String", self.time_column: "Datetime"}
        named = {
            name: self.types.get(name) or lake_type(dtype, numeric=name != self.label)
            for name, dtype in frame.schema.items()
        }
        return {**{name: text for name, text in named.items() if text is not None}, **own}

    def check_names(self, names: Iterable[str]) -> None:
        """Refuse names that the lake uses itself or can't have, and names that Delta can't tell apart by their case."""
        declared = {self.id, self.time, self.version, self.label}
        own = {*SYSTEM, *LENT} | ({*self.roles, self.label_column} - declared)
        seen: dict[str, str] = {}
        for name in names:
            if "\0" in name:
                raise SchemaError(f"column {name!r} has a NUL character in its name", expected="a name without one")
            if name.lower() in own:
                raise SchemaError(f"column {name!r} is reserved", expected="a name that does not begin with '_'")
            if name.lower() in seen:
                raise SchemaError(f"columns {seen[name.lower()]!r} and {name!r} differ in case only")
            seen[name.lower()] = name

    def declared(self, kind: str) -> tuple[str, ...]:
        """Names that rows of a kind may have by the model's schema: any spelling but this one is a mistake."""
        roles = (self.id, self.label) if kind != "events" else (self.id, self.time, self.version, self.label)
        features = tuple(self.types) if kind == "events" else ()
        return tuple(dict.fromkeys(name for name in (*roles, *features) if name is not None))


def refuse_twins(names: Iterable[str], known: Iterable[str], where: str) -> None:
    """Refuse a name that differs in case only from a known one: neither Delta nor SQL can tell the two apart.

    >>> refuse_twins(["x", "z"], ["x", "y"], "events")
    """
    exact = dict.fromkeys(known)
    lower = {name.lower(): name for name in exact}
    for name in names:
        other = lower.get(name.lower())
        if other is not None and name not in exact:
            raise SchemaError(
                f"column {name!r} differs in case only from {other!r}, which is there already", where=where,
                expected=repr(other), hint=f"rename the column to {other!r}; no row of this batch was taken",
            )  # fmt: skip


def lake_type(dtype: pl.DataType, *, numeric: bool = False) -> str | None:
    """Name the lake type for a Polars type; None for a column without any value (its type isn't known yet).

    >>> lake_type(pl.Int8()), lake_type(pl.Int8(), numeric=True), lake_type(pl.List(pl.Categorical()))
    ('Int64', 'Float64', 'List(String)')
    >>> lake_type(pl.Array(pl.UInt8, (28, 28))), lake_type(pl.List(pl.Struct({"a": pl.Int8})))
    ('List(List(Int64))', 'String')
    """
    if isinstance(dtype, pl.Null):
        return None
    if dtype.is_nested():
        inner = pl.Series(dtype=dtype.inner).dtype if isinstance(dtype, pl.List | pl.Array) else dtype
        if isinstance(inner, pl.Struct | pl.Null) or holds_odd(inner):
            return "String"
        named = lake_type(inner)
        return "String" if inner.is_nested() and named == "String" else f"List({named})"
    if dtype.is_numeric():
        return "Int64" if dtype.is_integer() and not numeric and dtype != pl.UInt64() else "Float64"
    return _LAKE_TYPES.get(type(dtype), "String")


_LAKE_TYPES: Mapping[type[pl.DataType], str] = {
    pl.Boolean: "Boolean", pl.Date: "Date", pl.Datetime: "Datetime", pl.Duration: "Float64", pl.Time: "Float64",
    pl.Binary: "Binary",
}  # fmt: skip


def polars_type(name: str) -> pl.DataType:
    """Give the Polars type of a lake type's name.

    >>> polars_type("List(Int64)")
    List(Int64)
    """
    if name.startswith("List("):
        return pl.List(polars_type(name[5:-1]))
    if name not in _SCALARS:
        raise StoreError(f"unknown lake type {name!r}", expected=" or ".join(_SCALARS))
    return _SCALARS[name]


def said_type(name: str) -> str:
    """A lake type as a sender knows it."""
    return "bytes (base64 where they are text)" if name == "Binary" else name


def type_named(text: str) -> pl.DataType:
    """Give the Polars type that a schema wrote as text; what isn't known is text.

    >>> type_named("Int8"), type_named("Datetime(time_unit='us', time_zone=None)"), type_named("List(Int64)")
    (Int8, Datetime(time_unit='us', time_zone=None), List(Int64))
    >>> type_named("Array(UInt8, shape=(28, 28))")
    List(List(UInt8))
    """
    if text.startswith("Array("):
        inner, _, shape = text[len("Array(") : -1].rpartition(", shape=")
        depth = sum(part.strip(" ()").isdecimal() for part in shape.split(","))
        return type_named("List(" * depth + inner + ")" * depth)
    if text.startswith("List("):
        inner = text[len("List(") : -1]
        own = type_named(inner)
        nested = inner.startswith(("List(", "Array("))
        return pl.String() if inner.startswith(_SPELLED) or (nested and own == pl.String()) else pl.List(own)
    if text.startswith("Datetime"):
        return pl.Datetime("us")
    return _NAMED.get(text.split("(", maxsplit=1)[0], pl.String())


_SPELLED = ("Struct", "Binary", "Duration", "Time", "Object")
"""Lists of these are kept as JSON."""

_NAMED: Mapping[str, pl.DataType] = {
    str(dtype): dtype
    for dtype in (
        pl.Int8(), pl.Int16(), pl.Int32(), pl.Int64(), pl.Int128(), pl.UInt8(), pl.UInt16(), pl.UInt32(), pl.UInt64(),
        pl.Float32(), pl.Float64(), pl.Boolean(), pl.Date(), pl.Binary(), pl.Null(),
    )
} | {"Decimal": pl.Float64(), "Duration": pl.Float64(), "Time": pl.Float64()}  # fmt: skip
