"""`rt.open`: a store of models, and how a model enters it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

import polars as pl

from retrue.core.extra import Counter, TimeSpan
from retrue.core.reference import Reference
from retrue.core.segments import segments
from retrue.core.times import utc
from retrue.core.values import number_rows
from retrue.engine import local
from retrue.engine.slices import MOST, with_slices
from retrue.errors import ConfigError, SchemaError, StoreError, TableError, nearest
from retrue.explain.contributions import important
from retrue.judge.gaps import slices_of
from retrue.judge.impacts import check_metric
from retrue.judge.rules import Rule
from retrue.schema import Schema
from retrue.schema.roles import check_apart, check_given
from retrue.slices import Slice
from retrue.store import rows
from retrue.store.ids import text_id
from retrue.store.keeping import Keep
from retrue.store.layout import Layout
from retrue.store.privacy import Privacy
from retrue.store.store import Store
from retrue.tables import Table, read
from retrue.workspace import clock, groups, notes
from retrue.workspace.acting import Chain, audit, verify
from retrue.workspace.explain.contributions import importance_of
from retrue.workspace.model import Model
from retrue.workspace.options import Options, suggested_window
from retrue.workspace.promote.datasets import PARTS, counted, keep_sets, profile_path

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
        counters: list[Counter] = [] if found.time is None else [TimeSpan(found.time)]
        # A label comes later than its event, so it isn't among the columns that a window is judged by.
        late = [found.label] if found.label is not None else []
        learned = local.fit_reference(
            table, found, counters, window=chosen.window, without=late, known=known, joint=True
        )
        learned = with_slices(learned, table, chosen.settings().min_rows, window=chosen.window, most=MOST)
        check_rules(chosen, learned)
        check_watched(chosen.watch, found)
        watched, kept = watched_slices(learned, chosen), table.collect(kept_columns(found, table))
        layout = replace(Layout.of(found, int(chosen.window)), privacy=dict(private.rules))
        layout = replace(layout, keep=Keep.of(keep).fitted(found, layout).to_dict())
        check_ids(kept, layout)
        model = Model(self.store, name)
        _ = model.reference_of(version).path  # a version that can't be kept is refused before anything is written
        if any(row.name == name for row in self.store.models()) and not model.versions():
            self.withdraw(model, version)  # what a crash left of an earlier attempt
        self.store.add_model(name, layout, schema=found.to_json(), settings=chosen.to_dict())
        try:
            self.store.set_slices(name, watched)
            with self.store.catalog.write() as tx:
                audit(tx, "registered", name, {"version": version, "rows": learned.profile.rows})
            sets = [] if validation is None else [
                counted(model, part, frame, version, learned.grids)
                for part, frame in (("training", kept), ("validation", private.mask(read(validation).collect())))
            ]  # fmt: skip
            model.set_reference(version, learned, kept, stage="champion")  # last: a version is what makes it whole
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


REFERENCE_ROWS = 10_000
"""Rows of a reference from which those are taken that tell which features matter."""
UNIQUE = 0.5
"""The least share of a reference's rows that their id must tell apart, day by day."""

OPTIONS = frozenset(Options.__dataclass_fields__)


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


def refuse_weights(schema: Schema) -> None:
    """Raise SchemaError for a schema with weights: a store counts each event once."""
    if schema.weight is not None:
        raise SchemaError(
            f"a store counts each event once, and {schema.weight!r} was named as weight",
            expected="a model without a weight",
            hint="rt.compare(reference, window, weight=...) and retrue compare --weight do weigh events",
        )


def base_window(table: Table, schema: Schema) -> float:
    """The window length that suits how densely the reference's events come; a day where they have no time."""
    if schema.time is None or schema.time not in table.dtypes:
        return 86_400.0
    times = number_rows(table.sample([schema.time], local.FIT_ROWS)[schema.time], temporal=True).drop_nulls()
    span = float(times.max() or 0) - float(times.min() or 0) if len(times) else 0.0  # type: ignore[arg-type]
    return suggested_window(table.count_rows(), span)


def kept_columns(schema: Schema, table: Table) -> list[str]:
    """The reference's columns that retraining may want."""
    return [name for name in table.dtypes if name in schema.named]


def check_ids(reference: pl.DataFrame, layout: Layout) -> None:
    """Raise where most of the reference's rows share their id with another row of their version and day.

    The first event of an id, version and day counts, and what differs from it is set aside: so few rows would be left.
    """
    name, time = layout.id, layout.time
    if name is None or name not in reference.columns:
        return
    key = [text_id(name, reference.schema[name])]
    if time is not None and time in reference.columns and not reference.schema[time].is_numeric():
        key.append(utc(time, reference.schema[time], layout.timezone).dt.date())
    if layout.version is not None and layout.version in reference.columns:
        key.append(pl.col(layout.version))
    rows_ = reference.select(key).drop_nulls(name)
    known = rows_.n_unique()
    if known < UNIQUE * rows_.height:
        raise SchemaError(
            f"id {name!r} tells {known:,} of {rows_.height:,} rows apart", where="reference",
            expected="a column that names each event of a day once",
            hint="name another column as id, or none: then labels can't be joined",
        )  # fmt: skip


def telling(schema: Schema, table: Table, predict: Any, watch: Any) -> tuple[str, ...]:
    """The features that matter to a model, by the rows of its reference.

    Raises:
        ConfigError: features to watch were named as well.
        TableError: the model can't predict.
    """
    if watch:
        raise ConfigError("features to watch, and a model to choose them by", where="register", expected="one of them")
    return important(importance_of(schema, predict, table.sample(list(schema.features), REFERENCE_ROWS)))


def check_watched(watch: Sequence[str], schema: Schema) -> None:
    """Raise ConfigError where a watched column is no feature."""
    for name in watch:
        if name not in schema.features:
            raise ConfigError(
                f"{name!r} is no feature", where="watch", expected=", ".join(schema.features[:10]),
                hint=nearest(name, schema.features),
            )  # fmt: skip


def check_rules(options: Options, learned: Reference) -> None:
    """Raise unless rules parse and name known metrics and columns, and impacts can be in the metric chosen."""
    if options.impact is not None:
        check_metric(learned.schema, options.impact)
    for text in options.rules:
        Rule.parse(text, learned.grids.columns)


def watched_slices(learned: Reference, options: Options) -> list[Slice]:
    """The slices that profiles are kept for: the frequent values of each slice column, and those of rules."""
    wanted = [part for rule in map(Rule.parse, options.rules) for part in slices_of(rule, learned)]
    wanted += segments(learned.schema, learned.profile)
    return list({part.to_sql(): part for part in wanted}.values())
