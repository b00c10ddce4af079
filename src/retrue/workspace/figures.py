"""Figures of judged windows as samples, each model's by itself: performance, and the columns of the last judged window.

They change when a window is judged, which is far less often than rows come in: whoever asks often keeps them (`parts`).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache, lru_cache
from itertools import chain, groupby, zip_longest
from typing import Any, NamedTuple

from sqlalchemy import Select, and_, bindparam, func, select

from retrue.adapters.samples import Family, Sample
from retrue.errors import MetricError
from retrue.metrics import get
from retrue.metrics.names import IMPACT, is_concept_drift, is_estimated, metric_of
from retrue.report.words import PREFERRED
from retrue.store.catalog import Transaction
from retrue.store.tables import points
from retrue.workspace.check.changes import WORDS

COLUMNS = 50
"""The most columns of a model whose figures are exported: those whose move costs most."""

ENDS = (
    ("performance", "The newest figure of each performance metric", "value"),
    ("performance_low", "Low end of its 95 % interval", "low"),
    ("performance_high", "High end of its 95 % interval", "high"),
    ("performance_reference", "What the reference has", "reference"),
)
"""The families of performance: name, what they say, and which end of a figure."""
DRIFTED = "concept_drift"
"""The family of what labels say of a metric beyond its estimate."""
OF_COLUMNS = (
    ("impact", "How far a column's move is expected to change the metric."),
    ("drift", "How far a column is from its reference, in the last judged window."),
    ("quality", "Shares and figures of a column in the last judged window."),
)
"""The families of columns: name, and what they say."""

OF_CHAMPION = (points.c.model == bindparam("model"), points.c.version == bindparam("version"))
"""What all figures of one champion have in common."""

Columns = Mapping[str, tuple[tuple[Sample, ...], ...]]
"""Figures by family, of one column after the other; each family has all columns, those without a figure as well."""


class Measured(NamedTuple):
    """A performance metric's newest figure, with its ends in the order of `ENDS`."""

    metric: str
    value: float | None
    low: float | None
    high: float | None
    reference: float | None


class Moved(NamedTuple):
    """A figure of a column."""

    column: str
    metric: str
    value: float
    note: str | None


@dataclass(frozen=True)
class Figures:
    """What the judged windows of a champion tell, by family.

    Attributes:
        performance: the metric that tells most comes first.
        columns: the one that costs most comes first.
    """

    performance: Mapping[str, tuple[Sample, ...]]
    columns: Columns


def figures_of(tx: Transaction, model: str, version: str) -> Figures:
    """Read the figures of one champion."""
    named = {"model": model, "version": version}
    told = told_performance(performance(tx, model, version), named)
    return Figures(told, told_columns(columns_of(tx, model, version), named))


# --- performance ------------------------------------------------------------------------------------------------------


def performance(tx: Transaction, model: str, version: str) -> list[Measured]:
    """The newest figure of each performance metric of a champion, of all its rows."""
    asked = {"model": model, "version": version}
    return [Measured(*found) for found in tx.connection.execute(newest_performance(), asked).all()]


@cache
def newest_performance() -> Select[Any]:
    """The query for it; made once, as a fleet is asked for a thousand champions."""
    p = points.c
    whole = (*OF_CHAMPION, p.column == "", p.slice == "")
    newest = select(p.metric, func.max(p.start).label("start")).where(*whole).group_by(p.metric).subquery()
    same = and_(p.metric == newest.c.metric, p.start == newest.c.start)
    return select(p.metric, p.value, p.low, p.high, p.reference).join(newest, same).where(*whole)


def told_performance(found: Iterable[Measured], named: Mapping[str, str]) -> dict[str, tuple[Sample, ...]]:
    """What labels say, what was estimated, how sure both are, and what labels say beyond the estimate.

    Args:
        found: the figures.
        named: the labels that all of them have.
    """
    told: dict[str, list[Sample]] = {}
    known = [one for one in found if one.value is not None and family_of(one.metric) in ("performance", "business")]
    for metric, *ends in sorted(known, key=lambda one: place_of(one.metric)):
        source = source_of(metric)
        labels = {**named, "metric": metric_of(metric)}
        if source == DRIFTED:
            told.setdefault(DRIFTED, []).append(Sample(ends[0] or 0.0, labels))
            continue
        labels["source"] = source
        for (name, _, _), value in zip(ENDS, ends, strict=True):
            if value is not None:
                told.setdefault(name, []).append(Sample(value, labels))
    return {name: tuple(own) for name, own in told.items()}


