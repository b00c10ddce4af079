"""Rows that say the same: equal ones, and ones so near that a model learns nothing from the second."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import polars as pl

from retrue.core.hashing import hash64
from retrue.core.values import number_rows, text_rows

STEPS = 100
"""Steps of a number's usual range (from its 1st to its 99th percentile) within which two are near."""


def steps(frames: Sequence[pl.DataFrame], columns: Sequence[str]) -> dict[str, float]:
    """How far apart two numbers of each numeric column may be to be near, over all tables."""
    found: dict[str, float] = {}
    for name in columns:
        series = [frame[name] for frame in frames if name in frame.columns]
        if series and all(one.dtype.is_numeric() or one.dtype.is_temporal() for one in series):
            numbers = pl.concat([number_rows(one).cast(pl.Float64).alias(name) for one in series])
            low, high = numbers.quantile(0.01), numbers.quantile(0.99)
            found[name] = ((high or 0.0) - (low or 0.0)) / STEPS or 1.0
    return found


def once(
    frame: pl.DataFrame,
    columns: Sequence[str],
    known: pl.Series | None = None,
    near: Mapping[str, float] | None = None,
) -> tuple[pl.DataFrame, pl.Series]:
    """Take rows that are alike once.

    Args:
        frame: the rows; the first of those that are alike stays.
        columns: what they are compared by.
        known: marks of rows that are taken already; they aren't taken again.
        near: as `steps` gives; then near ones are alike, too.

    Returns:
        The rows that stay, and the marks of all that are taken by now.

    >>> rows = pl.DataFrame({"x": [1.0, 1.0, 1.001, 5.0], "city": ["a", "a", "a", "a"]})
    >>> near = steps([rows], ["x", "city"])
    >>> once(rows, ["x", "city"])[0].height, once(rows, ["x", "city"], near=near)[0].height
    (3, 2)
    """
    own = marks(frame, columns, near)
    fresh = own.is_first_distinct()
    if known is not None:
        fresh &= ~own.is_in(known.implode())
    kept = own.filter(fresh)
    return frame.filter(fresh), kept if known is None else pl.concat([known, kept])


def marks(frame: pl.DataFrame, columns: Sequence[str], near: Mapping[str, float] | None = None) -> pl.Series:
    """A mark of each row, the same of rows that are alike."""
    texts = [text_rows(frame[name] if near is None else blurred(frame[name], near)).fill_null("\0") for name in columns]
    return hash64(pl.select(pl.concat_str(texts, separator="\1").alias("mark"))["mark"])


def blurred(column: pl.Series, near: Mapping[str, float]) -> pl.Series:
    """Numbers by the step that they are in, texts without case and outer blanks."""
    if column.name in near:
        return (number_rows(column).cast(pl.Float64) / near[column.name]).round(0).cast(pl.Int64, strict=False)
    return text_rows(column).str.strip_chars().str.to_lowercase()
