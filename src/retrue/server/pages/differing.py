"""Which features differ most between the two sides of a comparison: what `rt.compare` says of each column, in order."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from urllib.parse import quote

import polars as pl

from retrue.errors import RetrueError
from retrue.judge.verdict import VerdictKind, badness
from retrue.judge.words import amount, metric_name
from retrue.report.comparison import ColumnReport, PerformanceReport
from retrue.report.words import plural
from retrue.schema import Schema
from retrue.server.pages.columns import state_of_column
from retrue.server.pages.standing import State

MOVES = ("ks", "js")
"""The distances that are told, the first that a column has: of numbers, of categories."""


@dataclass(frozen=True)
class Differing:
    """A feature as the page of a comparison shows it: its verdict, how far it moved, where its page is."""

    name: str
    state: State
    reason: str
    moved: str
    by: str
    href: str


Compared = tuple[str, int, int, PerformanceReport]
"""A slice, its rows on either side, and how the second did against the first."""


@dataclass(frozen=True)
class Weighed:
    """What two sides came to.

    Attributes:
        lines: how the second did, by slice.
        trouble: why that can't be told.
        features: how the features differ, those that do most first.
    """

    lines: tuple[Compared, ...]
    trouble: RetrueError | None
    features: tuple[Differing, ...]


def differing(
    first: pl.DataFrame, second: pl.DataFrame, schema: Schema, model: str, *, outcomes: bool = True
) -> tuple[Differing, ...]:
    """Say how the features that both tables have differ, those that differ most first.

    Args:
        first: the side that the other is held against.
        second: the other.
        schema: what the first's columns are.
        model: whose pages tell more of a feature.
        outcomes: whether both predict the same, so that what a move costs can be told.

    Raises:
        RetrueError: the tables can't be compared.
    """
    from retrue.comparing import compare

    common = {name for name in first.columns if name in second.columns}
    features = [name for name in schema.features if name in common]
    if not features:
        return ()
    known = narrowed(schema, features, common if outcomes else set())
    columns = [column.name for column in known.columns]
    found = compare(first.select(columns), second.select(columns), schema=known)
    return tuple(
        row_of(one, model) for one in ranked(found.columns[name] for name in features if name in found.columns)
    )


def narrowed(schema: Schema, features: Sequence[str], known: Collection[str]) -> Schema:
    """A schema of some features, with what was predicted and true where those columns are all known."""
    outcomes = {name for name in (schema.label, schema.prediction, *schema.scores) if name}
    whole = schema.label is not None and len(outcomes) > 1 and outcomes.issubset(known)
    wanted = {*features, *(outcomes if whole else ())}  # what a move costs is known by both together
    return Schema(
        tuple(column for column in schema.columns if column.name in wanted),
        features=tuple(features),
        label=schema.label if whole else None,
        prediction=schema.prediction if whole else None,
        score=schema.score if whole else None,
        task=schema.task if whole else None,
        positive=schema.positive if whole else None,
        classes=schema.classes if whole else (),
        timezone=schema.timezone,
    )


def ranked(columns: Iterable[ColumnReport]) -> list[ColumnReport]:
    """The worst verdict first, among equals the farthest apart."""
    return sorted(columns, key=lambda one: (not one.verdict.alarms, *badness(one.verdict)[:1], -moved(one)[1]))


def moved(column: ColumnReport) -> tuple[str, float]:
    """How far apart the sides are, and by which distance; 0 where that isn't known."""
    known = ((name, column.metrics[name].value) for name in MOVES if name in column.metrics)
    return next(((name, value) for name, value in known if value is not None), ("", 0.0))


def row_of(column: ColumnReport, model: str) -> Differing:
    """A feature in words."""
    metric, value = moved(column)
    verdict = column.verdict
    return Differing(
        column.name, state_of_column(verdict), "" if verdict.kind is VerdictKind.TRUE else verdict.reason,
        amount(value) if metric else "–", metric_name(metric) if metric else "",
        f"/models/{quote(model)}/features/{quote(column.name)}",
    )  # fmt: skip


def title_of(rows: tuple[Differing, ...]) -> str:
    """The finding: which features differ, most of all.

    >>> title_of(())
    'Both sides have no feature in common'
    """
    apart = [one.name for one in rows if one.reason]
    if not rows:
        return "Both sides have no feature in common"
    if not apart:
        return f"No feature differs beyond noise, of {plural(len(rows), 'feature')}"
    more = f" and {plural(len(apart) - 3, 'more feature')}" if len(apart) > 3 else ""
    return f"What differs most: {', '.join(apart[:3])}{more}"