def of_performance(found: Iterable[Figures]) -> Iterator[Family]:
    """The families of performance: of each model the metric that tells most, then of each the next one."""
    every = [one.performance for one in found]
    texts = {name: f"{what}, realised by labels or estimated without them." for name, what, _ in ENDS}
    for name, text in {**texts, DRIFTED: "What labels say of a performance metric beyond its estimate."}.items():
        turns = zip_longest(*(one.get(name, ()) for one in every))
        yield Family(name, text, tuple(filter(None, chain.from_iterable(turns))))


@lru_cache(maxsize=4096)
def place_of(name: str) -> tuple[int, str, bool]:
    """Where a figure comes among those of its model: the usual metrics first, what labels say before the estimate."""
    metric = metric_of(name)
    usual = PREFERRED.index(metric) if metric in PREFERRED else len(PREFERRED)
    return usual, metric, source_of(name) != "realised"


def source_of(metric: str) -> str:
    """Where a figure comes from.

    >>> source_of("estimated_f1"), source_of("f1")
    ('estimated', 'realised')
    """
    return DRIFTED if is_concept_drift(metric) else "estimated" if is_estimated(metric) else "realised"


@lru_cache(maxsize=4096)
def family_of(name: str) -> str:
    """The family of the metric that a name stands for; "" where nobody knows it."""
    try:
        return get(metric_of(name)).family
    except MetricError:
        return ""


# --- columns ----------------------------------------------------------------------------------------------------------


def columns_of(tx: Transaction, model: str, version: str) -> list[Moved]:
    """The figures of the columns in the last judged window, those of the columns that cost most first."""
    asked = {"model": model, "version": version}
    found = [Moved(*row) for row in tx.connection.execute(last_columns(), asked).all()]
    costs = {one.column: abs(one.value) for one in found if one.metric == IMPACT}
    known = sorted({one.column for one in found}, key=lambda name: (-costs.get(name, 0.0), name))
    place = {name: i for i, name in enumerate(known[:COLUMNS])}
    kept = [one for one in found if one.column in place]
    return sorted(kept, key=lambda one: (place[one.column], one.metric))


@cache
def last_columns() -> Select[Any]:
    """The query for the figures of columns in the last judged window of a champion; made once."""
    p = points.c
    # The commit cycle notes what happens to columns in windows that nobody has judged yet: these have no figures.
    judged = (*OF_CHAMPION, p.slice == "", p.column != "", p.metric.not_in(WORDS))
    newest = select(p.start).where(*judged).order_by(p.start.desc()).limit(1).scalar_subquery()
    return select(p.column, p.metric, p.value, p.note).where(*judged, p.start == newest, p.value.is_not(None))


def told_columns(found: Iterable[Moved], named: Mapping[str, str]) -> Columns:
    """The figures of each column, in the order in which they come.

    Args:
        found: the figures.
        named: the labels that all of them have.
    """
    told: dict[str, list[tuple[Sample, ...]]] = {name: [] for name, _ in OF_COLUMNS}
    for column, own in groupby(found, lambda one: one.column):
        by_family: dict[str, list[Sample]] = {}
        for _, metric, value, note in own:
            family, of = ("impact", note or "") if metric == IMPACT else (family_of(metric), metric)
            by_family.setdefault(family, []).append(Sample(value, {**named, "column": column, "metric": of}))
        for name, samples in told.items():
            samples.append(tuple(by_family.get(name, ())))
    return {name: tuple(own) for name, own in told.items()}


def of_columns(models: Iterable[Columns]) -> Iterator[Family]:
    """Impact, drift and quality of columns: of each model the column that costs most, then of each the next one."""
    every: Sequence[Columns] = list(models)
    for name, text in OF_COLUMNS:
        turns = zip_longest(*(one[name] for one in every), fillvalue=())
        yield Family(name, text, tuple(chain.from_iterable(chain.from_iterable(turns))))
