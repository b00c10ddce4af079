"""Tables that are sent: Parquet and Arrow IPC. They are read as data; nothing in them is ever run."""

from __future__ import annotations

import io

import polars as pl

from retrue.errors import TableError, first_line
from retrue.server.errors import HttpError
from retrue.server.ingest.arrow import MAGIC, NotArrowError, weigh
from retrue.tables.plain import TROUBLE

CELLS = 200_000_000
"""Cells that a table may have: more would come out of a small file to fill the memory."""
UNPACKED = 500_000_000
"""Bytes that an Arrow table may have, unpacked."""
PARQUET = b"PAR1"


def read_table(data: bytes, most: int) -> pl.DataFrame:
    """Read a table.

    Args:
        data: a Parquet file, an Arrow IPC file, or an Arrow IPC stream.
        most: bytes that it may have.

    Raises:
        HttpError: 413, it is too large.
        TableError: it is none of these, or broken.
    """
    if len(data) > most:
        raise HttpError(413, f"a table of more than {most:,} bytes", hint="send a sample of its rows")
    source = io.BytesIO(data)
    try:
        if data.startswith(PARQUET):
            check_size(pl.scan_parquet(source))
            return pl.read_parquet(io.BytesIO(data))
        weigh(data, CELLS, UNPACKED)
        return pl.read_ipc(source) if data.startswith(MAGIC) else pl.read_ipc_stream(source)
    except (*TROUBLE, NotArrowError, OSError, MemoryError) as error:
        said = "expected Parquet or Arrow IPC" if not data else first_line(error)
        raise TableError(
            f"can't be read as a table: {said}", where="the body", expected="Parquet or Arrow IPC"
        ) from error


def check_size(scan: pl.LazyFrame) -> None:
    """Raise HttpError where a file says that it holds too much."""
    rows, columns = int(scan.select(pl.len()).collect().item()), len(scan.collect_schema())
    if rows * columns > CELLS:
        raise HttpError(413, f"a table of {rows:,} rows and {columns:,} columns", hint="send a sample of its rows")
