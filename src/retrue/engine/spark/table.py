"""`SparkTable`: a table of events that stays on Spark; only samples, and what is asked for by name, come here."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import cached_property, partial
from typing import TYPE_CHECKING, Any

import numpy as np
import polars as pl

from retrue.errors import TableError, first_line
from retrue.slices import Slice
from retrue.tables import BATCH_ROWS, Table
from retrue.tables.table import spread

if TYPE_CHECKING:
    import pyarrow as pa  # type: ignore[import-untyped]

HELD_ROWS = 1_000_000
"""Tables of as many rows at most give the same sample here as on one machine: they are fetched, and sampled here."""
SEED = 1
"""Of Spark's own samples: the same rows come each time, as long as the partitions are the same."""
MARGIN = 1.02
"""Spark's samples hold about as many rows as were asked for: a few more are, and cut here."""


@dataclass(frozen=True, eq=False)
class SparkTable(Table):
    """A Spark DataFrame as a table.

    Attributes:
        data: the DataFrame, of a Spark session or of a Spark Connect one.
        parts: slices that its rows must be in; Polars decides, in the batches, as it does on one machine.
    """

    data: Any = None
    parts: tuple[Slice, ...] = ()

    @classmethod
    def of(cls, data: Any, name: str) -> SparkTable:
        """Make a table of a Spark DataFrame.

        Raises:
            TableError: it can't be read, or has columns that Arrow can't hold.
        """
        with telling(name):
            frame = pl.DataFrame(data.limit(0).toArrow())
            # Spark reads names as expressions (`a.b` is a field of a) and knows no capitals; it never sees ours.
            places = data.toDF(*(place(i) for i in range(frame.width)))
        return cls(frame.lazy(), name, None, columnar=False, data=places)

    @property
    def near(self) -> bool:
        return False

    def where(self, part: Slice) -> SparkTable:
        """The rows of a slice."""
        part.bind(self.dtypes)
        return replace(self, name=f"{self.name} where {part}", parts=(*self.parts, part))

    def chosen(self, columns: Sequence[str]) -> Any:
        """The DataFrame of these columns, named by their place in the table, of the rows that are in all slices."""
        needed = list(dict.fromkeys([*self.check(columns), *(c for one in self.parts for c in sorted(one.columns))]))
        data = self.data.select(*map(self.placed, needed))
        if self.parts:
            data = data.mapInArrow(partial(keep, parts=self.parts, columns=needed), data.schema)
        return data.select(*map(self.placed, columns))

    def placed(self, column: str) -> str:
        """What a column is called in `data`."""
        return place(self.columns.index(column))

    def fetched(self, data: Any, columns: Sequence[str]) -> pl.DataFrame:
        """Rows of these columns of `data`, brought here."""
        return named(data.toArrow(), columns)

    def collect(self, columns: Sequence[str] | None = None) -> pl.DataFrame:
        wanted = self.columns if columns is None else columns
        with self.reading():
            return self.fetched(self.chosen(wanted), wanted)

    def sample(self, columns: Sequence[str] | None = None, rows: int = 100_000) -> pl.DataFrame:
        total, wanted = self.count_rows(), self.columns if columns is None else columns
        if total <= max(rows, HELD_ROWS):
            whole = self.collect(wanted)
            return whole if total <= rows else whole[spread(whole.height, rows)]
        share = min(rows / total * MARGIN, 1.0)
        with self.reading():
            some = self.fetched(self.chosen(wanted).sample(fraction=share, seed=SEED), wanted)
        return some if some.height <= rows else some[spread(some.height, rows)]

    def batches(self, columns: Sequence[str] | None = None, rows: int = BATCH_ROWS) -> Iterator[pl.DataFrame]:
        yield from self.collect(columns).iter_slices(rows)

    @cached_property
    def counted(self) -> int:
        """The number of rows, counted on Spark."""
        with self.reading():
            return int(self.chosen(self.columns[:1]).count())

    def distinct(self, column: str) -> pl.Series:
        with self.reading():
            found = self.fetched(self.chosen([column]).distinct(), [column])[column]
        return found.drop_nulls().unique().sort()

    @contextmanager
    def reading(self) -> Iterator[None]:
        with telling(self.name):
            yield


@contextmanager
def telling(name: str) -> Iterator[None]:
    """Turn what Spark says when a job fails into a TableError that names the table."""
    from pyspark.errors import PySparkException

    try:
        yield
    except PySparkException as error:
        raise TableError(f"Spark says: {reason(str(error))}", where=name, hint=advice(str(error))) from error


def reason(text: str) -> str:
    """What went wrong, of all that Spark says: the last line of a Python worker's traceback, or the first one.

    >>> reason("PythonException: Traceback (most recent call last):\\n  File x\\nValueError: no\\n\\n\\tat org.apache")
    'ValueError: no'
    """
    _, found, trace = text.partition("Traceback (most recent call last):")
    told = [line for line in trace.splitlines() if line.strip() and not line.startswith((" ", "\t"))]
    return told[0].strip() if found and told else first_line(ValueError(text))


def advice(text: str) -> str | None:
    """What to do about it, where that is known."""
    if "No module named" in text:
        return 'the workers\' Python needs it as well: pip install "retrue[spark]" there'
    return None


def keep(batches: Iterable[pa.RecordBatch], parts: Sequence[Slice], columns: Sequence[str]) -> Iterator[pa.RecordBatch]:
    """On a worker: the rows that are in all slices."""
    import pyarrow as pa

    for batch in batches:
        frame = named(batch, columns)
        kept = np.logical_and.reduce([part.mask(frame).to_numpy() for part in parts])
        yield batch.filter(pa.array(kept))


def named(batch: Any, columns: Sequence[str]) -> pl.DataFrame:
    """An Arrow batch, or table, in Polars, its columns called as those of the table that it comes from."""
    frame = pl.DataFrame(batch)
    frame.columns = list(columns)
    return frame


def place(i: int) -> str:
    """What the column at place i is called on Spark."""
    return f"c{i}"
