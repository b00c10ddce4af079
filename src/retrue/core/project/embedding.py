"""What a vector is before anything is learned of it: its length in both senses."""

from __future__ import annotations

import numpy as np
import polars as pl

from retrue.core.project import vectors
from retrue.core.project.registry import Family, Projection, register
from retrue.core.state import Fields
from retrue.schema import Kind


def compute(series: pl.Series, _learned: Fields) -> dict[str, pl.Series]:
    """Euclidean length and number of elements; NaN where an element is none."""
    lists = vectors.as_lists(series)
    lengths = lists.list.len().fill_null(0).to_numpy().astype(np.int64)
    values = lists.filter(pl.Series(lengths > 0)).explode().cast(pl.Float64, strict=False).fill_null(float("nan"))
    numbers, starts = values.to_numpy(), np.concatenate([[0], np.cumsum(lengths)])[:-1]
    norms = np.zeros(len(lists))
    if numbers.size:
        with np.errstate(over="ignore"):
            norms[lengths > 0] = np.sqrt(np.add.reduceat(numbers * numbers, starts[lengths > 0]))
    norms[np.isinf(norms)] = np.nan
    return {"norm": pl.Series(norms), "dimension": pl.Series(lengths)}


FAMILY = Family("vector", frozenset({Kind.EMBEDDING}), compute)
register(
    Projection("norm", FAMILY, "Euclidean length of the vector.", "is the mean length of the vectors"),
    Projection("dimension", FAMILY, "How many numbers the vector has.", "numbers on average"),
)
