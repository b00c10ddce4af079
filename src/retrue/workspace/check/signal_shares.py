"""How often watched signals are met, in `check`: the share of each window's rows, judged as other metrics are.

rows of the window --meet--> share ── the reference's share, and how it wanders over good windows ──> verdict, point
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np
import polars as pl

from retrue.core.state import Floats, Ints
from retrue.core.times import event_times, window_starts
from retrue.explain.places import thinned
from retrue.judge.assess import Judge
from retrue.judge.null import MIN_WINDOWS
from retrue.judge.signals import Usual, judge_share, untold
from retrue.judge.verdict import Verdict, sort_worst_first
from retrue.metrics.drift.signal_share import NAME
from retrue.slices import Slice
from retrue.store import rows
from retrue.workspace.check.timeline import GOOD, Timeline
from retrue.workspace.collect.derived import is_derived
from retrue.workspace.collect.watching import meet, parts_of, rows_of

if TYPE_CHECKING:
    from retrue.workspace.check.checking import Judged

ROWS = 10_000
"""The most rows of a window that are looked at, evenly spread."""
NEWEST = 50
"""The most windows of one check whose signals are judged: the newest."""


def with_signals(timeline: Timeline, judge: Judge, judged: list[Judged]) -> list[Judged]:
    """The same, with a verdict on the share of each watched signal."""
    found = rows_of(timeline.model)
    if not found:
        return judged
    parts, failed = parts_of(found)
    frequency = Frequency(timeline, judge, parts, failed)
    newest = frozenset(sorted(one.start for one in judged if one.rows)[-NEWEST:])
    return [frequency.told(one) if one.start in newest else one for one in judged]


@dataclass(eq=False)
class Frequency:
    """How often signals are met.

    Args:
        timeline: whose windows.
        judge: who knows the version's reference, and the budget.
        parts: the signals.
        failed: those that can't be had, and why.
    """

    timeline: Timeline
    judge: Judge
    parts: Sequence[Slice]
    failed: dict[str, str]

    def told(self, one: Judged) -> Judged:
        """One window with its verdicts on signals."""
        frame, span = self.frame(one.start), self.timeline.model.span(one.start)
        _, met, wrong = meet(self.timeline.model, frame, self.parts, self.timeline.version)
        verdicts = [self.judged(name, mask, one.start) for name, mask in met.items()]
        verdicts += [untold(name, why, None, frame.height) for name, why in {**self.failed, **wrong}.items()]
        placed = [verdict.within(span) for verdict in verdicts]
        return replace(one, verdicts=tuple(sort_worst_first([*one.verdicts, *placed])))

    def judged(self, name: str, mask: pl.Series, start: int) -> Verdict:
        """The verdict on one signal in one window."""
        judge = self.judge
        return judge_share(name, int(mask.sum()), mask.len(), self.usual(name, start), judge.strict, judge.tests)

    def frame(self, start: int) -> pl.DataFrame:
        """The logged rows of a window, thinned where they are many."""
        model = self.timeline.model
        since, until = (datetime.fromisoformat(moment) for moment in model.span(start))
        store, version = model.store, self.timeline.version
        return thinned(store.labelled(model.name, since, until, version=version).collect(), ROWS)

    def usual(self, name: str, start: int) -> Usual | None:
        """What is usual: the reference's share, and how it wanders there and in good windows before this one."""
        hits, sizes = self.good(name, start)
        own = self.reference.get(name)
        if own is None:
            return Usual.of(hits, sizes, "calm windows") if sizes.size >= MIN_WINDOWS else None
        return replace(
            Usual.of(np.concatenate([own[0], hits]), np.concatenate([own[1], sizes])),
            hits=float(own[2]),
            rows=float(own[3]),
        )

    def good(self, name: str, start: int) -> tuple[Floats, Floats]:
        """float64[windows] twice: rows that met a signal in calm windows before this one, and rows looked at."""
        where = {"model": self.timeline.model.name, "version": self.timeline.version}
        with self.timeline.model.store.catalog.read() as tx:
            points = tx.find(rows.Point, **where, metric=NAME, slice=name, column="")
        calm = set(self.timeline.calm(GOOD)) if points else set()
        told = [one for one in points if one.start in calm and one.start < start and one.value is not None]
        sizes = np.array([min(one.rows, ROWS) for one in told], np.float64)
        return np.array([float(one.value or 0.0) for one in told]) * sizes, sizes

    @cached_property
    def reference(self) -> dict[str, tuple[Floats, Floats, int, int]]:
        """Of signals that the reference tells: hits and rows of each of its windows, and of all of it."""
        model, version = self.timeline.model, self.timeline.version
        reference = model.reference_of(version)
        if not reference.path.exists():
            return {}
        frame = thinned(reference.frame)
        table, met, _ = meet(model, frame, self.parts, version)
        unknown = {name for name in table.columns if is_derived(name) and table[name].null_count() == table.height}
        tells = {str(one): met[str(one)] for one in self.parts if str(one) in met and not one.columns & unknown}
        starts = self.starts(frame)
        return {name: (*windows(mask, starts), int(mask.sum()), mask.len()) for name, mask in tells.items()}

    def starts(self, frame: pl.DataFrame) -> Ints:
        """int64[rows]: the window of each of the reference's rows; empty where it has no time."""
        schema = self.judge.reference.schema
        if schema.time is None or schema.time not in frame.columns:
            return np.zeros(0, np.int64)
        times = event_times(frame[schema.time], schema.timezone)
        starts = window_starts(times, max(int(self.timeline.model.options.window), 1), schema.timezone)
        return starts.fill_null(-1).to_numpy()


def windows(mask: pl.Series, starts: Ints) -> tuple[Floats, Floats]:
    """float64[windows] twice: rows that met a signal, and rows, of each window in order of time."""
    _, place = np.unique(starts, return_inverse=True)
    if not starts.size:
        return np.zeros(0), np.zeros(0)
    hits = np.bincount(place, weights=mask.to_numpy().astype(np.float64))
    return hits.astype(np.float64), np.bincount(place).astype(np.float64)
