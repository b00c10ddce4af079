"""Readings: what a store knows of its models, as samples that Prometheus scrapes and OTLP carries.

    catalog ── the newest figure of each metric, the last judged window's columns, incidents, books, jobs ──> families

Everything comes from the catalog and the spool; no event is read. What matters most comes first, so that a bound on
their number cuts off what moved least.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import chain, groupby, zip_longest
from typing import TYPE_CHECKING

from sqlalchemy import and_, func, select

from retrue.adapters.samples import Family, Sample
from retrue.errors import MetricError
from retrue.judge.severity import Severity
from retrue.metrics import get
from retrue.metrics.names import IMPACT, is_concept_drift, is_estimated, metric_of
from retrue.store import rows
from retrue.store.catalog import Transaction
from retrue.store.tables import points, versions, windows
from retrue.workspace.check.changes import WORDS
from retrue.workspace.clock import MICROS
from retrue.workspace.newest import Books, of_newest
from retrue.workspace.restarts import PARTS, restarts

if TYPE_CHECKING:
    from retrue.workspace.workspace import Workspace

COLUMNS = 50
"""The most columns of a model whose figures are exported: those whose move costs most."""
MOST = 20_000
"""The most samples that are exported at once."""

Key = tuple[str, str]
"""A model and its champion."""


def readings(workspace: Workspace) -> tuple[Family, ...]:
    """All families, those that matter most first."""
    store = workspace.store
    with store.catalog.read() as tx:
        champions = {row.model: row.version for row in tx.find(rows.Version, stage="champion")}
        live = [row for row in tx.find(rows.IncidentRow) if row.status != "resolved"]
        told = performance(tx)
        latest = {key: columns_of(tx, *key) for key in champions.items()}
        books = books_of(tx, champions)
        jobs = tx.find(rows.Job)
        counted = tx.find(rows.Counter)
        names = [row.name for row in tx.find(rows.Model)]
        died = {part: restarts(tx, part) for part in PARTS}
    return (
        *of_incidents(names, live),
        *of_performance(told),
        *of_windows(books),
        *of_spool(workspace, names, counted),
        *of_jobs(jobs),
        *of_service(died),
        *of_newest(store, books),
        *of_columns(latest),
    )


# --- incidents --------------------------------------------------------------------------------------------------------


def of_incidents(models: Sequence[str], live: Sequence[rows.IncidentRow]) -> Iterator[Family]:
    """Whether each model is out of true, and its incidents that aren't over by kind and severity."""
    open_: Counter[tuple[str, str, str]] = Counter()
    ages: dict[str, int] = {}
    for row in live:
        kind, severity = str(row.body.get("kind", "")), str(row.body.get("severity", ""))
        open_[row.model, kind, severity] += 1
        ages[row.model] = min(ages.get(row.model, row.opened), row.opened)
    yield Family(
        "model_out_of_true",
        "1 while the model has an incident that isn't resolved, else 0.",
        tuple(Sample(float(name in ages), {"model": name}) for name in models),
    )
    yield Family(
        "incidents",
        "Incidents that aren't resolved, by kind and severity.",
        tuple(
            Sample(float(open_[name, kind, severity]), {"model": name, "kind": kind, "severity": severity})
            for name, kind, severity in sorted(open_, key=lambda key: (-Severity(key[2] or "low").rank, key))
        ),
        unit="{incident}",
    )
    yield Family(
        "oldest_incident_timestamp_seconds",
        "When the oldest incident that isn't resolved opened.",
        tuple(Sample(at / MICROS, {"model": name}) for name, at in sorted(ages.items())),
        unit="s",
    )


# --- performance ------------------------------------------------------------------------------------------------------


def performance(tx: Transaction) -> list[rows.Point]:
    """The newest figure of each performance metric of each champion, of all its rows."""
    p, v = points.c, versions.c
    whole = (p.column == "", p.slice == "")
    newest = (
        select(p.model, p.version, p.metric, func.max(p.start).label("start"))
        .join(versions, and_(v.model == p.model, v.version == p.version, v.stage == "champion"))
        .where(*whole)
        .group_by(p.model, p.version, p.metric)
        .subquery()
    )
    same = and_(*(p[name] == newest.c[name] for name in ("model", "version", "metric", "start")))
    query = select(points).join(newest, same).where(*whole)
    return [rows.Point(**found) for found in tx.connection.execute(query).mappings()]


def of_performance(found: Iterable[rows.Point]) -> Iterator[Family]:
    """What labels say, what was estimated, how sure both are, and what labels say beyond the estimate."""
    known = [(point, source_of(point.metric)) for point in found if is_known(point)]
    told = [(point, source) for point, source in known if source != "concept_drift"]
    for name, what, end in (
        ("performance", "The newest figure of each performance metric", "value"),
        ("performance_low", "Low end of its 95 % interval", "low"),
        ("performance_high", "High end of its 95 % interval", "high"),
        ("performance_reference", "What the reference has", "reference"),
    ):
        figures = [(getattr(point, end), {**labels(point), "source": source}) for point, source in told]
        text = f"{what}, realised by labels or estimated without them."
        yield Family(name, text, tuple(Sample(value, named) for value, named in figures if value is not None))
    yield Family(
        "concept_drift",
        "What labels say of a performance metric beyond its estimate.",
        tuple(Sample(p.value, labels(p)) for p, source in known if source == "concept_drift" and p.value is not None),
    )


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
    last = tx.connection.execute(select(func.max(p.start)).where(*judged)).scalar()
    found = [] if last is None else list(tx.find(rows.Point, model=model, version=version, start=last, slice=""))
    costs = {point.column: abs(point.value or 0.0) for point in found if point.metric == IMPACT}
    known = sorted({point.column for point in found if point.column}, key=lambda name: (-costs.get(name, 0.0), name))
    place = {name: i for i, name in enumerate(known[:COLUMNS])}
    kept = [point for point in found if point.column in place and point.value is not None]
    return sorted(kept, key=lambda point: (place[point.column], point.metric))


