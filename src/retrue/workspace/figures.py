"""Figures of judged windows as samples, each model's by itself: performance, and the columns of the last judged window.

They change when a window is judged, which is far less often than rows come in: whoever asks often keeps them (`parts`).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import chain, groupby, zip_longest

from sqlalchemy import and_, func, select

from retrue.adapters.samples import Family, Sample
from retrue.errors import MetricError
from retrue.metrics import get
from retrue.metrics.names import IMPACT, is_concept_drift, is_estimated, metric_of
from retrue.store import rows
from retrue.store.catalog import Transaction
from retrue.store.tables import points
from retrue.workspace.check.changes import WORDS

COLUMNS = 50
"""The most columns of a model whose figures are exported: those whose move costs most."""

Told = tuple[str, Sample]
"""A figure and the family that it is of."""
ENDS = (
    ("performance", "The newest figure of each performance metric", "value"),
    ("performance_low", "Low end of its 95 % interval", "low"),
    ("performance_high", "High end of its 95 % interval", "high"),
    ("performance_reference", "What the reference has", "reference"),
)
"""The families of performance: name, what they say, and which end of a figure."""
OF_COLUMNS = (
    ("impact", "How far a column's move is expected to change the metric."),
    ("drift", "How far a column is from its reference, in the last judged window."),
    ("quality", "Shares and figures of a column in the last judged window."),
)
"""The families of columns: name, and what they say."""


@dataclass(frozen=True)
class Figures:
    """What the judged windows of a champion tell: its performance, and its columns, the one that costs most first."""

    performance: tuple[Told, ...]
    columns: tuple[tuple[Told, ...], ...]


def figures_of(tx: Transaction, model: str, version: str) -> Figures:
    """Read the figures of one champion."""
    return Figures(told_performance(performance(tx, model, version)), told_columns(columns_of(tx, model, version)))


# --- performance ------------------------------------------------------------------------------------------------------


def performance(tx: Transaction, model: str, version: str) -> list[rows.Point]:
    """The newest figure of each performance metric of a champion, of all its rows."""
    p = points.c
    whole = (p.model == model, p.version == version, p.column == "", p.slice == "")
    newest = select(p.metric, func.max(p.start).label("start")).where(*whole).group_by(p.metric).subquery()
    same = and_(p.metric == newest.c.metric, p.start == newest.c.start)
    query = select(points).join(newest, same).where(*whole)
    return [rows.Point(**found) for found in tx.connection.execute(query).mappings()]


def told_performance(found: Iterable[rows.Point]) -> tuple[Told, ...]:
    """What labels say, what was estimated, how sure both are, and what labels say beyond the estimate."""
    told: list[Told] = []
    for point in (one for one in found if is_known(one)):
        named, source = labels(point), source_of(point.metric)
        if source == "concept_drift":
            told.append((source, Sample(point.value or 0.0, named)))
            continue
        ends = ((name, getattr(point, end)) for name, _, end in ENDS)
        told += [(name, Sample(value, {**named, "source": source})) for name, value in ends if value is not None]
    return tuple(told)


def of_performance(found: Iterable[Figures]) -> Iterator[Family]:
    """The families of performance, of all models."""
    by_family = gathered(chain.from_iterable(one.performance for one in found))
    for name, what, _ in ENDS:
        text = f"{what}, realised by labels or estimated without them."
        yield Family(name, text, tuple(by_family.get(name, ())))
    text = "What labels say of a performance metric beyond its estimate."
    yield Family("concept_drift", text, tuple(by_family.get("concept_drift", ())))


def gathered(told: Iterable[Told]) -> dict[str, list[Sample]]:
    """Figures by family."""
    found: dict[str, list[Sample]] = {}
    for family, sample in told:
        found.setdefault(family, []).append(sample)
    return found


def source_of(metric: str) -> str:
    """Where a figure comes from.

    >>> source_of("estimated_f1"), source_of("f1")
    ('estimated', 'realised')
    """
    return "concept_drift" if is_concept_drift(metric) else "estimated" if is_estimated(metric) else "realised"


def is_known(point: rows.Point) -> bool:
    """Whether a figure has a value and is of performance or business."""
    try:
        return point.value is not None and get(metric_of(point.metric)).family in ("performance", "business")
    except MetricError:
        return False


def labels(point: rows.Point) -> dict[str, str]:
    """The labels of a figure."""
    return {"model": point.model, "version": point.version, "metric": metric_of(point.metric)}


# --- columns ----------------------------------------------------------------------------------------------------------


def columns_of(tx: Transaction, model: str, version: str) -> list[rows.Point]:
    """The figures of the columns in the last judged window, those of the columns that cost most first."""
    p = points.c
    # The commit cycle notes what happens to columns in windows that nobody has judged yet: these have no figures.
    judged = (p.model == model, p.version == version, p.slice == "", p.column != "", p.metric.not_in(WORDS))
    newest = select(p.start).where(*judged).order_by(p.start.desc()).limit(1).scalar_subquery()
    query = select(points).where(*judged, p.start == newest, p.value.is_not(None))
    found = [rows.Point(**row) for row in tx.connection.execute(query).mappings()]
    costs = {point.column: abs(point.value or 0.0) for point in found if point.metric == IMPACT}
    known = sorted({point.column for point in found}, key=lambda name: (-costs.get(name, 0.0), name))
    place = {name: i for i, name in enumerate(known[:COLUMNS])}
    kept = [point for point in found if point.column in place]
    return sorted(kept, key=lambda point: (place[point.column], point.metric))


def told_columns(found: Iterable[rows.Point]) -> tuple[tuple[Told, ...], ...]:
    """The figures of each column, in the order in which they come."""
    return tuple(tuple(told_column(own)) for _, own in groupby(found, lambda point: point.column))


def told_column(found: Iterable[rows.Point]) -> Iterator[Told]:
    """The figures of one column."""
    for point in found:
        family, metric = family_of(point)
        if family and point.value is not None:
            named = {"model": point.model, "version": point.version, "column": point.column, "metric": metric}
            yield family, Sample(point.value, named)


def of_columns(models: Iterable[Sequence[tuple[Told, ...]]]) -> Iterator[Family]:
    """Impact, drift and quality of columns: of each model the column that costs most, then of each the next one."""
    turns = zip_longest(*models, fillvalue=())
    found = gathered(chain.from_iterable(chain.from_iterable(turns)))
    for name, text in OF_COLUMNS:
        yield Family(name, text, tuple(found.get(name, ())))


def family_of(point: rows.Point) -> tuple[str, str]:
    """The family of a column's figure, and the metric it is of; no family where nobody knows the metric."""
    if point.metric == IMPACT:
        return "impact", point.note or ""
    try:
        return get(point.metric).family, point.metric
    except MetricError:
        return "", point.metric
