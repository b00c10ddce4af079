"""CSV and NDJSON: text whose types must be guessed, and are checked over the whole file before anyone relies on them."""

from __future__ import annotations

import polars as pl


def scan_csv(path: str) -> pl.LazyFrame:
    """A query over one CSV file."""
    return pl.scan_csv(path, infer_schema_length=10_000)


def scan_ndjson(path: str) -> pl.LazyFrame:
    """A query over one file of JSON objects, one a line.

    The whole file is looked at for columns and types, so that a column that comes late isn't lost.
    """
    return pl.scan_ndjson(path, infer_schema_length=None)