def of_columns(latest: Mapping[Key, Sequence[rows.Point]]) -> Iterator[Family]:
    """Impact, drift and quality of columns: of each model the column that costs most, then of each the next one."""
    found: dict[str, list[Sample]] = {"impact": [], "drift": [], "quality": []}
    ranked = [[list(own) for _, own in groupby(points, lambda point: point.column)] for points in latest.values()]
    for columns in zip_longest(*ranked, fillvalue=()):
        for point in chain.from_iterable(columns):
            family, metric = family_of(point)
            if family in found and point.value is not None:
                named = {"model": point.model, "version": point.version, "column": point.column, "metric": metric}
                found[family].append(Sample(point.value, named))
    yield Family("impact", "How far a column's move is expected to change the metric.", tuple(found["impact"]))
    yield Family("drift", "How far a column is from its reference, in the last judged window.", tuple(found["drift"]))
    yield Family("quality", "Shares and figures of a column in the last judged window.", tuple(found["quality"]))


def family_of(point: rows.Point) -> tuple[str, str]:
    """The family of a column's figure, and the metric it is of; no family where nobody knows the metric."""
    if point.metric == IMPACT:
        return "impact", point.note or ""
    try:
        return get(point.metric).family, point.metric
    except MetricError:
        return "", point.metric


# --- traffic ----------------------------------------------------------------------------------------------------------


def books_of(tx: Transaction, champions: Mapping[str, str]) -> list[Books]:
    """The books of each champion."""
    w = windows.c
    sums = func.sum(w.events), func.sum(w.labelled), func.max(w.start)
    totals = select(w.model, w.version, *sums).group_by(w.model, w.version)
    found = {(row[0], row[1]): row[2:] for row in tx.connection.execute(totals)}
    told = []
    for key in champions.items():
        events, labelled, start = found.get(key, (0, 0, None))
        last = None if start is None else tx.get(rows.Window, model=key[0], version=key[1], start=start)
        told.append(Books(*key, int(events), int(labelled), last))
    return told


def of_windows(books: Sequence[Books]) -> Iterator[Family]:
    """How many events and labels came."""
    yield Family(
        "events",
        "Events of the champion.",
        tuple(Sample(float(one.events), {"model": one.model, "version": one.version}) for one in books),
        counter=True,
        unit="{row}",
    )
    yield Family(
        "labelled_events",
        "Events of the champion whose label is known; a label that is taken back makes them fewer.",
        tuple(Sample(float(one.labelled), {"model": one.model, "version": one.version}) for one in books),
        unit="{row}",
    )
    last = [(one, one.last) for one in books if one.last is not None]
    yield Family(
        "window_rows",
        "Events of the newest window.",
        tuple(Sample(float(window.events), {"model": one.model, "version": one.version}) for one, window in last),
        unit="{row}",
    )
    yield Family(
        "window_start_timestamp_seconds",
        "Start of the newest window that has events.",
        tuple(Sample(float(window.start), {"model": one.model, "version": one.version}) for one, window in last),
        unit="s",
    )


def of_spool(workspace: Workspace, models: Sequence[str], counted: Sequence[rows.Counter]) -> Iterator[Family]:
    """What became of rows at the door and in the lake, and what still waits."""
    yield Family(
        "rows_special",
        "Rows that were repeated, differing, set aside, corrected, waiting ...",
        tuple(Sample(float(one.value), {"model": one.model, "what": one.name}) for one in counted),
        counter=True,
        unit="{row}",
    )
    waiting = [(name, workspace.store.pending(name), len(workspace.store.stuck(name))) for name in models]
    yield Family(
        "spool_batches",
        "Acknowledged batches that wait for the lake.",
        tuple(Sample(float(pending), {"model": name}) for name, pending, _ in waiting),
        unit="{batch}",
    )
    yield Family(
        "spool_stuck",
        "Batches that couldn't be brought into the lake, and are tried again.",
        tuple(Sample(float(stuck), {"model": name}) for name, _, stuck in waiting),
        unit="{batch}",
    )


def of_jobs(jobs: Sequence[rows.Job]) -> Iterator[Family]:
    """What runs by itself, by kind and status, and when each kind last did its work."""
    statuses = Counter((job.kind, job.status) for job in jobs)
    yield Family(
        "jobs",
        "Jobs by kind and status.",
        tuple(Sample(float(n), {"kind": kind, "status": status}) for (kind, status), n in sorted(statuses.items())),
        unit="{job}",
    )
    done: dict[str, int] = {}
    for job in jobs:
        if job.status == "done":
            done[job.kind] = max(done.get(job.kind, 0), job.updated)
    yield Family(
        "job_last_success_timestamp_seconds",
        "When a job of this kind last ended well.",
        tuple(Sample(at / MICROS, {"kind": kind}) for kind, at in sorted(done.items())),
        unit="s",
    )


def of_service(died: Mapping[str, int]) -> Iterator[Family]:
    """How often each part of the service died and was started again."""
    yield Family(
        "restarts",
        "How often a part of `retrue serve` died and was started again.",
        tuple(Sample(float(n), {"part": part}) for part, n in died.items()),
        counter=True,
        unit="{restart}",
    )
