"""Concept drift over single events: since when, to the event, the model is wrong more often than it was.

logged events ──join── labels ──event time──> errors ──detector──> degraded since 14 March, 13:02
"""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

import numpy as np
import polars as pl

from retrue.core.times import window_starts
from retrue.judge.streams import LEAST, Rise, rises
from retrue.judge.verdict import Verdict, VerdictKind
from retrue.judge.words import figure, metric_name
from retrue.judge.words import rows as say_rows
from retrue.workspace import clock
from retrue.workspace.check import history
from retrue.workspace.stored import StoredModel

if TYPE_CHECKING:
    from retrue.core.outcome_grid import OutcomeGrid

NAMES = {"adwin": "ADWIN", "page_hinkley": "Page-Hinkley", "hddm": "HDDM"}


def concept_drift(model: StoredModel, detector: str, version: str, now: datetime | None) -> list[Verdict]:
    """A verdict for each rise of a version's errors, in order of time; one that nothing rose where nothing did.

    Raises:
        MetricError: an unknown detector.
    """
    grid = model.reference_of(version).load().grids.outcome
    if grid is None:
        return [Verdict(VerdictKind.NOT_COMPARABLE, "the model has no label, or nothing to hold against it")]
    frame = trusted(model, version, grid, clock.aware(now or clock.now()))
    scores = grid.event_scores(frame) if frame.height else np.empty(0)
    known = np.flatnonzero(np.isfinite(scores))
    errors = 1.0 - scores[known] if grid.higher_is_better else scores[known]
    found = rises(errors, detector)
    metric, n = grid.score_metric, known.size
    if n < LEAST:
        few = f"{say_rows(n)} with labels that can be trusted, needs {LEAST}"
        return [Verdict(VerdictKind.NOT_COMPARABLE, few, metric=metric, n=n, threshold=LEAST)]
    if not found:
        calm = f"{metric_name(metric)} of {say_rows(n)}: {NAMES[detector]} finds no event since which it is worse"
        return [Verdict(VerdictKind.TRUE, calm, metric=metric, n=n)]
    times = frame[model.store.layout(model.name).time_column][known]
    return [verdict(rise, grid, NAMES[detector], times, ZoneInfo(model.schema.timezone)) for rise in found]


def trusted(model: StoredModel, version: str, grid: OutcomeGrid, at: datetime) -> pl.DataFrame:
    """A version's events in order of time, of windows whose labels can be trusted: early ones aren't like others."""
    layout = model.store.layout(model.name)
    widest = model.store.keeping(model.name).widest({*grid.columns} - {layout.label_column})
    lazy = model.events(version=version, sample=widest)
    names = lazy.collect_schema().names()
    time = layout.time_column
    if time not in names:
        return pl.DataFrame()
    frame = lazy.select([name for name in names if name in {time, *grid.columns}]).sort(time, maintain_order=True)
    rows, options = frame.collect(), model.options
    early = [
        window.start
        for window in model.store.windows(model.name)
        if window.version == version
        and window.labelled < options.coverage * window.events
        and (options.maturity is None or at.timestamp() < history.ends(model, window.start) + options.maturity)
    ]
    starts = window_starts(rows[time], int(options.window), model.schema.timezone)
    return rows.filter(~starts.is_in(early))


def verdict(rise: Rise, grid: OutcomeGrid, name: str, times: pl.Series, zone: ZoneInfo) -> Verdict:
    """Say since when, from what to what, and whether it lasts."""
    since, until = (times[place].astimezone(zone) for place in (rise.start, rise.stop - 1))
    sign, base = (-1.0, 1.0) if grid.higher_is_better else (1.0, 0.0)
    before, after = (base + sign * level for level in (rise.before, rise.after))
    low, high = sorted(base + sign * end for end in rise.interval)
    lasts = rise.stop == len(times)
    when = f"since {moment_of(since)}" if lasts else f"from {moment_of(since)} to {moment_of(until)}"
    values = f"{figure(after, rise.error)} ({figure(low, rise.error)} to {figure(high, rise.error)})"
    n = rise.stop - rise.start
    reason = f"{when}, {metric_name(grid.score_metric)} {values} of {say_rows(n)}, {figure(before, rise.error)} before"
    noticed = f"{name} noticed after {say_rows(rise.noticed - rise.start + 1)}"
    return Verdict(
        VerdictKind.DEGRADED, f"{reason}; {noticed}", metric=grid.score_metric,
        window=(since.isoformat(), until.isoformat()), value=after, interval=(low, high), n=n,
    )  # fmt: skip


def moment_of(at: datetime) -> str:
    """Say a time, on the clock of its own zone."""
    return f"{at:%Y-%m-%d %H:%M}"
