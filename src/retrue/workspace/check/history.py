"""Stored windows as monitors see them, and the metrics of rules over them.

A figure that a check kept is read from the catalog; where there is none yet, or its window has changed since, it is
measured on the stored profile.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import replace
from datetime import datetime

import numpy as np

from retrue.core.cube import EVERYTHING
from retrue.core.outcome import Outcome
from retrue.core.profile import Profile
from retrue.engine.slices import count_slices
from retrue.judge.assess import Judge
from retrue.judge.gaps import slices_of
from retrue.judge.monitor import Monitor, Watched
from retrue.judge.rules import Rule
from retrue.judge.thresholds import Series
from retrue.slices import Slice
from retrue.store import rows
from retrue.store.counting import merged
from retrue.tables import read
from retrue.workspace.references import VersionReference
from retrue.workspace.stored import StoredModel

AT_ONCE = 100
"""Windows whose profiles are read at once."""


def watched(
    model: StoredModel, windows: Iterable[rows.Window], at: datetime, unkept: Sequence[Slice] = ()
) -> Iterator[Watched]:
    """Windows of one version with their profiles, as far as their labels can be trusted at a time; oldest first.

    Args:
        model: whose windows.
        windows: those with events.
        at: labels count as they are trusted then.
        unkept: slices that no profiles are kept for: they are counted from the logged events, in memory.
    """
    ordered = sorted(windows, key=lambda window: window.start)
    for begin in range(0, len(ordered), AT_ONCE):
        some = {window.start: window for window in ordered[begin : begin + AT_ONCE]}
        version = next(iter(some.values())).version
        parts: dict[int, dict[str, Profile]] = {}
        for one in model.store.profiles(model.name, version=version, start=list(some)):
            parts.setdefault(one.start, {})[one.slice] = one.profile
        for start, own in counted(model, version, some, unkept).items():
            parts[start] |= own
        for start in sorted(parts):
            yield Watched(model.span(start), as_known(model, some[start], parts[start], at))


def counted(
    model: StoredModel, version: str, windows: Collection[int], slices: Sequence[Slice]
) -> dict[int, dict[str, Profile]]:
    """The profiles of slices by window, counted from the logged events where all are whole; nothing is written."""
    grids = model.store.grids(model.name) if slices else None
    if grids is None:
        return {}
    counting = model.store.counting_on(model.name, grids, slices)
    increments, _ = model.store.recounted(model.name, counting, min(windows), max(windows) + 1)
    parts: dict[int, dict[str, list[Profile]]] = {}
    for (of, (start, name, _)), state in increments.added.items():
        whole = (of, start) not in increments.sampled  # of the others the features of most events aren't kept
        if of == version and name != EVERYTHING and start in windows and whole:
            parts.setdefault(start, {}).setdefault(name, []).append(state)
    return {start: {name: merged(own) for name, own in by.items()} for start, by in parts.items()}


def as_known(model: StoredModel, window: rows.Window, parts: dict[str, Profile], at: datetime) -> dict[str, Profile]:
    """The profiles without their labels while these are still coming in: early ones are not like the others."""
    if not is_early(parts[EVERYTHING].outcome, model, window, at):
        return parts
    return {name: without_labels(profile) for name, profile in parts.items()}


def without_labels(profile: Profile) -> Profile:
    """A profile as if no label were known yet: what was predicted stays."""
    return replace(profile, outcome=None if profile.outcome is None else profile.outcome.without_labels())


def is_early(outcome: Outcome | None, model: StoredModel, window: rows.Window, at: datetime) -> bool:
    """Whether labels are still coming in: too few rows have one, and it isn't known that no more will come."""
    if outcome is None or outcome.coverage is None or outcome.coverage >= model.options.coverage:
        return False
    maturity = model.options.maturity
    return maturity is None or at.timestamp() < ends(model, window.start) + maturity


def ends(model: StoredModel, start: int) -> float:
    """When a window ends, in seconds since 1970."""
    return datetime.fromisoformat(model.span(start)[1]).timestamp()


def with_bases(judge: Judge, reference: VersionReference) -> Judge:
    """The same judge, who knows the reference in the slices that rules are relative to, where its rows are there."""
    wanted = [part for rule in judge.rules if rule.needs_reference for part in slices_of(rule, judge.reference)]
    slices = [part for part in wanted if part.to_sql() not in judge.reference.slices]
    if not slices or not reference.path.exists():
        return judge
    return replace(judge, bases=count_slices(read(reference.frame), judge.reference.grids, slices))


def pasts(model: StoredModel, judge: Judge, due: Sequence[rows.Window], at: datetime) -> dict[Rule, Series]:
    """The metric of each rule that needs its history, over the windows before the last one that is due."""
    wanted = [rule for rule in judge.rules if rule.needs_history]
    if not wanted or not due:
        return {}
    version, last = due[0].version, max(window.start for window in due)
    windows = [w for w in model.store.windows(model.name, until=last) if w.version == version and w.events]
    return {rule: series(model, Monitor(rule, judge), windows, at) for rule in wanted}


def series(model: StoredModel, monitor: Monitor, windows: Sequence[rows.Window], at: datetime) -> Series:
    """A rule's metric over windows of one version, oldest first."""
    known = kept(model, monitor.rule, windows)
    values = {start: np.nan if value is None else value for start, value in known.items()}
    for window in watched(model, (w for w in windows if w.start not in known), at):
        values[int(datetime.fromisoformat(window.span[0]).timestamp())] = monitor.figure(window).value
    starts = sorted(values)
    begun = tuple(datetime.fromisoformat(model.span(start)[0]) for start in starts)
    return Series(begun, np.array([values[start] for start in starts]))


def kept(model: StoredModel, rule: Rule, windows: Sequence[rows.Window]) -> dict[int, float | None]:
    """A rule's figures in the catalog, by window, of windows that haven't changed since."""
    where = {"metric": rule.metric, "column": rule.column or "", "slice": str(rule.slice or "")}
    applied = {window.start: window.applied for window in windows}
    if not windows:
        return {}
    with model.store.catalog.read() as tx:
        points = tx.find(rows.Point, model=model.name, version=windows[0].version, **where)
    return {p.start: p.value for p in points if p.start in applied and p.applied >= applied[p.start]}
