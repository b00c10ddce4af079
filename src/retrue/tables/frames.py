"""Frames of other libraries, recognised by what they can do, not by importing what they are."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import polars as pl

from retrue.errors import TableError
from retrue.tables.table import Table
from retrue.tables.trouble import first_line


def open_frame(source: Any, name: str | None) -> Table:
    """Open a frame, a stream, or plain Python data.

    Raises:
        TableError: it is none, or can't be held.
    """
    if isinstance(source, pl.LazyFrame):
        return Table(source, name or "polars.LazyFrame", None, columnar=False)
    name = name or kind_of(source)
    try:
        frame = to_polars(source)
    except (pl.exceptions.PolarsError, pl.exceptions.PanicException, TypeError, ValueError, OverflowError) as error:
        raise TableError(f"can't be turned into a table: {first_line(error)}", where=name) from error
    return Table(frame.lazy(), name, frame.height, columnar=True)


def kind_of(source: object) -> str:
    """What messages call a frame: its library and type.

    >>> kind_of([{}]), kind_of(pl.DataFrame())
    ('list', 'polars.DataFrame')
    """
    kind = type(source)
    library = kind.__module__.split(".")[0].lstrip("_")
    return kind.__name__ if library == "builtins" else f"{library}.{kind.__name__}"


def to_polars(source: Any) -> pl.DataFrame:
    """Hold `source` as a Polars frame."""
    if isinstance(source, pl.DataFrame):
        return source
    if isinstance(source, pl.Series):
        return source.to_frame()
    if isinstance(source, Mapping):
        return from_mapping(source)
    if isinstance(source, list | tuple):
        return pl.from_dicts(source, infer_schema_length=None)
    if hasattr(source, "__arrow_c_stream__"):
        return pl.DataFrame(source)
    return through_narwhals(source)


def from_mapping(source: Mapping[str, Any]) -> pl.DataFrame:
    """Hold columns, or one event."""
    if source and all(is_column(values) for values in source.values()):
        return pl.DataFrame(dict(source))
    return pl.DataFrame([dict(source)])


def is_column(values: object) -> bool:
    """Tell whether `values` are many: a sequence that is no text, an array, a series."""
    if isinstance(values, str | bytes | Mapping):
        return False
    return (
        isinstance(values, Sequence | pl.Series)
        or hasattr(values, "__array__")
        or hasattr(values, "__arrow_c_stream__")
    )


def through_narwhals(source: Any) -> pl.DataFrame:
    """Hold any frame that narwhals knows."""
    import narwhals as nw

    frame = nw.from_native(source)
    eager = frame.collect() if isinstance(frame, nw.LazyFrame) else frame
    return eager.to_polars()
