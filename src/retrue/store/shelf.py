"""What every part of a store's interface stands on: its files, its models, and how their events are counted."""

from __future__ import annotations

import json
import secrets
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

import polars as pl

from retrue.core.grids import Grids
from retrue.core.hashing import hash64
from retrue.core.reference import Reference
from retrue.errors import SchemaError, StoreError, nearest
from retrue.schema.roles import listed
from retrue.slices import Slice
from retrue.store import rows
from retrue.store.catalog import Catalog, Transaction
from retrue.store.counting import Counting, GridCounting
from retrue.store.files import AnyPath, Remote
from retrue.store.held import Tally
from retrue.store.keeping import Keep
from retrue.store.lake import TABLES, LakeTable, Snapshot
from retrue.store.layout import Layout, polars_type
from retrue.store.locks import Locks
from retrue.store.privacy import Privacy
from retrue.store.reading import HashCache
from retrue.store.recount import Spread
from retrue.store.secret import secret
from retrue.store.segment import Hasher
from retrue.store.spool import Spool

Types = Mapping[str, pl.DataType]

CountingFactory = Callable[[Transaction, str, Types], Counting | None]
"""Gives how a model's events are counted, from the catalog and the types of its columns; None: not yet."""


def grid_counting(tx: Transaction, model: str, types: Types) -> Counting | None:
    """Count on the model's grids and slices as the catalog has them; None before there is a reference."""
    row = tx.get(rows.Model, name=model)
    if row is None or row.digest is None:
        return None
    grids = tx.get(rows.GridsRow, model=model, digest=row.digest)
    if grids is None:
        raise StoreError(f"the grids {row.digest} of {model!r} are gone", hint="restore the catalog from a backup")
    slices = [Slice.parse(one.sql, one.name) for one in tx.find(rows.NamedSlice, model=model)]
    label, since = Layout.from_dict(row.layout).label, slices_since(tx, model)
    return GridCounting(Grids.from_bytes(grids.data), slices, label, types, since)


def slices_since(tx: Transaction, model: str) -> dict[str, int]:
    """The first window start, in seconds, of slices that came when the lake hadn't all events whole any more."""
    said = tx.fact(f"slices since: {model}")
    return json.loads(said) if said else {}


def keep_slices_since(tx: Transaction, model: str, since: Mapping[str, int]) -> None:
    """Say from which window on slices are counted."""
    tx.set_fact(f"slices since: {model}", json.dumps(since))


LISTED = 10
"""How many models are named where none is near."""


