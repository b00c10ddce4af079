"""A model as its store has it: what everything that is done to a model starts from.

Checking, explaining, collecting, training and promoting are functions of a `StoredModel`; `Model` is one, with a method
for each of them. So imports go one way: from `Model` to what it does, and from there to this.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime
from functools import cached_property
from typing import Any

import polars as pl

from retrue.core.reference import Reference
from retrue.judge.settings import Settings
from retrue.schema import Schema
from retrue.store import rows
from retrue.store.store import Store
from retrue.workspace import clock, groups
from retrue.workspace.options import Options
from retrue.workspace.references import VersionReference


def made_at(made: rows.Version | rows.RunRow | rows.Decision) -> int:
    """When a version was promoted or registered, a run trained, or a decision made, in microseconds since 1970.

    In a replay it is the replay's time, not that at which somebody replayed it.
    """
    try:
        return clock.micros(clock.aware(datetime.fromisoformat(made.body["at"])))
    except (KeyError, TypeError, ValueError):  # kept before there was one
        return made.created


def tried_until(version: rows.Version) -> datetime | None:
    """The event time until which a version was only tried beside the champion; None where it never was."""
    said = version.body.get("tried_until")
    return None if said is None else datetime.fromisoformat(str(said))


@dataclass(frozen=True)
class StoredModel:
    """A model's part of a store."""

    store: Store
    name: str

    @cached_property
    def schema(self) -> Schema:
        """What its events look like."""
        return Schema.from_json(self.store.model(self.name).schema)

    # --- how it is watched ----------------------------------------------------------------------------------------

    @cached_property
    def options(self) -> Options:
        """How it is watched."""
        settings = dict(self.store.model(self.name).settings)
        return Options.of(settings, float(settings["window"]))

    def settings(self, window: float | None = None) -> Settings:
        """How strictly windows (of so many seconds; the base windows unless given) are judged."""
        told = self.options.settings(window, sharing=self.sharing)
        with self.store.catalog.read() as tx:
            return replace(told, signals=len(tx.find(rows.Signal, model=self.name)))

    @property
    def sharing(self) -> int:
        """How many models share its alarm budget, itself included: those of its group, counted now."""
        return groups.sharing(self.store, self.options)

    def span(self, start: int) -> tuple[str, str]:
        """Start and end (ISO, in the model's time zone) of the window that starts at these seconds since 1970."""
        return clock.span(start, self.options.window, self.schema.timezone)

    # --- its versions ---------------------------------------------------------------------------------------------

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
            body, created = (earlier.body, earlier.created) if earlier else ({}, clock.micros(clock.now()))
            tx.put(rows.Version(self.name, version, stage, created, body))

    # --- its events -----------------------------------------------------------------------------------------------

    def events(self, since: datetime | None = None, until: datetime | None = None, **options: Any) -> pl.LazyFrame:
        """Logged events with the label that is current, and `_label_at`, when it came; times without zone are UTC.

        Args:
            since: first event time.
            until: events from here on are left out.
            options: `version=`, `columns=`; `sample=`, of a model that keeps a sample; see `Store.labelled`.
        """
        self.store.apply(self.name)
        return self.store.labelled(self.name, clock.utc(since), clock.utc(until), **options)


def champions_of(model: StoredModel) -> list[rows.Version]:
    """The versions that are or were the champion, oldest first."""
    return [row for row in model.versions() if row.stage in ("champion", "retired")]


def run_of(model: StoredModel, version: str) -> str | None:
    """The run that a version of a model came from; None for one that was registered without."""
    row = next((row for row in model.versions() if row.version == version), None)
    run = None if row is None else row.body.get("run")
    return None if run is None else str(run)
