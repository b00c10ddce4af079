"""Any frame, path or URL in, batches out: the door that every table of events comes through.

    path, glob, URL of Parquet, CSV, NDJSON, Delta ── files ──┐
                                                              ├── Table ── batches (streamed) | sample | collect
    polars, pandas, pyarrow, DuckDB, narwhals, dicts ─ frames ┤
    what is described: a query, an Iceberg table ─ `Description` ┘

A `Table` is a name and a Polars query. Files are never held whole: `batches` streams them in row order with bounded
memory. Dtypes pass through as they are; what they mean is for `schema` and `core`. What can't be read is a TableError
here, at the door, before anything was written anywhere.
"""

from retrue.tables.source import Description, read
from retrue.tables.table import BATCH_ROWS, Table

__all__ = ["BATCH_ROWS", "Description", "Table", "read"]
