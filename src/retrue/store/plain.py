"""Types that the lake doesn't have, as ones that it has: the door looks at nothing else.

    Duration, Time      seconds (as the reference counts them)     Categorical, Enum    text
    Decimal             float                                      Object               its text
    lists and structs that hold durations, times of day, bytes or objects              JSON

Bytes alone become text only where text is expected, and any other list or struct is told by its own type.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import Any, Final

import polars as pl

MICROS = 1_000_000


def plain_types(frame: pl.DataFrame, types: Mapping[str, str]) -> pl.DataFrame:
    """Give the frame without columns of types that a lake can't have.

    Args:
        frame: the rows as they came.
        types: the lake type that each column goes to; times and decimals that go to text keep their figures.

    >>> import datetime as dt
    >>> plain_types(pl.DataFrame({"wait": [dt.timedelta(minutes=1.5)]}), {})["wait"].to_list()
    [90.0]
    """
    odd = [_plain(frame[name], types.get(name)) for name, dtype in frame.schema.items() if _is_odd(dtype)]
    return frame.with_columns(odd) if odd else frame


def _is_odd(dtype: pl.DataType) -> bool:
    return dtype.is_nested() or isinstance(dtype, _ODD)


_ODD = (pl.Duration, pl.Time, pl.Decimal, pl.Categorical, pl.Enum, pl.Object)


def _plain(series: pl.Series, to: str | None) -> pl.Series:
    """One column in a type that the lake has, or that has a plain form there."""
    dtype = series.dtype
    if dtype.is_nested():
        return _spelled(series, as_json=True) if holds_odd(dtype) else series
    if isinstance(dtype, pl.Object):
        return _spelled(series, as_json=False)
    if isinstance(dtype, pl.Duration):
        return (series.dt.total_microseconds() / MICROS).cast(pl.Float64)
    if isinstance(dtype, pl.Categorical | pl.Enum) or to == "String":
        return series.cast(pl.String)
    if isinstance(dtype, pl.Time):
        return series.cast(pl.Int64).cast(pl.Float64) / (1000 * MICROS)
    return series.cast(pl.Float64)


def holds_odd(dtype: pl.DataType) -> bool:
    """Whether a list or a struct holds, at any depth, what no list of the lake can hold.

    >>> holds_odd(pl.List(pl.Int8())), holds_odd(pl.Struct({"a": pl.List(pl.Binary())}))
    (False, True)
    """
    if isinstance(dtype, pl.List | pl.Array):
        return holds_odd(pl.Series(dtype=dtype.inner).dtype)
    if isinstance(dtype, pl.Struct):
        return any(holds_odd(pl.Series(dtype=field.dtype).dtype) for field in dtype.fields)
    return isinstance(dtype, pl.Binary | pl.Duration | pl.Time | pl.Object)


def _spelled(series: pl.Series, *, as_json: bool) -> pl.Series:
    """Values as text, one by one: Polars can't write these itself."""
    texts = [None if value is None else _text(value, as_json=as_json) for value in series.to_list()]
    return pl.Series(series.name, texts, dtype=pl.String)


def _text(value: Any, *, as_json: bool) -> str:
    return json.dumps(value, default=_leaf, ensure_ascii=False) if as_json else str(value)


def _leaf(value: Any) -> str:
    return value.hex() if isinstance(value, bytes) else str(value)


def _yes_or_no(text: pl.Expr) -> pl.Expr:
    low = text.str.to_lowercase()
    return pl.when(low.is_in(["true", "1"])).then(True).when(low.is_in(["false", "0"])).then(False)


FROM_TEXT: Final[Mapping[str, Callable[[pl.Expr], pl.Expr]]] = {
    "Boolean": _yes_or_no,
    "Date": lambda text: text.str.to_date(strict=False),
    # As JSON has bytes, with or without the head of a data URL.
    "Binary": lambda text: text.str.replace(r"^data:[^,]*;base64,", "").str.decode("base64", strict=False),
}
"""How text becomes what a column of the lake holds; null where it doesn't."""
