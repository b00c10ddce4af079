"""Plain Python data as columns: numbers stay numbers, and a column of mixed values becomes text instead of failing."""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final, TypeVar

import polars as pl

from retrue.errors import TableError

TROUBLE: Final = (
    pl.exceptions.PolarsError,
    pl.exceptions.PanicException,
    NotImplementedError,
    OverflowError,
    TypeError,
    ValueError,
)
"""What Polars and pyarrow raise for values that they can't hold together."""

Frame = TypeVar("Frame", pl.DataFrame, pl.LazyFrame)


def as_stored(frame: Frame) -> Frame:
    """The frame with columns of Arrow's extension types (UUIDs, JSON, shapes ...) as what they are stored as.

    What an extension's name says is never looked up: some say that their type must be unpickled.
    """
    names = [name for name, dtype in frame.collect_schema().items() if isinstance(dtype, pl.datatypes.BaseExtension)]
    return frame.with_columns(pl.col(name).ext.storage() for name in names) if names else frame


def from_columns(columns: Mapping[str, Any]) -> pl.DataFrame:
    """Hold a dict of columns.

    Raises:
        TableError: columns of different lengths.
    """
    series = [as_column(str(name), values) for name, values in columns.items()]
    lengths = {one.name: len(one) for one in series}
    short = next((name for name, n in lengths.items() if n != len(series[0])), None)
    if short is not None:
        first = series[0].name
        raise TableError(
            f"column {short!r} has {lengths[short]:,} values and {first!r} {lengths[first]:,}",
            where="dict",
            expected="columns of one length",
        )
    return pl.DataFrame(series)


def from_rows(rows: Sequence[Any]) -> pl.DataFrame:
    """Hold a list of dicts; what a row lacks is null.

    Raises:
        TableError: something else than dicts, or no row.
    """
    odd = next((i for i, row in enumerate(rows) if not isinstance(row, Mapping)), None)
    if odd is not None or not rows:
        what = f"element {odd} is {rows[odd]!r:.40}" if odd is not None else "an empty list"
        raise TableError(what, where="a list of rows", expected="dicts, one for each row")
    names = dict.fromkeys(str(name) for row in rows for name in row)
    return pl.DataFrame([as_column(name, [row.get(name) for row in rows]) for name in names])


def as_column(name: str, values: Any) -> pl.Series:
    """Make a column of anything that holds values.

    Numbers of several types become floats, values that don't go together become text.

    >>> as_column("x", [1, 2.5, None]).to_list(), as_column("x", [1, "a", True, None]).to_list()
    ([1.0, 2.5, None], ['1', 'a', 'true', None])
    """
    if isinstance(values, pl.Series):
        return values.rename(name) if values.dtype != pl.Object else as_column(name, values.to_list())
    if not isinstance(values, list | tuple):
        return converted(name, values)
    kinds = {type(value) for value in values} - {type(None)}
    if kinds and kinds <= {int, float}:
        return numbers(name, values, kinds)
    if any(getattr(kind, "ndim", None) is not None for kind in kinds):  # arrays, of whatever depth
        return as_column(name, [value.tolist() if hasattr(value, "ndim") else value for value in values])
    if kinds & {list, tuple, dict}:
        return nested(name, values)
    return strict(name, values)


def converted(name: str, values: Any) -> pl.Series:
    """Make a column of an array, a range, or another library's series."""
    try:
        series = pl.Series(name, values)
    except TROUBLE:
        return as_column(name, list(values))
    return series if series.dtype != pl.Object else as_column(name, series.to_list())


def numbers(name: str, values: Sequence[Any], kinds: set[type]) -> pl.Series:
    """Make a column of Python numbers: integers where all are, else floats."""
    if kinds == {int}:
        return strict(name, values)
    return pl.Series(name, [None if value is None else float(value) for value in values], dtype=pl.Float64)


def strict(name: str, values: Sequence[Any]) -> pl.Series:
    """Make a column of values that go together; of text where they don't."""
    try:
        series = pl.Series(name, values, strict=True)
    except TROUBLE:
        return as_text(name, values)
    return series if series.dtype != pl.Object else as_text(name, values)


def nested(name: str, values: Sequence[Any]) -> pl.Series:
    """Make a column of lists or structs.

    Polars takes the type of lists from the first and cuts what doesn't fit ([[1], [2.5]] becomes [[1], [2]]), so the
    type of flat lists is found here.
    """
    lists = [value for value in values if value is not None]
    if all(isinstance(value, list | tuple) for value in lists):
        kinds = {type(part) for value in lists for part in value} - {type(None)}
        if kinds == {int, float}:
            return pl.Series(name, values, dtype=pl.List(pl.Float64))
        if len(kinds) > 1:
            texts = [None if value is None else [text_of(part) for part in value] for value in values]
            return pl.Series(name, texts, dtype=pl.List(pl.String))
    try:
        return pl.from_dicts([{name: value} for value in values], infer_schema_length=None)[name]
    except TROUBLE:
        return as_text(name, values)


def as_text(name: str, values: Iterable[Any]) -> pl.Series:
    """Make a column of texts."""
    return pl.Series(name, [text_of(value) for value in values], dtype=pl.String)


def text_of(value: Any) -> str | None:
    """A value as text: booleans as JSON writes them, whole floats without `.0`, bytes as base64."""
    if value is None or isinstance(value, str):
        return value
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    return b64encode(value).decode() if isinstance(value, bytes) else str(value)
