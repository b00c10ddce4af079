"""A function as a condition: it gets a table, and says which rows."""

from __future__ import annotations

import inspect
import traceback
from collections.abc import Callable
from pathlib import Path
from types import CodeType
from typing import Any

import polars as pl

from retrue.errors import SliceError, first_line

Function = Callable[[pl.DataFrame], Any]


def called(function: Function) -> pl.Expr:
    """An expression that asks a function about whole tables; what goes wrong in it is a SliceError that names it."""

    def ask(rows: pl.Series) -> pl.Series:
        return answer(function, rows.struct.unnest())

    # Not as elementwise: Polars would cut the table, and a function may compare a row with the others.
    return pl.struct(pl.all()).map_batches(ask, return_dtype=pl.Boolean)


def answer(function: Function, table: pl.DataFrame) -> pl.Series:
    """What a function says of a table's rows: Boolean[rows].

    Raises:
        SliceError: it fails, or gives something else; the message has its name, file and line.

    >>> answer(lambda table: [1, 2], pl.DataFrame({"x": [1]}))  # doctest: +ELLIPSIS
    Traceback (most recent call last):
    ...
    retrue.errors.SliceError: 2 values of type Int64 from function '<lambda>' ...: expected a Boolean for each row
    """
    try:
        given = function(table)
    except Exception as error:
        kind, said = type(error).__name__, first_line(error)
        raise wrong(kind if said == kind else f"{kind}: {said}", "in", function, error) from error
    try:
        found = pl.Series("mask", given)
    except Exception as error:
        raise wrong(f"a value of type {type(given).__name__}", "from", function) from error
    if found.dtype not in (pl.Boolean, pl.Null):
        raise wrong(f"{found.len():,} values of type {found.dtype}", "from", function)
    if found.len() != table.height:
        raise wrong(f"{found.len():,} of {table.height:,} values", "from", function)
    return found.cast(pl.Boolean)


def wrong(what: str, of: str, function: Function, error: Exception | None = None) -> SliceError:
    """What is wrong with a function, and where it stands."""
    name = getattr(function, "__qualname__", type(function).__name__).rpartition(".")[2]
    code = code_of(function)
    place = "" if code is None else f" ({Path(code.co_filename).name}, line {line_of(code, error)})"
    return SliceError(f"{what} {of} function {name!r}{place}", expected="a Boolean for each row")


def code_of(function: Function) -> CodeType | None:
    """Its code; None of what isn't written in Python."""
    inner = inspect.unwrap(function)
    found = getattr(inner if inspect.isroutine(inner) else type(inner).__call__, "__code__", None)
    return found if isinstance(found, CodeType) else None


def line_of(code: CodeType, error: Exception | None) -> int:
    """The last line of the function's own file that an error came through, else where the function begins."""
    through = [] if error is None else traceback.extract_tb(error.__traceback__)
    lines = [frame.lineno for frame in through if frame.filename == code.co_filename and frame.lineno is not None]
    return lines[-1] if lines else code.co_firstlineno
