"""Outliers: how events of a model stand against its reference, one by one: a window of size one.

What is learned of a reference is kept for the process, so that a single event is judged in milliseconds.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any

import polars as pl

from retrue.errors import TableError
from retrue.explain.standing import EDGE, OUTLIER_SCORE, Standing, Standings, reasons
from retrue.store.files import stamp
from retrue.tables import read
from retrue.workspace.stored import StoredModel

KEPT = 8
"""References that are kept for the process."""

_kept: dict[tuple[str, int], Standings] = {}


def standings(model: StoredModel, version: str | None = None) -> Standings:
    """What tells how events stand against a version's reference.

    Raises:
        StoreError: the reference, or its rows, are gone.
    """
    reference = model.reference_of(version or model.version)
    key = stamp(reference.path)
    if key not in _kept:
        grids = reference.load().grids
        counted = {source.column for source in grids.sources.values()}
        features = [name for name in model.schema.features if name in counted]
        learned = Standings(grids, reference.frame, features or None)
        while len(_kept) >= KEPT:
            _kept.pop(next(iter(_kept)))
        _kept[key] = learned
    return _kept[key]


def outlier(model: StoredModel, event: Any) -> Standing:
    """How one event stands.

    Raises:
        TableError: not one event.
    """
    table = model.store.masked(model.name, read(event).collect())
    if table.height != 1:
        raise TableError(f"{table.height} events", where="outlier", expected="one, as a dict or a table of one row")
    return standings(model).of(table)[0]


def outliers(model: StoredModel, since: datetime | None, until: datetime | None) -> pl.DataFrame:
    """The champion's logged events with their outlier scores, the oddest first, and the reason where one is odd."""
    table, learned = model.events(since, until, version=model.version).collect(), standings(model)
    layout = model.store.layout(model.name)
    named = [name for name in (layout.id_column, layout.time_column) if name in table.columns]
    score = pl.Series(OUTLIER_SCORE, learned.score(table), pl.Float64())
    ordered = table.with_columns(score).sort(OUTLIER_SCORE, descending=True, maintain_order=True)
    odd = int((score > EDGE).sum())
    because = [", ".join(map(str, one)) for one in reasons(learned.outliers, ordered.head(odd))] if odd else []
    told = pl.Series("because", [*because, *[None] * (table.height - odd)], pl.String())
    return ordered.select(*named, OUTLIER_SCORE).with_columns(told)
