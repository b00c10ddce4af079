"""What keeps a store small and whole: upkeep of its tables, retention, and how much of everything there is."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any

import polars as pl

from retrue.errors import RetrueError, StoreError, StoreFullError
from retrue.store import rows
from retrue.store.catalog import Transaction
from retrue.store.commit import Cycle
from retrue.store.damage import READING
from retrue.store.erase import (
    ERASED,
    Erased,
    collected_of,
    erase_collected,
    erase_rows,
    erase_versions,
    erased_from,
    rows_of,
    unreachable,
)
from retrue.store.identity import confirm_lake
from retrue.store.place import spool_of
from retrue.store.reader import Reader
from retrue.store.readonly import BACKUP
from retrue.store.retention import Retention
from retrue.store.scrub import scrub
from retrue.store.upkeep import Done, Upkeep, midnight, pinned_dates

PREFERENCE = "retention"
"""The preference that says how long things are kept."""


@dataclass(frozen=True)
class Held:
    """How much a store has of one table of one model: rows and files that are in use, and bytes of those files."""

    model: str
    table: str
    rows: int
    files: int
    size: int


@dataclass(eq=False)
class Keeper(Reader):
    """Abstract: the upkeep of a store."""

    @property
    def read_only(self) -> bool:
        """Whether it can't be written."""
        return self.catalog.read_only

    def refuse_read_only(self) -> None:
        """Raise StoreError where the store can't be written."""
        if self.read_only:
            copy = (self.folder / BACKUP).exists()
            what = "a backup is only read" if copy else "the folder can't be written"
            hint = "make a store of it: `retrue restore`" if copy else "check its permissions"
            raise StoreError(what, where=str(self.folder), hint=hint)

    def cycle(self, model: str) -> Cycle:
        """The commit cycle of a model."""
        return Cycle(
            model, self.layout(model), self.spool, self.tables(model), self.catalog, self._counting,
            self.locks, self._cache, self.fault, self.hasher, partial(confirm_lake, self),
        )  # fmt: skip

    def statistics(self, model: str) -> tuple[Held, ...]:
        """How much the lake has of a model, by table; read from the tables' logs alone."""
        found = {name: table.snapshot().files for name, table in self.tables(model).items()}
        return tuple(
            Held(model, name, sum(f.rows for f in files), len(files), sum(f.size for f in files))
            for name, files in found.items()
        )

    def retention(self, otherwise: Retention | None = None) -> Retention:
        """How long things are kept: as somebody said while the service runs, or else as given.

        Raises:
            ConfigError: what was said isn't understood.
        """
        with self.catalog.read() as tx:
            said = tx.get(rows.Preference, name=PREFERENCE)
        return (otherwise or Retention()) if said is None else Retention.of(said.body, f"preference {PREFERENCE!r}")

    def set_retention(self, tx: Transaction, retention: Retention) -> None:
        """Say how long things are kept from now on."""
        at = round(datetime.now(UTC).timestamp() * 1_000_000)
        tx.put(rows.Preference(PREFERENCE, retention.to_dict(), at))

    def upkeep(self, now: datetime, retention: Retention | None = None, *, dry: bool = False) -> Iterator[Done]:
        """Do all upkeep that is due, of every model and of the catalog; says what it did as it goes.

        What fails for one model is told, and the others are looked after all the same.

        Args:
            now: the time (UTC).
            retention: how long things are kept; as `retention` says unless given.
            dry: say what is due, and do nothing.
        """
        kept = retention or self.retention()
        for model in self.models():
            try:
                yield from self.upkeep_of(model.name, now, kept.of_model(model.name), dry=dry)
            except (RetrueError, *READING) as error:  # the next run goes on without what can't be read
                yield Done(model.name, "failed", str(error))
                if not dry and not isinstance(error, StoreFullError):
                    yield from self._set_aside(model.name)
        yield from self.forget_records(kept, now, dry=dry)

    def _set_aside(self, model: str) -> Iterator[Done]:
        """Look for what is damaged after upkeep has failed."""
        try:
            yield from (Done(model, "set aside", str(one)) for one in self.repair(model))
        except (RetrueError, *READING):
            return  # its log asks for a backup, as was told

    def upkeep_of(self, model: str, now: datetime, retention: Retention, *, dry: bool = False) -> Iterator[Done]:
        """Do all upkeep of one model that is due."""
        confirm_lake(self)
        with self.catalog.read() as tx:
            pinned = pinned_dates([one.body for one in tx.find(rows.Manifest, model=model)])
        work = Upkeep(model, self.tables(model), lambda: self.locked(model), now, dry, pinned)
        if not dry:
            yield from (Done(model, "set aside", str(one)) for one in self.repair(model, deep=False))
        if retention.events is not None and not dry:
            self.keep_since(model, midnight(now - retention.events))
        yield from work.retain(retention)
        yield from work.vacuum()
        yield from work.compact()
        yield from work.sum_up()

    def holding(self, model: str, ids: pl.Series) -> dict[str, pl.Series]:
        """Which of these ids (text, as the lake has them) lake and collections have, one for each row, by place.

        Rows that still wait aren't among them: apply them first.
        """
        tables, id_column = self.tables(model), self.layout(model).id_column
        found = {name: rows_of(tables[name], column, ids) for name, column in erased_from(id_column).items()}
        return {**found, "collections": collected_of(self.catalog, model, id_column, ids)}

    def erase(self, model: str, ids: pl.Series) -> Erased:
        """Erase every row of these ids (text, as the lake has them) from the lake, the spool and the collections.

        Raises:
            StoreFullError: the disk is full. Free some space and do it again.
            StoreError: rows that wait can't be applied, or a file can't be read: do it again when that is mended.
        """
        self.refuse_read_only()
        confirm_lake(self)
        tables, id_column = self.tables(model), self.layout(model).id_column
        columns = erased_from(id_column)
        with self.locked(model):
            self.repair_locked(model, deep=False)
            while self.cycle(model).step() is not None:
                pass
            gone = {name: erase_rows(tables[name], column, ids) for name, column in columns.items()}
            self.fault("erase: rows gone")
            with self.catalog.write() as tx:
                tx.count(model, ERASED, gone["events"])
            files = sum(erase_versions(table) for table in tables.values())
            gone["collections"] = erase_collected(self.catalog, model, id_column, ids)
            self.fault("erase: collections gone")
        return Erased(len(ids), gone, files, unreachable(self.folder, self.root, tables))

    def scrub(self) -> None:
        """Leave nothing on the disk of what was deleted from the catalog and the spool."""
        if isinstance(self.catalog.place, Path):
            for path in (spool_of(self.catalog.place), self.catalog.place):
                scrub(path)
            return
        from retrue.store import postgres

        postgres.scrub(self.catalog.place)

    def forget_records(self, retention: Retention, now: datetime, *, dry: bool = False) -> Iterator[Done]:
        """Drop what the catalog needs no more: old log lines, finished jobs and deliveries, sessions that are over."""
        old: tuple[tuple[type[rows.Row], str, timedelta | None, dict[str, Any], str], ...] = (
            (rows.Log, "at", retention.logs, {}, "log lines"),
            (rows.Job, "updated", retention.jobs, {"status": ("done", "failed")}, "finished jobs"),
            (rows.Delivery, "updated", retention.deliveries, {"status": ("sent", "failed", "dropped")}, "deliveries"),
            (rows.Session, "expires", timedelta(0), {}, "sessions"),
        )
        for kind, column, age, equal, what in old:
            if age is None:
                continue
            until = round((now - age).timestamp() * 1_000_000)
            with self.catalog.read() as tx:
                count = tx.count_before(kind, column, until, **equal)
            if count and not dry:
                with self.catalog.write() as tx:
                    count = tx.remove_before(kind, column, until, **equal)
            if count:
                yield Done("", "dropped", f"{count:,} old {what}")
