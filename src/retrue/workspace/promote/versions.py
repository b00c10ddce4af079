"""A model's versions: which one is the champion, what each was compared with and measured on; and the golden sets.

The sets of a version are those it was trained, validated and tested on: their profiles on the model's grids and their
metrics are kept with it, so that what was known when it was registered can be told later.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import polars as pl

from retrue.core.reference import Reference
from retrue.schema import Schema
from retrue.store import rows
from retrue.workspace.clock import micros, now
from retrue.workspace.kept import Kept
from retrue.workspace.promote import datasets
from retrue.workspace.promote.datasets import Dataset
from retrue.workspace.prove import golden
from retrue.workspace.prove.golden import Golden
from retrue.workspace.references import VersionReference


@dataclass(frozen=True)
class Versioned(Kept):
    """Abstract: a model's versions."""

    @cached_property
    def schema(self) -> Schema:
        """What its events look like."""
        return Schema.from_json(self.store.model(self.name).schema)

    def versions(self) -> list[rows.Version]:
        """Its versions, oldest first, each with its stage: champion, challenger, retired."""
        with self.store.catalog.read() as tx:
            return sorted(tx.find(rows.Version, model=self.name), key=lambda row: row.created)

    @property
    def version(self) -> str:
        """The champion: the version whose predictions are checked."""
        champions = [row.version for row in self.versions() if row.stage == "champion"]
        return champions[-1] if champions else "1"

    @property
    def reference(self) -> VersionReference:
        """The champion's reference; a part of a `Mix`."""
        return self.reference_of(self.version)

    def reference_of(self, version: str) -> VersionReference:
        """A version's reference."""
        return VersionReference(self.store, self.name, version)

    def set_reference(self, version: str, learned: Reference, table: pl.DataFrame, *, stage: str) -> None:
        """Give a version its reference and its stage."""
        self.reference_of(version).save(learned, table)
        with self.store.catalog.write() as tx:
            for old in tx.find(rows.Version, model=self.name, stage="champion") if stage == "champion" else ():
                tx.put(rows.Version(old.model, old.version, "retired", old.created, old.body))
            earlier = tx.get(rows.Version, model=self.name, version=version)
            body, created = (earlier.body, earlier.created) if earlier else ({}, micros(now()))
            tx.put(rows.Version(self.name, version, stage, created, body))

    def record(self, part: str, table: Any, *, version: str | None = None) -> Dataset:
        """Record what a version was trained, validated or tested on: profile and metrics; replaces an earlier one.

        Args:
            part: "training", "validation" or "test".
            table: its rows, with what the version said of them where its performance is to be known.
            version: the champion unless given.

        Raises:
            ConfigError: another part. StoreError: there is no such version, or it has no grids.
        """
        return datasets.record(self, part, table, version or self.version)

    def datasets(self, version: str | None = None) -> dict[str, Dataset]:
        """What is recorded of a version's training, validation and test data; the champion's unless given."""
        return datasets.recorded(self, version or self.version)

    def golden(self, name: str, table: Any) -> Golden:
        """Register a golden set: labelled rows that every challenger is compared on, and that are never trained on.

        Args:
            name: what it is called; one of the same name is replaced.
            table: its rows: features and label, with the champion's scores where its trained model isn't here.

        Raises:
            SchemaError: a feature or the label is missing, or no row has a label.
        """
        return golden.keep(self, name, table)

    def golden_sets(self) -> list[Golden]:
        """The golden sets, oldest first."""
        return golden.kept(self)
