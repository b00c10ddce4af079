"""What the newest windows' profiles say of the services that run models: latency, and system signals."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from itertools import chain

from retrue.adapters.samples import Family, Sample
from retrue.core.grid import NumericGrid
from retrue.errors import RetrueError
from retrue.schema import Schema
from retrue.store import rows
from retrue.store.store import Store
from retrue.workspace.signals import NUMBERS, SUFFIX, are_signals

EDGES = 20
"""Buckets of a latency histogram."""


@dataclass(frozen=True)
class Books:
    """What came of a champion: all its rows and labels, and its newest window."""

    model: str
    version: str
    events: int = 0
    labelled: int = 0
    last: rows.Window | None = field(default=None)


Roles = tuple[str, ...]
"""Columns whose newest profile is exported."""


@lru_cache(maxsize=4096)
def roles_of(model: str, schema: str) -> Roles:
    """What the newest window of a model tells: the signals of a service, or how long predictions took; often nothing.

    Args:
        model: its name.
        schema: its schema in JSON.
    """
    known = Schema.from_json(schema)
    if are_signals(model, known):
        return tuple(NUMBERS)
    return () if known.latency is None else (known.latency,)


def newest_of(store: Store, books: Books, roles: Roles) -> tuple[Sample, ...]:
    """What the newest window's profile says; nothing where it can't be read, which `doctor` tells."""
    if books.last is None:
        return ()
    try:
        return tuple(signals_of(store, books) if roles == tuple(NUMBERS) else latency_of(store, books, roles[0]))
    except RetrueError:
        return ()


def of_newest(found: Mapping[str, Sequence[Sample]]) -> Iterator[Family]:
    """How long predictions took, as buckets that `histogram_quantile` reads; and how the services' machines were."""
    every = list(chain.from_iterable(found.values()))
    text = "How long predictions took in the newest window, in the model's own unit: rows up to `le`."
    yield Family("latency", text, tuple(one for one in every if one.suffix), histogram=True)
    text = "System signals of the service that runs the model, in the newest window: their mean."
    yield Family("system", text, tuple(one for one in every if not one.suffix))


def latency_of(store: Store, books: Books, role: str) -> list[Sample]:
    """The buckets of one model, their sum and their count."""
    start = books.last.start if books.last else 0
    column = store.column_profiles(books.model, role, [start]).get((books.version, start))
    if column is None or not isinstance(column.grid, NumericGrid):
        return []
    cuts, rows_below = column.grid.cuts, column.counts.cumsum()  # rows below each cut, then all that are finite
    step = max(len(cuts) // EDGES, 1)
    told = {f"{cuts[i]:.6g}": float(rows_below[i]) for i in range(0, len(cuts), step)} | {"+Inf": float(rows_below[-1])}
    named = {"model": books.model, "version": books.version}
    buckets = [Sample(n, {**named, "le": le}, "_bucket") for le, n in told.items()]
    total = column.moments.mean * column.moments.n
    return [*buckets, Sample(total, named, "_sum"), Sample(told["+Inf"], named, "_count")]


def signals_of(store: Store, books: Books) -> list[Sample]:
    """The mean of each signal of one service that is known."""
    start = books.last.start if books.last else 0
    stored = store.profiles(books.model, version=books.version, slice="", start=start)
    columns, watched = stored[0].profile.columns if stored else {}, books.model.removesuffix(SUFFIX)
    known = [(name, columns[name].moments) for name in NUMBERS if name in columns]
    return [Sample(found.mean, {"model": watched, "signal": name}) for name, found in known if found.n]
