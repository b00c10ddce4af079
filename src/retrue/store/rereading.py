"""A query over the lake that survives what happens to its files: one that is gone or damaged costs a second try.

Files go when rows are erased, or when upkeep cleans up behind a reader who took his time; damaged ones are set aside by
`mend`. The query is then made anew, of what is there.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any

import polars as pl

from retrue.errors import StoreError
from retrue.store.damage import READING

HELD = 1_000_000
"""Rows that are held back until it is known that they need not be read again; what is more is handed on as it comes."""
BATCH = 100_000


def rereading(make: Callable[[], pl.LazyFrame], mend: Callable[[], object]) -> pl.LazyFrame:
    """Give a query that is made anew, once, where its files can't be read.

    Args:
        make: makes the query, of what is there.
        mend: is called before it is made anew.

    Raises:
        StoreError: when it is read, and a file can't be after many rows were handed on: read again.
    """
    first = make()
    if not first.collect_schema():  # there is nothing yet
        return first

    def source(
        columns: list[str] | None, predicate: pl.Expr | None, most: int | None, size: int | None
    ) -> Iterator[pl.DataFrame]:
        def narrowed(lazy: pl.LazyFrame) -> pl.LazyFrame:
            lazy = lazy if most is None else lazy.head(most)
            lazy = lazy if predicate is None else lazy.filter(predicate)
            return lazy if columns is None else lazy.select(columns)

        try:
            yield from _settling(narrowed(first), size or BATCH)
        except _Unread:
            mend()
            yield from _settling(narrowed(make()), size or BATCH)

    return _registered(source, first.collect_schema())


class _Unread(Exception):  # noqa: N818 - never leaves this module
    """A file couldn't be read, and nothing was handed on yet."""


def _settling(lazy: pl.LazyFrame, size: int) -> Iterator[pl.DataFrame]:
    """The batches of a query; the first million rows at once, when they are all there."""
    held, rows = list[pl.DataFrame](), 0
    handed = False
    try:
        for batch in lazy.collect_batches(chunk_size=size, maintain_order=True, engine="streaming"):
            held.append(batch)
            rows += len(batch)
            if rows >= HELD:
                handed = True
                yield from held
                held = []
    except READING as error:
        if not handed:
            raise _Unread from error
        hint = "read again: what can't be read is set aside by then"
        raise StoreError("a file went, or was found damaged, while it was read", hint=hint) from error
    yield from held


def _registered(source: Any, schema: pl.Schema | Sequence[Any]) -> pl.LazyFrame:
    from polars.io.plugins import register_io_source

    return register_io_source(source, schema=schema)  # type: ignore[arg-type]
