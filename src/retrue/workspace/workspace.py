"""`rt.open`: a store of models, and how a model enters it."""

from __future__ import annotations

import os
from collections.abc import Mapping
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

from retrue.engine.opening import VARIABLE, check_engine, open_table, spread_on
from retrue.errors import StoreError
from retrue.schema import Schema
from retrue.store import rows
from retrue.store.store import Store
from retrue.workspace import clock, entering, notes
from retrue.workspace.acting import Chain, verify
from retrue.workspace.model import Model

if TYPE_CHECKING:
    from retrue.jobs.records import Page


class Workspace:
    """A store of models in a folder. Made by `rt.open`; a context manager that closes it.

    Opening never deletes or rewrites anything. Several processes may have the same folder open.
    """

    def __init__(self, store: Store, engine: str = "local") -> None:
        self.store, self.engine = store, engine
        store.spread = spread_on(engine)

    @property
    def folder(self) -> Path:
        """Where it is; of a store at a URL what is on this machine: opening that opens the same store."""
        return self.store.folder

    @property
    def address(self) -> str:
        """Where it is: a folder, or a URL."""
        return str(self.store.root)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc: object) -> None:
        self.close()

    def __repr__(self) -> str:
        return f"<retrue store {self.address}: {', '.join(model.name for model in self.models()) or 'no models yet'}>"

    def close(self) -> None:
        """Close its files."""
        self.store.close()

    def models(self) -> list[Model]:
        """The registered models by name."""
        return [Model(self.store, row.name) for row in sorted(self.store.models(), key=lambda row: row.name)]

    def model(self, name: str) -> Model:
        """A registered model.

        Raises:
            SchemaError: there is none of that name; the nearest is suggested.
        """
        self.store.model(name)
        return Model(self.store, name)

    def register(
        self,
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
    ) -> Model:
        """Register a model by the table it was trained or validated on.

        Args:
            name: what it is called: letters, digits, `.`, `_` and `-`.
            reference: the table, as anything that `read` takes; held-out rows with their scores and labels say most.
            schema: what events look like; inferred from the reference where it isn't given.
            options: how it is watched: `window`, `grace`, `maturity`, `coverage`, `alarm_budget`, `rules`, `calm`,
                `against`, `longer`, `group`, `impact`, `watch`, `estimate`.
            version: the version that made the reference's scores.
            predict: the model, where only the features that matter to it shall alarm: a function of a table of the
                features, or anything with `predict_proba` or `predict`. The fewest features that carry 95 % of its
                mean |SHAP| are watched, as if they were given as `watch`.
            privacy: columns that aren't kept as they come, those of the reference neither:
                `{"email": "drop", "user": "hash", "age": "bucket 10", "born": "day"}`.
            keep: how many events are kept whole, where not all: "5 %", or
                `{"share": "5 %", "always": ["amount > 1000"], "columns": ["region"]}`. All are counted all the same.
            validation: rows that it was validated on, where the reference is what it was trained on: profile and
                metrics of both are recorded with the version (`Model.datasets`), the rows aren't kept.
            sources: where events, labels and feedback are, if they stay there: by kind what `rt.source` gives, or its
                keywords as a dict. `pull` takes what is new in them, and so does the service by itself.
            roles: roles and kinds for `Schema.infer`; and the options, which may be given by name as well.

        Raises:
            SchemaError: the name is taken, or the roles don't fit, or stand beside a schema.
            ConfigError: an option that isn't understood.
        """
        given = {"schema": schema, "options": options, "version": version, "predict": predict}
        held = {"privacy": privacy, "keep": keep, "validation": validation, "sources": sources}
        reference = open_table(reference, self.engine)
        return Model(self.store, entering.register(self.store, name, reference, **given, **held, **roles).name)

    def jobs(self, **asked: Any) -> Page[rows.Job]:
        """What ran by itself, newest first, a page at a time.

        Args:
            asked: `kind`, `status` (running, done, failed), `model`, `models` (of some), `id`, `run`, `version`,
                `limit`, `offset`, `idle` (False: none that found nothing to do).

        Raises:
            ConfigError: an unknown status.
        """
        from retrue.jobs.records import find_jobs

        return find_jobs(self.store.catalog, **asked)

    def logs(self, **asked: Any) -> Page[rows.Log]:
        """What jobs, trainings and the server said, newest first, a page at a time.

        Args:
            asked: `model`, `models` (of some), `job`, `run`, `version`, `text`, `level` (and graver ones), `since`,
                `until`, `limit`, `offset`.

        Raises:
            ConfigError: an unknown level.
        """
        from retrue.jobs.records import find_logs

        return find_logs(self.store.catalog, **asked)

    def markers(
        self, model: str | None = None, since: datetime | None = None, until: datetime | None = None
    ) -> tuple[rows.Marker, ...]:
        """What is marked on the time axes, oldest first.

        Args:
            model: its own markers and those of all models; None: every one.
            since: those that aren't over before then.
            until: those that begin before then.
        """
        return notes.find_markers(self.store.catalog, model, since, until)

    def add_marker(
        self,
        text: str,
        *,
        kind: str = notes.NOTE,
        at: datetime | None = None,
        until: datetime | None = None,
        model: str | None = None,
    ) -> rows.Marker:
        """Mark something to remember on the time axes.

        Args:
            text: what there is to remember.
            kind: deployment, holiday or note.
            at: when, or from when; now unless given.
            until: until when, where it lasts.
            model: of which model; None: of all.

        Raises:
            ConfigError: an unknown kind, no text, or an end before the beginning.
            SchemaError: no such model.
        """
        own = None if model is None else self.model(model).name
        return notes.add_marker(self.store.catalog, kind, text, at or clock.now(), until=until, model=own)

    def remove_marker(self, number: int) -> None:
        """Forget a marker.

        Raises:
            StoreError: there is none of that number.
        """
        if not notes.remove_marker(self.store.catalog, number):
            raise StoreError(f"no marker {number}", hint="see: retrue marker list")

    def audit(self, model: str | None = None, *, most: int = 50, before: int | None = None) -> tuple[rows.Audit, ...]:
        """What was changed, by whom and when: entries of the audit log, the newest first.

        Args:
            model: of this model only.
            most: at most so many.
            before: only entries with smaller numbers, to read on from the last one that was given.
        """
        equal = {} if model is None else {"model": model}
        with self.store.catalog.read() as tx:
            return tx.latest(rows.Audit, most, before, **equal)

    def verify_audit(self) -> Chain:
        """Read the audit log's chain again: whether an entry was altered, added or removed, and the first such one."""
        return verify(self.store.catalog)


