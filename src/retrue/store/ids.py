"""Identities: one text form for every id, and a 64-bit hash of it that never changes (`retrue.core.hashing`).

An id is text from the door on (`17` and `"17"` are one id), so that labels kept in another system's types still find
their events. The lake keeps `_h = hash64(id)` beside each row, joins run on those eight bytes, and the id itself is
checked on every hit: a collision costs a comparison, never a wrong row.
"""

from __future__ import annotations

from typing import Any

import polars as pl

from retrue.core.hashing import hash64


def text_id(name: str, dtype: pl.DataType) -> pl.Expr:
    """Give the expression that turns an id or version column into its one text form.

    Whole floats lose their point (`17.0` is `17`: a table with one missing id comes as floats), NaN and empty text
    are null: there is no id.

    >>> pl.DataFrame({"id": [17.0, None, 2.5]}).select(text_id("id", pl.Float64()))["id"].to_list()
    ['17', None, '2.5']
    """
    column = pl.col(name)
    if dtype.is_float():
        whole = column.cast(pl.Int64, strict=False)
        text = pl.when(whole.cast(dtype) == column).then(whole.cast(pl.String)).otherwise(column.cast(pl.String))
        return pl.when(column.is_finite()).then(text).alias(name)
    if isinstance(dtype, pl.Binary):
        return column.bin.encode("hex").alias(name)
    text = column.cast(pl.String)
    return pl.when(text != "").then(text).alias(name)


def hashed(frame: pl.DataFrame, column: str, hasher: Any = hash64) -> pl.DataFrame:
    """Add `_h`, the hash of a text id column."""
    return frame.with_columns(hasher(frame[column]).alias("_h"))
