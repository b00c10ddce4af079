"""`Table`: a name and a Polars query, read in batches, in a sample or whole."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cached_property, lru_cache

import numpy as np
import polars as pl
from numpy.typing import NDArray

from retrue.errors import TableError, nearest
from retrue.tables.trouble import explained

BATCH_ROWS = 262_144
"""Rows of a batch unless told otherwise: so many that calls cost nothing, so few that 100 columns fit in memory."""

STRETCH = 1 << 21
"""Rows of one Parquet file to decode at a time where few columns are read.

Polars reads ahead by row groups; ten million rows of one column took 331 MB that way, and 195 MB by stretches as fast.
"""
FEW_COLUMNS = 4
"""As many columns are read by stretches at most: with more, cutting row groups costs more than it saves."""


@dataclass(frozen=True, eq=False)
class Table:
    """A table of events, wherever it lives.

    Attributes:
        frame: the Polars query that reads it.
        name: what messages call it, such as `train.parquet` or `polars.DataFrame`.
        rows: how many rows it has, None where that takes a pass to know (see `count_rows`).
        columnar: reading one column costs only that column (in memory, Parquet, Delta).
        paths: the local files it is read from, for messages.
        seekable: any stretch of rows can be read at little more than its own cost (a single Parquet file).
        held: the whole table, where it is in memory anyway.
        keep: what must live as long as the table does, such as a downloaded file.

    >>> from retrue.tables import read
    >>> table = read({"x": [1, 2, 3], "y": ["a", "b", "c"]})
    >>> table.name, table.rows, table.columnar
    ('dict', 3, True)
    """

    frame: pl.LazyFrame
    name: str
    rows: int | None
    columnar: bool
    paths: tuple[str, ...] = ()
    seekable: bool = False
    held: pl.DataFrame | None = field(default=None, repr=False)
    keep: object = field(default=None, repr=False)

    @cached_property
    def dtypes(self) -> dict[str, pl.DataType]:
        """The Polars dtype of each column, in the table's order.

        Raises:
            TableError: the source can't be read, or has no columns.
        """
        with self.reading():
            dtypes = dict(self.frame.collect_schema())
        if not dtypes:
            raise TableError("a table without columns", where=self.name, expected="at least one column")
        return dtypes

    @property
    def near(self) -> bool:
        """Whether its rows are read by this process, and not by an engine elsewhere."""
        return True

    @property
    def columns(self) -> tuple[str, ...]:
        """The names of the columns, in the table's order."""
        return tuple(self.dtypes)

    def batches(self, columns: Sequence[str] | None = None, rows: int = BATCH_ROWS) -> Iterator[pl.DataFrame]:
        """Stream the table in row order, at most `rows` rows at a time.

        Args:
            columns: only these, in this order; None reads all.
            rows: how many rows a batch holds at most.

        Raises:
            TableError: an unknown column, or the source can't be read.

        >>> from retrue.tables import read
        >>> [batch.height for batch in read({"x": range(5)}).batches(rows=2)]
        [2, 2, 1]
        """
        if rows < 1:
            raise TableError(f"batches of {rows} rows", where=self.name, expected="at least 1")
        if self.held is not None:
            yield from self.picked(self.held, columns).iter_slices(rows)
            return
        query = self.query(columns)
        if self.seekable and columns is not None and len(columns) <= FEW_COLUMNS:
            yield from self.stretches(query, rows)
            return
        with self.reading():
            for batch in query.collect_batches(chunk_size=rows, maintain_order=True, engine="streaming"):
                if batch.height:
                    yield batch

    def stretches(self, query: pl.LazyFrame, rows: int) -> Iterator[pl.DataFrame]:
        """Read a query stretch by stretch, in batches of `rows`."""
        for start in range(0, self.count_rows(), STRETCH):
            # Nothing but the iterator holds a stretch, so that it is gone before the next one is read.
            yield from self.stretch(query, start).iter_slices(rows)

    def stretch(self, query: pl.LazyFrame, start: int) -> pl.DataFrame:
        """Read one stretch of a query."""
        with self.reading():
            return query.slice(start, STRETCH).collect(engine="in-memory")

    def sample(self, columns: Sequence[str] | None = None, rows: int = 100_000) -> pl.DataFrame:
        """Take `rows` rows evenly spread over the whole table (see `spread`), or all rows when it has no more.

        The same rows come out each time, from whatever source the table is read. Streams: memory holds the sample and a
        batch.

        >>> from retrue.tables import read
        >>> read({"x": range(10)}).sample(["x"], 5)["x"].to_list()
        [1, 2, 4, 7, 8]
        """
        total = self.count_rows()
        if total <= rows:
            return self.collect(columns)
        wanted = spread(total, rows)
        if self.held is not None:
            return self.picked(self.held, columns)[wanted]
        picked, start = [self.empty(columns)], 0
        for batch in self.batches(columns):
            first, last = np.searchsorted(wanted, (start, start + batch.height))
            picked.append(batch[wanted[first:last] - start])
            start += batch.height
        return pl.concat(picked)

    def count_rows(self) -> int:
        """Count the rows; costs a pass over a lazy frame, once."""
        return self.rows if self.rows is not None else self.counted

    @cached_property
    def counted(self) -> int:
        """The number of rows, counted at the source."""
        with self.reading():
            return int(self.frame.select(pl.len()).collect(engine="streaming").item())

    def collect(self, columns: Sequence[str] | None = None) -> pl.DataFrame:
        """Read the whole table, or some of its columns, into memory.

        >>> from retrue.tables import read
        >>> read({"x": [1, 2], "y": [3, 4]}).collect(["y"]).to_dict(as_series=False)
        {'y': [3, 4]}
        """
        if self.held is not None:
            return self.picked(self.held, columns)
        query = self.query(columns)
        with self.reading():
            return query.collect(engine="streaming")

    def distinct(self, column: str) -> pl.Series:
        """Find the distinct values of a column, nulls apart, sorted; costs a pass over the column.

        >>> from retrue.tables import read
        >>> read({"y": ["b", "a", None, "b"]}).distinct("y").to_list()
        ['a', 'b']
        """
        with self.reading():
            found = self.query([column]).unique().collect(engine="streaming")[column]
        return found.drop_nulls().sort()

    def empty(self, columns: Sequence[str] | None = None) -> pl.DataFrame:
        """Give the table without its rows."""
        wanted = self.columns if columns is None else self.check(columns)
        return pl.DataFrame(schema={name: self.dtypes[name] for name in wanted})

    def check(self, columns: Iterable[str]) -> list[str]:
        """Give `columns` back as a list.

        Raises:
            TableError: one of them isn't in the table.
        """
        wanted = list(columns)
        for name in wanted:
            if name not in self.dtypes:
                hint = nearest(name, self.dtypes)
                raise TableError(f"unknown column {name!r}", where=self.name, expected=listed(self.dtypes), hint=hint)
        return wanted

    def picked(self, frame: pl.DataFrame, columns: Sequence[str] | None) -> pl.DataFrame:
        """All or some columns of a frame."""
        return frame if columns is None else frame.select(self.check(columns))

    def query(self, columns: Sequence[str] | None) -> pl.LazyFrame:
        """The query for all or some of the columns."""
        return self.frame if columns is None else self.frame.select(self.check(columns))

    @contextmanager
    def reading(self) -> Iterator[None]:
        """Turn what Polars and the system say when reading fails into a TableError that names this table."""
        try:
            yield
        except (pl.exceptions.PolarsError, pl.exceptions.PanicException, OSError) as error:
            raise explained(error, self.name, self.paths) from error