@dataclass(eq=False)
class Shelf:
    """Abstract: the files of a store in a folder, and what is known of its models.

    Args:
        folder: where it is; of a store at a URL what is on this machine.
        catalog: its catalog.
        spool: its spool.
        counting: how events are counted.
        fault: called with the name of each step (tests crash there).
        hasher: hashes ids.
        url: what its lake, references and runs are under, where that is not the folder.
        spread: where events of the lake are recounted; `map`: in this process.
    """

    folder: Path
    catalog: Catalog
    spool: Spool
    counting: CountingFactory = grid_counting
    fault: Callable[[str], None] = field(default=lambda _: None)
    hasher: Hasher = hash64
    url: Remote | None = None
    spread: Spread = map

    def __post_init__(self) -> None:
        self._tables: dict[str, dict[str, LakeTable]] = {}
        self._layouts: dict[str, Layout] = {}
        self._countings: dict[tuple[object, ...], Counting | None] = {}
        self._references: dict[tuple[str, str, str, int], Reference] = {}
        self._tallies: dict[str, tuple[Snapshot, Tally]] = {}  # what the quarantine holds, by model
        self._vetted: dict[tuple[str, str], set[str]] = {}  # names that passed the door, by model and kind
        self._scored: dict[str, tuple[str, ...]] = {}  # columns of scores by model; they never change
        self._cache = HashCache()

    @property
    def root(self) -> AnyPath:
        """What its lake, references and runs are under: its folder, or a URL."""
        return self.url or self.folder

    def models(self) -> tuple[rows.Model, ...]:
        """Every registered model."""
        with self.catalog.read() as tx:
            return tx.find(rows.Model)

    def model(self, name: str) -> rows.Model:
        """One model; SchemaError names the nearest where there is none of that name."""
        with self.catalog.read() as tx:
            found = tx.get(rows.Model, name=name)
            if found is None:
                raise unknown_model(name, sorted(m.name for m in tx.find(rows.Model)), str(self.root))
        return found

    def layout(self, model: str) -> Layout:
        """A model's roles; they never change."""
        if model not in self._layouts:
            self._layouts[model] = Layout.from_dict(self.model(model).layout)
        return self._layouts[model]

    def privacy(self, model: str) -> Privacy:
        """What becomes of columns of the model that aren't kept as they come."""
        layout = self.layout(model)
        return Privacy(layout.privacy, layout.timezone, self.secret)

    def keeping(self, model: str) -> Keep:
        """Which rows of the model are kept whole."""
        return Keep.of(self.layout(model).keep)

    def secret(self) -> bytes:
        """The key that values are hashed with."""
        return secret(self.folder, self.catalog)

    def _counting(self, tx: Transaction, model: str) -> Counting | None:
        """The counting of this moment; rebuilt only when grids or slices have changed."""
        row = tx.get(rows.Model, name=model)
        key = (model, row.digest if row else None, *((s.name, s.sql) for s in tx.find(rows.NamedSlice, model=model)))
        key = (*key, tx.fact(f"slices since: {model}"))
        if key not in self._countings:
            self._countings = {k: v for k, v in self._countings.items() if k[0] != model}
            self._countings[key] = self.counting(tx, model, self.columns(model))
        return self._countings[key]

    def slices(self, model: str) -> tuple[Slice, ...]:
        """The named slices that profiles are kept for."""
        with self.catalog.read() as tx:
            return tuple(Slice.parse(one.sql, one.name) for one in tx.find(rows.NamedSlice, model=model))

    def counting_on(self, model: str, grids: Grids, slices: Iterable[Slice]) -> GridCounting:
        """How events would be counted on these grids and slices."""
        with self.catalog.read() as tx:
            since = slices_since(tx, model)
        return GridCounting(grids, tuple(slices), self.layout(model).label, self.columns(model), since)

    def columns(self, model: str) -> dict[str, pl.DataType]:
        """Every column that the model's events are known to have, with its type in the lake."""
        layout = self.layout(model)
        types = {**layout.types, **self.spool.types(model, "events", {}), **self.spool.types(model, "labels", {})}
        own = {layout.id_column: "String", layout.version_column: "String", layout.time_column: "Datetime"}
        return {name: polars_type(text) for name, text in {**types, **own}.items()}

    def tables(self, model: str) -> dict[str, LakeTable]:
        """The lake tables of a model."""
        if model not in self._tables:
            root = self.root / "lake" / model
            self._tables[model] = {name: LakeTable(root / name, self.fault) for name in TABLES}
        return self._tables[model]

    @property
    def locks(self) -> Locks:
        """What holds others off."""
        return self.catalog.locks

    @cached_property
    def id(self) -> str:
        """The store's id, as its catalog has it."""
        return self.catalog.setting("store", token())


def token() -> str:
    """A random name that nothing else has."""
    return secrets.token_hex(16)


def unknown_model(name: str, known: Sequence[str], folder: str) -> SchemaError:
    """The error for a model that isn't there: it names the nearest one, or else those that there are.

    >>> print(unknown_model("fraud", ["churn", "loans"], "store"))
    unknown model 'fraud' in store: expected 'churn', 'loans'
    >>> print(unknown_model("x", [], "store"))
    unknown model 'x' in store: expected a model, and there is none yet. Hint: retrue register NAME --reference TABLE
    """
    near = nearest(name, known)
    others = listed(known, LISTED) if known else "a model, and there is none yet"
    hint = near if known else "retrue register NAME --reference TABLE"
    return SchemaError(f"unknown model {name!r}", where=folder, expected=None if near else others, hint=hint)


def reference_row(model: str, version: str, reference: Reference, made: int, body: Mapping[str, Any]) -> rows.Reference:
    """A version's reference as a row."""
    profile = reference.profile
    labelled = int(profile.outcome.labelled) if profile.outcome else 0
    return rows.Reference(
        model, version, reference.grids.digest, profile.rows, labelled, reference.to_bytes(), made, dict(body)
    )
