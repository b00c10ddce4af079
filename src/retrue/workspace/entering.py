"""Entering: how a model gets into a store, whole or not at all; see `Workspace.register`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import polars as pl

from retrue.core.reference import Reference
from retrue.engine import local
from retrue.engine.opening import brought_near
from retrue.errors import SchemaError, TableError
from retrue.schema import Schema
from retrue.schema.roles import check_apart, check_given
from retrue.store import rows
from retrue.store.keeping import Keep
from retrue.store.layout import Layout
from retrue.store.privacy import Privacy
from retrue.store.store import Store
from retrue.tables import Table, read
from retrue.workspace import groups
from retrue.workspace.acting import audit
from retrue.workspace.options import Options
from retrue.workspace.promote.datasets import PARTS, counted, keep_sets, profile_path
from retrue.workspace.pulling import checked, describe
from retrue.workspace.registering import (
    OPTIONS,
    base_window,
    check_ids,
    check_rules,
    check_watched,
    kept_columns,
    learn,
    refuse_weights,
    telling,
    watched_slices,
)
from retrue.workspace.stored import StoredModel


@dataclass(frozen=True, eq=False)
class Entry:
    """A model that is to be written down.

    Attributes:
        model, version: which.
        layout, options: how its events lie, and how it is watched.
        learned, rows: what was learned from the reference, and its rows that are kept.
        validation: what it was validated on; None where nobody said.
    """

    model: StoredModel
    version: str
    layout: Layout
    options: Options
    learned: Reference
    rows: pl.DataFrame
    validation: pl.DataFrame | None

    @property
    def sets(self) -> list[tuple[str, pl.DataFrame]]:
        """What is recorded of the data that it came from."""
        return [] if self.validation is None else [("training", self.rows), ("validation", self.validation)]


def register(
    store: Store,
    name: str,
    reference: Any,
    *,
    schema: Schema | None = None,
    options: Mapping[str, Any] | None = None,
    version: str = "1",
    predict: Any = None,
    privacy: Mapping[str, str] | None = None,
    keep: str | Mapping[str, Any] | None = None,
    validation: Any = None,
    sources: Mapping[str, Any] | None = None,
    **roles: Any,
) -> StoredModel:
    """Look at all that is said, and then write the model down."""
    described = checked(sources or {})
    if not isinstance(name, str):
        raise SchemaError(f"a model called {name!r}", expected="a name: letters, digits, `.`, `_` and `-`")
    check_given([key for key in roles if key not in OPTIONS], OPTIONS)
    given = {**(options or {}), **{key: roles.pop(key) for key in list(roles) if key in OPTIONS}}
    check_apart(schema, roles)
    private = Privacy(privacy or {}, roles.get("timezone") or "UTC", store.secret)
    table = masked(brought_near(read(reference)), private)
    found, known = (schema, None) if schema is not None else local.infer(table, **roles)
    private.check(found)
    refuse_weights(found)
    if predict is not None:
        given["watch"] = telling(found, table, predict, given.get("watch"))
    chosen = Options.of(groups.with_budget(store, name, given), base_window(table, found))
    learned = learn(table, found, chosen, known)
    check_rules(chosen, learned)
    check_watched(chosen.watch, found)
    kept = kept_rows(table, found)
    layout = replace(Layout.of(found, int(chosen.window)), privacy=dict(private.rules))
    layout = replace(layout, keep=Keep.of(keep).fitted(found, layout).to_dict())
    check_ids(kept, layout)
    held = None if validation is None else private.mask(read(validation).collect())
    model = enter(Entry(StoredModel(store, name), version, layout, chosen, learned, kept, held))
    describe(store, name, described)
    return model


def masked(table: Table, private: Privacy) -> Table:
    """A reference without what isn't to be kept.

    Raises:
        TableError: it has no rows.
    """
    if table.count_rows() == 0:
        raise TableError("a reference without rows", where=table.name, expected="at least one row")
    if private and not table.near:
        raise TableError(
            f"columns of {table.count_rows():,} rows elsewhere can't be masked here", where=table.name,
            hint="give the table without them, or at most a million rows of it",
        )  # fmt: skip
    return read(private.mask(table.collect()), name=table.name) if private else table


def kept_rows(table: Table, schema: Schema) -> pl.DataFrame:
    """The rows of a reference that are kept for retraining: all, or a sample where they lie elsewhere and are many."""
    columns = kept_columns(schema, table)
    return table.collect(columns) if table.near else table.sample(columns, local.FIT_ROWS)


def enter(entry: Entry) -> StoredModel:
    """Write a model down, whole or not at all."""
    model, version, learned = entry.model, entry.version, entry.learned
    store, settings = model.store, entry.options.to_dict()
    _ = model.reference_of(version).path  # a version that can't be kept is refused before anything is written
    if any(row.name == model.name for row in store.models()) and not model.versions():
        withdraw(model, version)  # what a crash left of an earlier attempt
    store.add_model(model.name, entry.layout, schema=learned.schema.to_json(), settings=settings)
    try:
        store.set_slices(model.name, watched_slices(learned, entry.options))
        with store.catalog.write() as tx:
            audit(tx, "registered", model.name, {"version": version, "rows": learned.profile.rows})
        sets = [counted(model, part, frame, version, learned.grids) for part, frame in entry.sets]
        model.set_reference(version, learned, entry.rows, stage="champion")  # last: a version makes it whole
        keep_sets(model, version, sets)
    except BaseException:  # half a model would keep the name and watch nothing
        withdraw(model, version)
        raise
    return model


def withdraw(model: StoredModel, version: str) -> None:
    """Take back a registration that failed halfway."""
    with model.store.catalog.write() as tx:
        tx.remove(rows.Version, model=model.name, version=version)
        if tx.remove(rows.Model, name=model.name):
            audit(tx, "registration withdrawn", model.name, {"version": version})
    path = model.reference_of(version).path
    for file in (path, *(profile_path(path, part) for part in PARTS)):
        file.unlink(missing_ok=True)
