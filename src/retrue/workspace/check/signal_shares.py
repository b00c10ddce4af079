"""How often watched signals are met, in `check`: the share of each window's rows, judged as other metrics are.

rows of the window --meet--> share ── the reference's share, and how it wanders over good windows ──> verdict, point
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from functools import cached_property

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
from retrue.workspace.check.incidents import load_incidents
from retrue.workspace.check.judged import Judged
from retrue.workspace.check.timeline import GOOD, Timeline
from retrue.workspace.collect.derived import is_derived
from retrue.workspace.collect.watching import meet, parts_of, rows_of
from retrue.workspace.stored import StoredModel

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
    live = {one.id for one in load_incidents(timeline.model, timeline.version) if one.live}
    told = frozenset(row.name for row in found if row.body.get("incident") in live)
    frequency = Frequency(timeline, judge, parts, failed, told)
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
        known: those whose own incident lasts: it tells of their rows, so that their share wakes nobody again.
    """

    timeline: Timeline
    judge: Judge
    parts: Sequence[Slice]
    failed: dict[str, str]
    known: frozenset[str] = frozenset()

    def told(self, one: Judged) -> Judged:
        """One window with its verdicts on signals, and what is usual of each."""
        model, version = self.timeline.model, self.timeline.version
        frame, _ = looked_at(model, version, one.start)
        _, met, wrong = meet(model, frame, self.parts, version)
        usual = {name: usual_of(self.reference.get(name), *self.good(name, one.start)) for name in met}
        verdicts = [
            judge_share(name, int(mask.sum()), mask.len(), usual[name], self.judge.strict, self.judge.tests)
            for name, mask in met.items()
        ]
        verdicts += [untold(name, why, None, frame.height) for name, why in {**self.failed, **wrong}.items()]
        placed = [eased(verdict, self.known).within(model.span(one.start)) for verdict in verdicts]
        shares = {name: found.hits / found.rows for name, found in usual.items() if found is not None and found.rows}
        return replace(one, verdicts=tuple(sort_worst_first([*one.verdicts, *placed])), usual=shares)

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
    def reference(self) -> dict[str, Shares]:
        """Of signals that the reference tells: what it says."""
        return reference_shares(self.timeline.model, self.timeline.version, self.parts)


def eased(verdict: Verdict, known: frozenset[str]) -> Verdict:
    """The same; of a signal whose own incident lasts it is a notice."""
    if not verdict.alarms or verdict.slice not in known:
        return verdict
    return replace(verdict, alarm=False, reason=f"{verdict.reason}; its incident tells of it")


@dataclass(frozen=True, eq=False)
class Shares:
    """What the reference says of a signal: float64[windows] of hits and of rows, and both of all of it."""

    hits: Floats
    rows: Floats
    met: int
    looked: int


def looked_at(model: StoredModel, version: str, start: int) -> tuple[pl.DataFrame, int]:
    """The logged rows of a window, thinned where they are many; and how many there are."""
    since, until = (datetime.fromisoformat(moment) for moment in model.span(start))
    whole = model.store.labelled(model.name, since, until, version=version).collect()
    return thinned(whole, ROWS), whole.height


def usual_of(own: Shares | None, hits: Floats, sizes: Floats) -> Usual | None:
    """What is usual: the reference's share, and how it wanders there and in good windows before this one."""
    if own is None:
        return Usual.of(hits, sizes, "calm windows") if sizes.size >= MIN_WINDOWS else None
    past = Usual.of(np.concatenate([own.hits, hits]), np.concatenate([own.rows, sizes]))
    return replace(past, hits=float(own.met), rows=float(own.looked))


def reference_shares(model: StoredModel, version: str, parts: Sequence[Slice]) -> dict[str, Shares]:
    """What a version's reference says of the signals that it tells."""
    reference = model.reference_of(version)
    if not reference.path.exists():
        return {}
    frame = thinned(reference.frame)
    table, met, _ = meet(model, frame, parts, version)
    unknown = {name for name in table.columns if is_derived(name) and table[name].null_count() == table.height}
    tells = {str(one): met[str(one)] for one in parts if str(one) in met and not one.columns & unknown}
    starts = starts_of(model, frame)
    return {name: Shares(*windows(mask, starts), int(mask.sum()), mask.len()) for name, mask in tells.items()}


def starts_of(model: StoredModel, frame: pl.DataFrame) -> Ints:
    """int64[rows]: the window of each of the reference's rows; empty where it has no time."""
    schema = model.schema
    if schema.time is None or schema.time not in frame.columns:
        return np.zeros(0, np.int64)
    times = event_times(frame[schema.time], schema.timezone)
    starts = window_starts(times, max(int(model.options.window), 1), schema.timezone)
    return starts.fill_null(-1).to_numpy()


def windows(mask: pl.Series, starts: Ints) -> tuple[Floats, Floats]:
    """float64[windows] twice: rows that met a signal, and rows, of each window in order of time."""
    _, place = np.unique(starts, return_inverse=True)
    if not starts.size:
        return np.zeros(0), np.zeros(0)
    hits = np.bincount(place, weights=mask.to_numpy().astype(np.float64))
    return hits.astype(np.float64), np.bincount(place).astype(np.float64)
