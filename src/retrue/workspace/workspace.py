"""`rt.open`: a store of models, and how a model enters it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

from retrue.engine import local
from retrue.errors import SchemaError, StoreError, TableError
from retrue.schema import Schema
from retrue.schema.roles import check_apart, check_given
from retrue.store import rows
from retrue.store.keeping import Keep
from retrue.store.layout import Layout
from retrue.store.privacy import Privacy
from retrue.store.store import Store
from retrue.tables import read
from retrue.workspace import clock, groups, notes
from retrue.workspace.acting import Chain, audit, verify
from retrue.workspace.model import Model
from retrue.workspace.options import Options
from retrue.workspace.promote.datasets import PARTS, counted, keep_sets, profile_path
from retrue.workspace.registering import (
    OPTIONS,
    Entry,
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

if TYPE_CHECKING:
    from retrue.jobs.records import Page


class Workspace:
    """A store of models in a folder. Made by `rt.open`; a context manager that closes it.

    Opening never deletes or rewrites anything. Several processes may have the same folder open.
    """

    def __init__(self, store: Store) -> None:
        self.store = store

    @property
    def folder(self) -> Path:
        """Where it is."""
        return self.store.folder

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc: object) -> None:
        self.close()

    def __repr__(self) -> str:
        return f"<retrue store {self.folder}: {', '.join(model.name for model in self.models()) or 'no models yet'}>"

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
            roles: roles and kinds for `Schema.infer`; and the options, which may be given by name as well.

        Raises:
            SchemaError: the name is taken, or the roles don't fit, or stand beside a schema.
            ConfigError: an option that isn't understood.
        """
        if not isinstance(name, str):
            raise SchemaError(f"a model called {name!r}", expected="a name: letters, digits, `.`, `_` and `-`")
        check_given([key for key in roles if key not in OPTIONS], OPTIONS)
        given = {**(options or {}), **{key: roles.pop(key) for key in list(roles) if key in OPTIONS}}
        check_apart(schema, roles)
        table, private = read(reference), Privacy(privacy or {}, roles.get("timezone") or "UTC", self.store.secret)
        if table.count_rows() == 0:
            raise TableError("a reference without rows", where=table.name, expected="at least one row")
        table = read(private.mask(table.collect()), name=table.name) if private else table
        found, known = (schema, None) if schema is not None else local.infer(table, **roles)
        private.check(found)
        refuse_weights(found)
        if predict is not None:
            given["watch"] = telling(found, table, predict, given.get("watch"))
        chosen = Options.of(groups.with_budget(self.store, name, given), base_window(table, found))
        learned = learn(table, found, chosen, known)
        check_rules(chosen, learned)
        check_watched(chosen.watch, found)
        kept = table.collect(kept_columns(found, table))
        layout = replace(Layout.of(found, int(chosen.window)), privacy=dict(private.rules))
        layout = replace(layout, keep=Keep.of(keep).fitted(found, layout).to_dict())
        check_ids(kept, layout)
        held = None if validation is None else private.mask(read(validation).collect())
        return self._enter(Entry(Model(self.store, name), version, layout, chosen, learned, kept, held))

    def _enter(self, entry: Entry) -> Model:
        """Write a model down, whole or not at all."""
        model, version, learned = entry.model, entry.version, entry.learned
        _ = model.reference_of(version).path  # a version that can't be kept is refused before anything is written
        if any(row.name == model.name for row in self.store.models()) and not model.versions():
            self.withdraw(model, version)  # what a crash left of an earlier attempt
        self.store.add_model(
            model.name, entry.layout, schema=learned.schema.to_json(), settings=entry.options.to_dict()
        )
        try:
            self.store.set_slices(model.name, watched_slices(learned, entry.options))
            with self.store.catalog.write() as tx:
                audit(tx, "registered", model.name, {"version": version, "rows": learned.profile.rows})
            sets = [counted(model, part, frame, version, learned.grids) for part, frame in entry.sets]
            model.set_reference(version, learned, entry.rows, stage="champion")  # last: a version makes it whole
            keep_sets(model, version, sets)
        except BaseException:  # half a model would keep the name and watch nothing
            self.withdraw(model, version)
            raise
        return model

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

    def withdraw(self, model: Model, version: str) -> None:
        """Take back a registration that failed halfway."""
        with self.store.catalog.write() as tx:
            tx.remove(rows.Version, model=model.name, version=version)
            if tx.remove(rows.Model, name=model.name):
                audit(tx, "registration withdrawn", model.name, {"version": version})
        path = model.reference_of(version).path
        for file in (path, *(profile_path(path, part) for part in PARTS)):
            file.unlink(missing_ok=True)

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


def open(folder: str | Path, *, create: bool = True) -> Workspace:
    """Open a store, making it where there is none.

    Args:
        folder: where it is, or shall be.
        create: False raises where there is none.

    Raises:
        StoreVersionError: it needs `retrue migrate`, or a newer Retrue.
        StoreError: there is none, or it can't be written.
    """
    return Workspace(Store.open(folder, create=create))
