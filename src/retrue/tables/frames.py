"""Frames of other libraries, known by their names and abilities; none is imported that the user didn't import."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

import polars as pl

from retrue.errors import TableError, first_line
from retrue.tables.pandas import from_pandas
from retrue.tables.plain import TROUBLE, as_column, from_columns, from_rows
from retrue.tables.table import Table

TAKEN: Final = "a frame (Polars, pandas, pyarrow, DuckDB ...), a path or URL, a dict of columns, or a list of rows"
"""What can be read, in words."""


def open_frame(source: Any, name: str | None) -> Table:
    """Open a frame, a stream, or plain Python data.

    Raises:
        TableError: it is none, or can't be held.
    """
    name = name or kind_of(source)
    try:
        frame = to_polars(source)
    except (*TROUBLE, ImportError, OSError) as error:
        raise TableError(f"can't be read as a table: {first_line(error)}", where=name, expected=TAKEN) from error
    if isinstance(frame, pl.LazyFrame):
        return Table(frame, name, None, columnar=False)
    return Table(frame.lazy(), name, frame.height, columnar=True, held=frame)


def kind_of(source: object) -> str:
    """What messages call a frame: its library and type.

    >>> kind_of([{}]), kind_of(pl.DataFrame())
    ('list', 'polars.DataFrame')
    """
    kind = type(source)
    library = kind.__module__.split(".", maxsplit=1)[0].lstrip("_")
    return kind.__name__ if library == "builtins" else f"{library}.{kind.__name__}"


def to_polars(source: Any) -> pl.DataFrame | pl.LazyFrame:
    """Hold `source` in Polars; streams are read once, whole."""
    if isinstance(source, pl.LazyFrame):
        return source
    if isinstance(source, pl.DataFrame):
        return without_objects(source)
    if isinstance(source, Mapping):
        return from_mapping(source)
    if isinstance(source, list | tuple):
        return from_rows(source)
    kind = kind_of(source)
    if kind in KNOWN:
        return KNOWN[kind](source)
    if kind.startswith("pyarrow.") and hasattr(source, "scanner"):
        return pl.scan_pyarrow_dataset(source)
    if hasattr(source, "__arrow_c_stream__") or hasattr(source, "__arrow_c_array__"):
        return pl.DataFrame(source)
    return through_narwhals(source)


def from_mapping(source: Mapping[str, Any]) -> pl.DataFrame:
    """Hold columns, or one event."""
    if source and all(is_column(values) for values in source.values()):
        return from_columns(source)
    return from_rows([source])


def is_column(values: object) -> bool:
    """Tell whether `values` are many: a sequence that is no text, an array, a series."""
    if isinstance(values, str | bytes | bytearray | Mapping):
        return False
    if isinstance(values, Sequence | pl.Series) or hasattr(values, "__arrow_c_array__"):
        return True
    shape = getattr(values, "shape", ())  # NumPy's scalars have an empty one
    return hasattr(values, "__arrow_c_stream__") or (isinstance(shape, tuple) and len(shape) > 0)


def from_duckdb(relation: Any) -> pl.DataFrame:
    """Hold a DuckDB relation; its intervals, which Polars can't import, become durations (a month is 30 days).

    Raises:
        TableError: its query fails.
    """
    import duckdb

    types = dict(zip(relation.columns, map(str, relation.dtypes), strict=True))
    intervals = [name for name, kind in types.items() if kind == "INTERVAL"]
    quoted = {name: '"' + name.replace('"', '""') + '"' for name in types}
    parts = [f"epoch_us({quoted[name]}) AS {quoted[name]}" if name in intervals else quoted[name] for name in types]
    try:
        frame = pl.DataFrame(relation.project(", ".join(parts)) if intervals else relation)
    except duckdb.Error as error:
        raise TableError(f"a DuckDB query that fails: {first_line(error)}", where="duckdb.DuckDBPyRelation") from error
    return frame.with_columns(pl.col(intervals).cast(pl.Duration("us")))


def from_spark(frame: Any) -> pl.DataFrame:
    """Hold a Spark DataFrame, whole. Its own Arrow stream can't say timestamps: it knows no time zone.

    Raises:
        TableError: Spark can't make it.
    """
    from pyspark.errors import PySparkException

    try:
        return pl.DataFrame(frame.toArrow())
    except PySparkException as error:
        raise TableError(f"Spark says: {first_line(error)}", where=kind_of(frame)) from error


def without_objects(frame: pl.DataFrame) -> pl.DataFrame:
    """The frame with columns of Python objects as what they hold, or as text."""
    names = [name for name, dtype in frame.schema.items() if dtype == pl.Object]
    return frame.with_columns([as_column(name, frame[name].to_list()) for name in names])


def through_narwhals(source: Any) -> pl.DataFrame:
    """Hold any frame that narwhals knows."""
    import narwhals as nw

    frame = nw.from_native(source)
    eager = frame.collect() if isinstance(frame, nw.LazyFrame) else frame
    return eager.to_polars()


KNOWN: Final[Mapping[str, Callable[[Any], pl.DataFrame | pl.LazyFrame]]] = {
    "pandas.DataFrame": from_pandas, "deltalake.DeltaTable": pl.scan_delta, "duckdb.DuckDBPyRelation": from_duckdb,
    "pyspark.DataFrame": from_spark,
}  # fmt: skip
"""How frames are held whose own Arrow stream doesn't say all, or that have none."""
