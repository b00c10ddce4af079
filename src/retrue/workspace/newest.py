"""What the newest windows' profiles say of the services that run models: latency, and system signals."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from retrue.adapters.samples import Family, Sample
from retrue.core.column import ColumnProfile
from retrue.core.grid import NumericGrid
from retrue.errors import RetrueError
from retrue.store import rows
from retrue.store.store import Store
from retrue.workspace.signals import NUMBERS, SUFFIX, holds_signals
from retrue.workspace.stored import StoredModel

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


def of_newest(store: Store, books: Sequence[Books]) -> Iterator[Family]:
    """How long predictions took, as buckets that `histogram_quantile` reads; and how the services' machines were."""
    took: list[Sample] = []
    machines: list[Sample] = []
    for one in books:
        try:
            model = StoredModel(store, one.model)
            if holds_signals(model):
                machines += signals_of(model, one)
            else:
                took += latency_of(model, one)
        except RetrueError:  # a profile that can't be read costs this figure, and `doctor` names it
            continue
    text = "How long predictions took in the newest window, in the model's own unit: rows up to `le`."
    yield Family("latency", text, tuple(took))
    text = "System signals of the service that runs the model, in the newest window: their mean."
    yield Family("system", text, tuple(machines))


def latency_of(model: StoredModel, books: Books) -> list[Sample]:
    """The buckets of one model; none where it has no latency or no window."""
    column = newest(model, books).get(model.schema.latency or "")
    if column is None or not isinstance(column.grid, NumericGrid):
        return []
    cuts, rows_below = column.grid.cuts, column.counts.cumsum()  # rows below each cut, then all that are finite
    step = max(len(cuts) // EDGES, 1)
    told = {f"{cuts[i]:.6g}": float(rows_below[i]) for i in range(0, len(cuts), step)} | {"+Inf": float(rows_below[-1])}
    named = {"model": books.model, "version": books.version}
    return [Sample(n, {**named, "le": le}, "_bucket") for le, n in told.items()]


def signals_of(model: StoredModel, books: Books) -> list[Sample]:
    """The mean of each signal of one service that is known."""
    columns, watched = newest(model, books), books.model.removesuffix(SUFFIX)
    known = [(name, columns[name].moments) for name in NUMBERS if name in columns]
    return [Sample(found.mean, {"model": watched, "signal": name}) for name, found in known if found.n]


def newest(model: StoredModel, books: Books) -> dict[str, ColumnProfile]:
    """The columns of the newest window; none where there is no window."""
    if books.last is None:
        return {}
    stored = model.store.profiles(model.name, version=books.version, slice="", start=books.last.start)
    return dict(stored[0].profile.columns) if stored else {}
