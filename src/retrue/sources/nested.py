"""Nested values: what a dotted name reaches inside an object stands beside it, and no longer within.

It must not stay within: a column that is private, or one that is left out, would be in the lake a second time.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import polars as pl

Paths = Sequence[Sequence[str]]


def lifted(row: Mapping[str, Any], names: Iterable[str]) -> dict[str, Any]:
    """A row with what dotted names reach in it at its top; objects that are empty without it go, too.

    >>> lifted({"a": {"b": 7, "c": 8}, "d": {"e": 9}}, ["a.b", "d.e", "f.g"])
    {'a': {'c': 8}, 'a.b': 7, 'd.e': 9, 'f.g': None}
    """
    paths = {name: name.split(".") for name in names if "." in name and name not in row}
    if not paths:
        return dict(row)
    return {**without(row, list(paths.values())), **{name: reached(row, path) for name, path in paths.items()}}


def reached(row: Any, path: Sequence[str]) -> Any:
    """What a path leads to; None: nothing."""
    for part in path:
        row = row.get(part) if isinstance(row, Mapping) else None
    return row


def without(held: Mapping[str, Any], paths: Paths) -> dict[str, Any]:
    """An object without what paths lead to, and without objects that have nothing else."""
    kept = dict[str, Any]()
    for name, value in held.items():
        inside = below(paths, name)
        if not inside:
            kept[name] = value
        elif [] in inside or value is None:
            continue
        elif not isinstance(value, Mapping):
            kept[name] = value
        elif left := without(value, inside):
            kept[name] = left
    return kept


def below(paths: Paths, name: str) -> Paths:
    """What is left of the paths that begin with a name."""
    return [list(rest) for first, *rest in paths if first == name]


def lifted_frame(frame: pl.DataFrame, names: Iterable[str]) -> pl.DataFrame:
    """The same of a frame with structs; what a name doesn't reach is no column."""
    found = {name: expression for name in names if (expression := reached_in(frame, name)) is not None}
    paths = [name.split(".") for name in found]
    tops = dict.fromkeys(path[0] for path in paths)
    left = {top: struct_without(pl.col(top), frame.schema[top], below(paths, top)) for top in tops}
    inner = [one.alias(top) for top, one in left.items() if one is not None]
    lifted_ = frame.with_columns(*inner, *(one.alias(name) for name, one in found.items()))
    return lifted_.drop(top for top, one in left.items() if one is None)


def reached_in(frame: pl.DataFrame, name: str) -> pl.Expr | None:
    """The field of a struct that a dotted name means; None: it means none."""
    if "." not in name or name in frame.columns:
        return None
    first, *rest = name.split(".")
    found, dtype = pl.col(first), frame.schema.get(first)
    for part in rest:
        inner: dict[str, Any] = dict(dtype.to_schema()) if isinstance(dtype, pl.Struct) else {}
        if part not in inner:
            return None
        found, dtype = found.struct.field(part), inner[part]
    return found


def struct_without(held: pl.Expr, dtype: pl.DataType, paths: Paths) -> pl.Expr | None:
    """A struct without the fields that paths lead to; None: it has no others."""
    if not isinstance(dtype, pl.Struct):
        return held
    kept = list[pl.Expr]()
    for field in dtype.fields:
        inside, own = below(paths, field.name), held.struct.field(field.name)
        if [] in inside:
            continue
        left = struct_without(own, field.dtype, inside) if inside else own  # type: ignore[arg-type]
        kept += [left.alias(field.name)] if left is not None else []
    return pl.when(held.is_not_null()).then(pl.struct(kept)) if kept else None
