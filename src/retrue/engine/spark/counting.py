"""Counting a Spark table: a profile of each partition, added up in two steps."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any
from zlib import crc32

import polars as pl

from retrue.core.cube import EVERYTHING
from retrue.core.grids import Grids
from retrue.core.profile import Profile
from retrue.engine import local, slices
from retrue.engine.local import present
from retrue.engine.repeats import count_repeats
from retrue.engine.spark.table import SparkTable, named
from retrue.metrics.quality.duplicates import NAMED, Repeats, most_repeated
from retrue.slices import Slice
from retrue.tables import BATCH_ROWS

if TYPE_CHECKING:
    import pyarrow as pa  # type: ignore[import-untyped]

SCHEMA = "slice string, profile binary, part int"
SUMS = 16
"""How many sums of profiles reach the driver at most, however many partitions there are."""
BATCH_BYTES = 256 << 20
"""Batches are counted together up to so many bytes: embeddings are large."""


@local.count.register
def count(table: SparkTable, grids: Grids) -> Profile:
    """Profile a whole table on Spark (see `engine.local.count`)."""
    return count_slices(table, grids, ())[EVERYTHING]


@slices.count_slices.register
def count_slices(table: SparkTable, grids: Grids, slices: Sequence[Slice]) -> dict[str, Profile]:
    """Profile a table and its slices on Spark (see `engine.slices.count_slices`)."""
    for one in slices:
        one.check(table.dtypes)
    wanted = present(grids.reads.union(*(one.columns for one in slices)), table) or [table.columns[0]]
    sent = grids.to_bytes()
    first = partial(profiled, columns=wanted, grids=sent, slices=tuple(slices))
    with table.reading():
        counted = table.chosen(wanted).mapInArrow(first, SCHEMA)
        sums = counted.repartition("part").mapInArrow(partial(summed, grids=sent), SCHEMA)
        found = added(sums.toArrow().to_batches(), grids)
    names = {EVERYTHING: grids, **{one.to_sql(): grids.coarse for one in slices}}
    return {name: found[name] if name in found else own.empty() for name, own in names.items()}


@slices.sliced.register
def sliced(table: SparkTable, part: Slice | None) -> SparkTable:
    """The rows of a slice."""
    return table if part is None else table.where(part)


@count_repeats.register
def repeats(table: SparkTable, name: str) -> Repeats:
    """Count the ids of a column on Spark: the one step whose shuffle grows with the rows."""
    from pyspark.sql import functions as fn

    with table.reading():
        ids = table.chosen([name]).toDF("id").dropna()
        counted = ids.groupBy("id").agg(fn.count("*").alias("n"))
        rows, distinct = counted.agg(fn.sum("n"), fn.count("*")).toArrow().to_pylist()[0].values()
        most = counted.filter("n > 1").orderBy(fn.desc("n"), fn.col("id").cast("string")).limit(NAMED)
        names = most_repeated(pl.DataFrame(most.toArrow())) if distinct < (rows or 0) else ()
    return Repeats(int(rows or 0), int(distinct), names)


def profiled(
    batches: Iterable[pa.RecordBatch], columns: Sequence[str], grids: bytes, slices: Sequence[Slice]
) -> Iterator[pa.RecordBatch]:
    """On a worker: the profiles of one partition."""
    ready, found = Grids.from_bytes(grids), dict[str, Profile]()
    for frame in gathered(batches, columns):
        for name, profile in of_batch(ready, frame, slices):
            found[name] = found[name] + profile if name in found else profile
    yield from written(found)


def of_batch(grids: Grids, frame: pl.DataFrame, parts: Sequence[Slice]) -> Iterator[tuple[str, Profile]]:
    """The profiles of one batch."""
    if not parts:
        yield EVERYTHING, grids.count(frame)
        return
    yield from slices.parts_of(grids, frame, {one.to_sql(): one.mask(frame).to_numpy() for one in parts})


def summed(batches: Iterable[pa.RecordBatch], grids: bytes) -> Iterator[pa.RecordBatch]:
    """On a worker: the sums of some partitions' profiles."""
    yield from written(added(batches, Grids.from_bytes(grids)))


def added(batches: Iterable[pa.RecordBatch], grids: Grids) -> dict[str, Profile]:
    """Add profiles up by slice, one after the other: no more than one more than there are slices is held."""
    found: dict[str, Profile] = {}
    for batch in batches:
        for name, content in zip(batch.column(0), batch.column(1), strict=True):
            sql = name.as_py()
            own = (grids if sql == EVERYTHING else grids.coarse).columns
            profile = Profile.from_bytes(content.as_py(), own)
            found[sql] = found[sql] + profile if sql in found else profile
    return found


def written(found: Mapping[str, Profile]) -> Iterator[pa.RecordBatch]:
    """Profiles as rows; none where there are none."""
    import pyarrow as pa

    if found:
        content = [profile.to_bytes(grids=False) for profile in found.values()]
        # By content, so that a partition that is counted again, because a worker was lost, goes where it went before.
        parts = [crc32(one) % SUMS for one in content]
        columns: list[Any] = [pa.array(list(found)), pa.array(content), pa.array(parts, pa.int32())]
        yield pa.RecordBatch.from_arrays(columns, ["slice", "profile", "part"])


def gathered(batches: Iterable[pa.RecordBatch], columns: Sequence[str]) -> Iterator[pl.DataFrame]:
    """Put Spark's batches of ten thousand rows together: counting has a cost a batch."""
    held: list[pl.DataFrame] = []
    rows = size = 0
    for batch in batches:
        held.append(named(batch, columns))
        rows, size = rows + batch.num_rows, size + batch.nbytes
        if rows >= BATCH_ROWS or size >= BATCH_BYTES:
            yield pl.concat(held)
            held, rows, size = [], 0, 0
    if rows:
        yield pl.concat(held)
