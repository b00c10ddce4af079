"""Collect: events of a slice, kept in the store under a name; and the log itself as a part of a `Mix`."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime
from io import BytesIO
from typing import TYPE_CHECKING

import polars as pl

from retrue.core.hashing import hash64
from retrue.refine.collect import ORDER, Collected
from retrue.refine.collect import collect as choose
from retrue.slices import Slice
from retrue.store import rows
from retrue.workspace import clock
from retrue.workspace.acting import audit
from retrue.workspace.outliers import with_score

if TYPE_CHECKING:
    from retrue.workspace.model import Model


@dataclass(frozen=True, eq=False)
class Logged:
    """Logged events as a part of a `Mix`; `retrain` takes only those whose labels have matured."""

    name: str
    frame: pl.DataFrame


def collect(
    model: Model,
    where: str | Slice,
    *,
    budget: int | None,
    since: datetime | None,
    until: datetime | None,
    name: str | None,
) -> Collected:
    """Collect the champion's logged events of a slice, with their labels, and keep them."""
    part = Slice.of(where)
    table = model.events(since, until, version=model.version).collect()
    id_column = model.store.layout(model.name).id_column
    hashed = table.with_columns(hash64(table[id_column]).alias(ORDER)) if id_column in table.columns else table
    chosen = choose(with_score(model, hashed, [part]), part, name=name or str(part), budget=budget)
    found = replace(chosen, rows=chosen.rows.select(table.columns))
    keep(model, found)
    return found


def keep(model: Model, found: Collected) -> None:
    """Keep a collection in the catalog; one of the same name is replaced."""
    data = BytesIO()
    found.rows.write_parquet(data, compression="zstd")
    row = rows.Collection(
        model.name, found.name, found.rows.height, data.getvalue(), clock.micros(clock.now()), found.slice,
        {"matched": found.matched},
    )  # fmt: skip
    # A slice may ask for one person's rows by their values, and what is in the audit log can't be erased.
    said = {} if found.name == found.slice else {"name": found.name}
    with model.store.catalog.write() as tx:
        tx.put(row)
        audit(tx, "collected", model.name, {**said, "rows": found.rows.height})


def collections(model: Model) -> list[Collected]:
    """What was collected, oldest first, with the labels known when it was."""
    with model.store.catalog.read() as tx:
        found = sorted(tx.find(rows.Collection, model=model.name), key=lambda row: row.created)
    return [
        Collected(row.name, row.sql, pl.read_parquet(BytesIO(row.data)), int(row.body.get("matched", row.rows)))
        for row in found
    ]
