"""How a version did, window by window: what labels say, what was estimated without them, and how far apart they are."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import polars as pl

from retrue.judge.verdict import VerdictKind
from retrue.metrics import get, registered
from retrue.metrics.names import concept_drift, estimated, metric_of
from retrue.schema import Task
from retrue.store import rows
from retrue.workspace.stored import StoredModel

COLUMNS = {
    **dict.fromkeys(("window", "until", "metric"), pl.String),
    **dict.fromkeys(("realised", "low", "high", "estimated", "estimated_low", "estimated_high"), pl.Float64),
    **dict.fromkeys(("reference", "concept_drift"), pl.Float64),
    "rows": pl.Int64,
    "coverage": pl.Float64,
    "reason": pl.String,
}
"""What the table says."""

Key = tuple[int, str]


def performance(model: StoredModel, metric: str | None = None, version: str | None = None) -> pl.DataFrame:
    """What checks have found of a version's performance.

    Args:
        model: whose.
        metric: this one only.
        version: the champion unless given.

    Returns:
        One row for each judged window and metric of the model's task, oldest first: `window` and `until` (ISO),
        `realised` with its 95 % interval, `estimated` with its own, what the `reference` has, `concept_drift` (realised
        - estimated), the window's `rows` and the `coverage` of its labels. Null is what isn't known; where neither is,
        `reason` says why.

    Raises:
        MetricError: an unknown metric.
    """
    chosen = version or model.version
    names = None if metric is None else (get(metric).name, estimated(metric), concept_drift(metric))
    found = kept(model, chosen, names)
    windows = {row.start: row for row in model.store.windows(model.name) if row.version == chosen}
    measured, reasons = by_metric(found, known(model)), untold(model, chosen)
    asked = {name for _, name in measured} if metric is None else {get(metric).name}
    keys = sorted({*measured, *((start, name) for start in reasons for name in asked)})
    told = [
        line(model, windows[start], name, measured.get((start, name), {}), reasons.get(start, {}))
        for start, name in keys
        if start in windows
    ]
    return pl.DataFrame(told, schema=COLUMNS, orient="row")


def kept(model: StoredModel, version: str, names: Sequence[str] | None) -> tuple[rows.Point, ...]:
    """The figures that checks have kept of all rows."""
    where = {"model": model.name, "version": version, "column": "", "slice": ""}
    with model.store.catalog.read() as tx:
        return tx.find(rows.Point, **where, **({} if names is None else {"metric": names}))


def known(model: StoredModel) -> frozenset[str]:
    """The performance metrics of the model's task."""
    task = model.schema.task
    return frozenset(one.name for one in registered(of="outcome") if task is not None and Task(task) in one.tasks)


def by_metric(points: Sequence[rows.Point], names: frozenset[str]) -> dict[Key, dict[str, rows.Point]]:
    """By window and metric: the figures by the name that they are kept under."""
    found: dict[Key, dict[str, rows.Point]] = {}
    for point in points:
        metric = metric_of(point.metric)
        if metric.partition("@")[0] in names:
            found.setdefault((point.start, metric), {})[point.metric] = point
    return found


def untold(model: StoredModel, version: str) -> dict[int, dict[str, str]]:
    """By window, why a performance metric of all rows, or its estimate, couldn't be told."""
    with model.store.catalog.read() as tx:
        kept = tx.find(rows.VerdictRow, model=model.name, version=version)
    refused = [row for row in kept if row.kind == VerdictKind.NOT_COMPARABLE.value]
    found: dict[int, dict[str, str]] = {}
    names = known(model)
    for row in refused:
        metric, whole = row.body.get("metric"), not row.body.get("column") and not row.body.get("slice")
        if whole and metric is not None and metric_of(metric).partition("@")[0] in names:
            found.setdefault(row.start, {})[metric] = row.body["reason"]
    return found


def why(metric: str, reasons: Mapping[str, str]) -> str | None:
    """Why neither labels nor an estimate tell a metric; one reason stands for all metrics of a window."""
    own = [reasons[name] for name in (metric, estimated(metric)) if name in reasons]
    return "; ".join(dict.fromkeys(own or reasons.values())) or None


def line(
    model: StoredModel, window: rows.Window, metric: str, points: Mapping[str, rows.Point], reasons: Mapping[str, str]
) -> tuple[object, ...]:
    """One row of the table."""
    real, said, drift = (points.get(name) for name in (metric, estimated(metric), concept_drift(metric)))
    reference = next((p.reference for p in (real, said) if p is not None and p.reference is not None), None)
    coverage = window.labelled / window.events if window.events else None
    is_told = any(point is not None and point.value is not None for point in (real, said))
    note = None if real is None else real.note
    return (
        *model.span(window.start), metric, *valued(real), *valued(said), reference,
        None if drift is None else drift.value, window.events, coverage,
        None if is_told else why(metric, reasons) or note,
    )  # fmt: skip


def valued(point: rows.Point | None) -> tuple[float | None, float | None, float | None]:
    """A figure with its interval."""
    return (None, None, None) if point is None else (point.value, point.low, point.high)
