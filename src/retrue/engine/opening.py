"""Where tables are opened for an engine, and how far they may come."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any, TypeVar

from retrue.engine.local import FIT_ROWS
from retrue.errors import ConfigError, nearest
from retrue.tables import Table, read

T = TypeVar("T")
R = TypeVar("R")

ENGINES = ("local", "spark")
"""Where the counting pass can run."""
VARIABLE = "RETRUE_ENGINE"
"""Names the engine, where nobody else does."""


def open_table(source: Any, engine: str = "local") -> Table:
    """Open a table where `engine` counts it.

    Raises:
        ConfigError: there is no such engine.
        TableError: it can't be read there.
        RetrueError: the engine isn't installed.
    """
    check_engine(engine)
    if engine == "local":
        return read(source)
    from retrue.engine.spark import sources

    return sources.read(source)


def spread_on(engine: str) -> Callable[[Callable[[T], R], Sequence[T]], Iterable[R]]:
    """What does the same work on each of several items, where `engine` counts; `map` does it in this process.

    Raises:
        ConfigError: there is no such engine.
        RetrueError: the engine isn't installed.
    """
    check_engine(engine)
    if engine == "local":
        return map
    from retrue.engine.spark.spreading import spread

    return spread


def check_engine(engine: str) -> None:
    """Raise ConfigError unless there is such an engine."""
    if engine not in ENGINES:
        raise ConfigError(
            f"unknown engine {engine!r}", expected=" or ".join(map(repr, ENGINES)), hint=nearest(engine, ENGINES)
        )


def brought_near(table: Table) -> Table:
    """The table, in this process's memory where it lies elsewhere and grids can be fitted on all of its rows.

    A grid is then the same wherever the reference lies; of a larger one both engines fit grids on a sample.
    """
    if table.near or table.count_rows() > FIT_ROWS:
        return table
    return read(table.collect(), name=table.name)