@lru_cache(maxsize=4)  # columns that are read one at a time ask for the same rows
def spread(total: int, rows: int) -> NDArray[np.int64]:
    """Choose `rows` of `total` rows: one from each of as many stretches of (nearly) one length.

    Which one is as good as random, and always the same: with an even stride, of events that come in turns (sensors,
    hours, branches) only one kind might be seen.

    Returns:
        int64[rows], rising row numbers from 0 on; read-only.

    >>> spread(10, 5).tolist()
    [1, 2, 4, 7, 8]
    """
    edges = np.arange(rows + 1, dtype=np.int64) * total // rows
    chosen = edges[:-1] + (scattered(rows) * np.diff(edges)).astype(np.int64)
    chosen.flags.writeable = False
    return chosen


def scattered(n: int) -> NDArray[np.float64]:
    """Give n fixed numbers in [0, 1), as good as random: SplitMix64 (Steele, Lea, Flood 2014) of 1, 2, ... n.

    >>> scattered(3).round(3).tolist()
    [0.883, 0.432, 0.026]
    """
    z = np.arange(1, n + 1, dtype=np.uint64) * np.uint64(0x9E3779B97F4A7C15)
    z = (z ^ (z >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    z = (z ^ (z >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return ((z ^ (z >> np.uint64(31))) >> np.uint64(11)).astype(np.float64) * 2.0**-53


def listed(names: Iterable[str], most: int = 12) -> str:
    """Write names for a message, the first few of them.

    >>> listed(["a", "b", "c"], most=2)
    "'a', 'b', ... (3 in all)"
    """
    names = list(names)
    text = ", ".join(map(repr, names[:most]))
    return text if len(names) <= most else f"{text}, ... ({len(names)} in all)"
