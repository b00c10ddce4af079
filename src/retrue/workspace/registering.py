"""What is looked at, and learned from a reference, before a model enters a store."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import polars as pl

from retrue.core.extra import Counter, TimeSpan
from retrue.core.reference import Reference
from retrue.core.segments import segments
from retrue.core.times import utc
from retrue.core.values import number_rows
from retrue.engine import local
from retrue.engine.slices import MOST, with_slices
from retrue.errors import ConfigError, SchemaError, nearest
from retrue.explain.contributions import important
from retrue.judge.gaps import slices_of
from retrue.judge.impacts import check_metric
from retrue.judge.rules import Rule
from retrue.schema import Schema
from retrue.slices import Slice
from retrue.store.ids import text_id
from retrue.store.layout import Layout
from retrue.tables import Table
from retrue.workspace.explain.contributions import importance_of
from retrue.workspace.options import Options, suggested_window

REFERENCE_ROWS = 10_000
"""Rows of a reference from which those are taken that tell which features matter."""
UNIQUE = 0.5
"""The least share of a reference's rows that their id must tell apart, day by day."""

OPTIONS = frozenset(Options.__dataclass_fields__)


def learn(table: Table, schema: Schema, options: Options, known: Any) -> Reference:
    """Learn from a reference: grids, profile, wandering, slices.

    A label comes later than its event, so it isn't among the columns that a window is judged by.
    """
    counters: list[Counter] = [] if schema.time is None else [TimeSpan(schema.time)]
    late = [schema.label] if schema.label is not None else []
    learned = local.fit_reference(table, schema, counters, window=options.window, without=late, known=known, joint=True)
    return with_slices(learned, table, options.settings().min_rows, window=options.window, most=MOST)


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
