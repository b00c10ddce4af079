"""Work that needs no DataFrame, done on Spark's workers: one task for each item, results in order."""

from __future__ import annotations

import pickle
from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import partial
from typing import TYPE_CHECKING, TypeVar

from retrue.engine.spark.sources import session
from retrue.engine.spark.table import telling

if TYPE_CHECKING:
    import pyarrow as pa  # type: ignore[import-untyped]

T = TypeVar("T")
R = TypeVar("R")

SCHEMA = "place bigint, result binary"


def spread(work: Callable[[T], R], items: Sequence[T]) -> Iterator[R]:
    """Do `work` on each item on the workers; what it reads must be within their reach, such as a shared folder.

    Raises:
        TableError: it failed there.
    """
    if not items:
        return
    with telling("Spark's workers"):
        places = session().range(0, len(items), 1, len(items))
        found = places.mapInArrow(partial(done, work=work, items=list(items)), SCHEMA).toArrow()
    results = dict(zip(found.column(0).to_pylist(), found.column(1), strict=True))
    for place in range(len(items)):
        yield pickle.loads(results[place].as_py())  # noqa: S301 - written by our own workers, over Spark's own channel


def done(batches: Iterable[pa.RecordBatch], work: Callable[[T], R], items: Sequence[T]) -> Iterator[pa.RecordBatch]:
    """On a worker: the results of some items."""
    import pyarrow as pa

    for batch in batches:
        for place in batch.column(0).to_pylist():
            result = pa.array([pickle.dumps(work(items[place]))], pa.binary())
            yield pa.RecordBatch.from_arrays([pa.array([place], pa.int64()), result], ["place", "result"])
