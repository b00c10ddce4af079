"""Which kind a column is, from a sample of its values, and why: the first rule that fits decides.

no values ─ one value ─ by type: boolean, times, lists, bytes ─ whole numbers ─ fractions ─ text
"""

from __future__ import annotations

import polars as pl

from retrue.schema.column import Column, Kind
from retrue.schema.numbers import number_kind
from retrue.schema.pictures import image_kind
from retrue.schema.texts import text_kind
from retrue.schema.values import Sample, text_of

Finding = tuple[Kind, str]


def infer_column(series: pl.Series, total: int) -> Column:
    """Find the kind of a column.

    Args:
        series: a sample of it.
        total: how many rows the table has.

    >>> found = infer_column(pl.Series("paid", [0, 1, 1, 0]), 4)
    >>> found.kind, found.dtype, found.reason
    (<Kind.BOOLEAN: 'boolean'>, 'Int64', 'only 0 and 1')
    """
    kind, reason = find_kind(Sample.of(series, total))
    return Column(series.name, kind, str(series.dtype), reason)


def find_kind(sample: Sample) -> Finding:
    """The kind and the reason."""
    if not sample.rows:
        return kind_of_type(sample.dtype), "no rows to look at: by its type"
    if not sample.n:
        return Kind.EMPTY, f"no value in {sample.in_rows}"
    nested = nested_kind(sample)
    if nested is not None:
        return nested
    if sample.n > 1 and sample.distinct == 1:
        return Kind.CONSTANT, f"{shown(sample.values[0])} in all {sample.n:,} values of {sample.in_rows}"
    return flat_kind(sample)


def shown(value: object) -> str:
    """A value for a message: texts in quotes, long ones cut."""
    text = repr(value) if isinstance(value, str) else text_of(value)
    return text if len(text) <= 40 else text[:36] + " ..."


def kind_of_type(dtype: pl.DataType) -> Kind:
    """The kind that a type alone tells."""
    if dtype == pl.Null:
        return Kind.EMPTY
    if dtype.is_numeric() or dtype in (pl.Time, pl.Duration):
        return Kind.NUMERIC
    if dtype == pl.Boolean:
        return Kind.BOOLEAN
    if dtype in (pl.Date, pl.Datetime):
        return Kind.DATETIME
    return Kind.CATEGORICAL if dtype in (pl.String, pl.Categorical, pl.Enum) else Kind.TEXT


def flat_kind(sample: Sample) -> Finding:
    """The kind of single values."""
    dtype = sample.dtype
    if dtype == pl.Boolean:
        return Kind.BOOLEAN, "booleans"
    if dtype in (pl.Date, pl.Datetime):
        return Kind.DATETIME, "dates" if dtype == pl.Date else "dates and times"
    if dtype in (pl.Time, pl.Duration):
        what = "times of day" if dtype == pl.Time else "durations"
        return Kind.NUMERIC, f"{what}: measured in seconds"
    if dtype.is_numeric():
        return number_kind(sample)
    if dtype in (pl.String, pl.Categorical, pl.Enum):
        return text_kind(sample)
    return Kind.TEXT, f"values of type {dtype}: kept, not profiled"


def nested_kind(sample: Sample) -> Finding | None:
    """The kind of lists, structs and bytes; None for single values."""
    dtype = sample.dtype
    if isinstance(dtype, pl.List | pl.Array | pl.Binary) and (image := image_kind(sample)) is not None:
        return image
    if isinstance(dtype, pl.List | pl.Array):
        return list_kind(sample)
    if dtype == pl.Struct:
        return Kind.TEXT, "structs: kept, not profiled; unnest them to have their fields profiled"
    if dtype == pl.Binary:
        lengths = sample.values.bin.size().unique()
        if len(lengths) == 1 and lengths[0] > 1:
            return Kind.EMBEDDING, f"{lengths[0]:,} bytes in each row"
        return Kind.TEXT, "bytes of different lengths: kept, not profiled"
    return None


def list_kind(sample: Sample) -> Finding:
    """The kind of lists: embeddings when they are numbers and all as long."""
    values = sample.values
    lists = values.arr.to_list() if isinstance(values.dtype, pl.Array) else values
    lengths = lists.list.len().unique().sort()
    inner = lists.dtype.inner if isinstance(lists.dtype, pl.List) else lists.dtype
    if not len(lengths):
        return Kind.TEXT, "lists"
    fixed = len(lengths) == 1 and lengths[0] > 1
    if fixed and (inner.is_float() or (isinstance(values.dtype, pl.Array) and inner.is_numeric())):
        return Kind.EMBEDDING, f"{lengths[0]:,} numbers in each row"
    return Kind.TEXT, f"lists of {lengths[0]:,} to {lengths[-1]:,} values: kept, not profiled"
