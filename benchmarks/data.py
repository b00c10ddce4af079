"""The table that everything is measured on: 26 columns, the second one drifted, written a row group at a time.

normal_0..4  lognormal_0..4  zeros_0..4 (60 % zero)  ties_0..4 (few distinct values)   float64
text_0..4 (5, 20, 100, 300 and 1,000 categories)                                        string
score                                                                                   float64 in [0, 1]
"""

# mypy: disable-error-code="import-not-found,import-untyped"

from __future__ import annotations

import argparse
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import polars as pl
from numpy.typing import NDArray

GROUP = 262_144
"""Rows of a row group, and of a step of the writer."""
CATEGORIES = (5, 20, 100, 300, 1_000)
EACH = 5
"""Columns of each shape."""

Values = NDArray[np.float64]


def numbers(rng: np.random.Generator, rows: int, shift: float) -> dict[str, Values]:
    """The float64 columns; the first of each shape is shifted."""
    found: dict[str, Values] = {}
    for i in range(EACH):
        moved = shift if i == 0 else 0.0
        found[f"normal_{i}"] = rng.normal(moved, 1.0, rows)
        found[f"lognormal_{i}"] = rng.lognormal(moved, 1.0, rows)
        found[f"zeros_{i}"] = np.where(rng.random(rows) < 0.6 - moved, 0.0, rng.exponential(10.0, rows))
        found[f"ties_{i}"] = np.floor(rng.gamma(2.0 + moved, 5.0, rows))
    return found


def texts(rng: np.random.Generator, rows: int, shift: float) -> dict[str, pl.Series]:
    """The string columns, Zipf-like: a few categories are frequent, most are rare."""
    found = {}
    for i, size in enumerate(CATEGORIES):
        weights = 1.0 / np.arange(1, size + 1) ** (1.0 + (shift if i == 0 else 0.0))
        names = pl.Series([f"category_{k:04d}" for k in range(size)])
        found[f"text_{i}"] = names[rng.choice(size, rows, p=weights / weights.sum())]
    return found


def table(seed: int, rows: int, shift: float = 0.0) -> pl.DataFrame:
    """One table of `rows` rows; equal seeds give equal tables."""
    rng = np.random.default_rng(seed)
    score = rng.beta(2.0, 5.0 - shift, rows)
    return pl.DataFrame({**numbers(rng, rows, shift), **texts(rng, rows, shift), "score": score})


def pieces(seed: int, rows: int, shift: float) -> Iterator[pl.DataFrame]:
    """The table in steps of `GROUP` rows."""
    for first in range(0, rows, GROUP):
        yield table(seed + first, min(GROUP, rows - first), shift)


def write(path: Path, seed: int, rows: int, shift: float = 0.0) -> None:
    """Write the table as Parquet (zstd); memory holds one row group."""
    from pyarrow import parquet

    with_schema = table(0, 0).to_arrow().schema
    with parquet.ParquetWriter(path, with_schema, compression="zstd") as writer:
        for piece in pieces(seed, rows, shift):
            writer.write_table(piece.to_arrow().cast(with_schema), row_group_size=GROUP)


def main() -> None:
    """`python -m benchmarks.data FILE ROWS SEED SHIFT`: run as a process of its own, so that the caller stays small."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("file", type=Path)
    parser.add_argument("rows", type=int)
    parser.add_argument("seed", type=int)
    parser.add_argument("shift", type=float)
    given = parser.parse_args()
    write(given.file, given.seed, given.rows, given.shift)


if __name__ == "__main__":
    main()
