"""pandas frames, column by column: one that can't be converted becomes text and doesn't take the table down.

pandas itself is never imported: the frame that comes in brings all that is needed. NaN is how pandas writes null, so it
becomes null. Index levels that have a name become columns.
"""

from __future__ import annotations

from typing import Any

import polars as pl

from retrue.errors import TableError
from retrue.tables.plain import TROUBLE, as_column


def from_pandas(frame: Any) -> pl.DataFrame:
    """Hold a pandas frame.

    Raises:
        TableError: two columns of one name.
    """
    names = [str(name) for name in frame.columns]
    twice = next((name for i, name in enumerate(names) if name in names[:i]), None)
    if twice is not None:
        raise TableError(f"two columns are called {twice!r}", where="pandas.DataFrame", expected="one name each")
    levels = [level for level in frame.index.names if level is not None and str(level) not in names]
    index = [from_series(str(level), frame.index.get_level_values(level).to_series()) for level in levels]
    return pl.DataFrame([*index, *(from_series(name, frame.iloc[:, i]) for i, name in enumerate(names))])


def from_series(name: str, series: Any) -> pl.Series:
    """Hold one pandas column; mixed values, periods and intervals become text."""
    try:
        column: Any = pl.from_pandas(series)
    except (*TROUBLE, ImportError):
        # Mixed objects, types of other libraries, or pyarrow isn't installed.
        return as_column(name, values_of(series))
    foreign = column.dtype == pl.Object or isinstance(column.dtype, pl.datatypes.BaseExtension)
    return as_column(name, values_of(series) if foreign else column)


def values_of(series: Any) -> list[Any]:
    """The values as Python objects, missing ones as None."""
    missing = series.isna().tolist()
    return [None if gone else value for gone, value in zip(missing, series.tolist(), strict=True)]