def open(
    folder: str | Path, *, catalog: str | Path | None = None, create: bool = True, engine: str | None = None
) -> Workspace:
    """Open a store, making it where there is none.

    Args:
        folder: where it is, or shall be: a folder, or a URL (`s3://bucket/prefix`, `az://`, `abfss://`, `gs://`). What
            is at a URL is reached with the credentials of the environment, or of the cloud's usual files.
        catalog: where its catalog and what was acknowledged are kept, where not in the folder:
            `postgresql://user@host/database`, which several servers may share, or another folder on this machine;
            otherwise as RETRUE_CATALOG says. The folder remembers it, without a password: libpq finds that in
            `PGPASSWORD` or `~/.pgpass`.
        create: False raises where there is none.
        engine: where references are learned and the lake is recounted: "local", or "spark" (docs/spark.md), whose
            workers must reach the lake by the same path; otherwise as RETRUE_ENGINE says.

    Raises:
        StoreVersionError: it needs `retrue migrate`, or a newer Retrue.
        StoreError: there is none, or it can't be written or reached.
        ConfigError: a URL that no store can be at, or without a catalog; an unknown engine.
    """
    chosen = engine or os.environ.get(VARIABLE) or "local"
    check_engine(chosen)
    return Workspace(Store.open(folder, catalog=catalog, create=create), chosen)
