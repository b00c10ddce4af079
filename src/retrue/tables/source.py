"""`read`: tells locations from frames, and lets either in."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import replace
from os import PathLike
from typing import Any

import polars as pl

from retrue.tables.files import open_location
from retrue.tables.frames import open_frame
from retrue.tables.plain import as_stored
from retrue.tables.table import Table


class Description(ABC):
    """Abstract: a table that is described rather than held (see `retrue.sources`)."""

    @abstractmethod
    def table(self) -> Table:
        """The whole table.

        Raises:
            TableError: it can't be read.
        """


def read(source: Any, *, name: str | None = None) -> Table:
    """Make a `Table` of anything that holds one.

    Args:
        source: a Polars, pandas, pyarrow, DuckDB or narwhals-supported frame, anything with the Arrow PyCapsule
            interface, a dict of columns, a list of dicts (rows) or one dict (an event); or a path, a list of paths, a
            glob or a URL (http, s3, ...) of `.parquet`, `.csv`, `.ndjson`/`.jsonl` (text also `.gz` and `.zst`) or a
            Delta folder; or what `rt.source` describes. A `Table` passes through. A one-shot stream of batches is read
            into memory, once.
        name: what messages call it.

    Raises:
        TableError: there is no such file, it is corrupt, in another encoding, of an unknown format, or has no columns.

    >>> read([{"x": 1}, {"x": 2}]).collect()["x"].to_list()
    [1, 2]
    """
    source = source.table() if isinstance(source, Description) else source
    if isinstance(source, Table):
        return source if name is None else replace(source, name=name)
    table = open_location(source, name) if is_location(source) else open_frame(source, name)
    if any(isinstance(dtype, pl.datatypes.BaseExtension) for dtype in table.dtypes.values()):  # or it can't be read
        held = None if table.held is None else as_stored(table.held)
        return replace(table, frame=as_stored(table.frame), held=held)
    return table


def is_location(source: object) -> bool:
    """Tell whether `source` is a path or URL, or a list of them."""
    if isinstance(source, list | tuple):
        return bool(source) and all(isinstance(part, str | PathLike) for part in source)
    return isinstance(source, str | PathLike)
