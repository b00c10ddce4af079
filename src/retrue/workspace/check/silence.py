"""Which windows are silent: what a model usually gets at that time, and what came of it.

Where production is young, the reference's own windows tell what is usual: of events, how they go over the week, at the
level that production has; of labels only that there are some, for a reference may well be labelled on purpose.

A window without events has no row in the catalog, so the gaps between windows are looked for, and after the last one as
long as the model is live: where its latest events were logged about when they happened. A backfill that ends years ago
is no silence.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cached_property
from itertools import takewhile

import numpy as np
import polars as pl

from retrue.judge.silence import ENOUGH, judge_labels, judge_volume
from retrue.judge.verdict import Verdict
from retrue.store import rows
from retrue.workspace.check import history
from retrue.workspace.stored import StoredModel

RECENT = 60
"""Earlier windows that tell what is usual, the latest ones: what was usual last year may not be today."""
LEVEL = 3
"""Windows of production from which its level is known: the first one is often a part of one."""
REACH = 200
"""Windows without events that are looked for after the last one with some."""

Phase = Callable[[datetime], object]
PHASES: tuple[Phase, ...] = (lambda at: (at.weekday(), at.hour), lambda at: at.hour, lambda _at: None)
"""What makes windows alike, the finest first: the hour of the week, the hour of the day, nothing."""


@dataclass(frozen=True)
class Before:
    """The reference's own windows: rows by when they begin, those without among them, and shares that have a label."""

    rows: Mapping[datetime, int]
    labelled: tuple[float, ...]

    @property
    def middle(self) -> float:
        """Rows of a usual window that has some; 0 where there is none."""
        return float(np.median([n for n in self.rows.values() if n] or [0]))

    def usual(self, begun: datetime) -> list[int]:
        """Rows of the latest windows that are like one that begins then; of as many as tell enough."""
        for phase in PHASES:
            found = [n for at, n in self.rows.items() if phase(at) == phase(begun)][-RECENT:]
            if len(found) >= ENOUGH:
                return found
        return []


class Traffic:
    """How many events and labels a model's windows have."""

    def __init__(self, model: StoredModel, at: datetime) -> None:
        self.model, self.at = model, at
        self.windows = model.store.windows(model.name)
        self.events: dict[int, int] = {}
        for window in self.windows:
            self.events[window.start] = self.events.get(window.start, 0) + window.events
        self.begins = {start: self.begun(start) for start in self.starts()}
        self.alike = [self.by_phase(phase) for phase in PHASES]

    def begun(self, start: int) -> datetime:
        """When a window begins, in the model's zone."""
        return datetime.fromisoformat(self.model.span(start)[0])

    def starts(self) -> list[int]:
        """The starts of all windows from the first with events on, those without among them."""
        if not self.events:
            return []
        return list(self.walk(min(self.events), max(self.events)))

    def walk(self, first: int, last: int) -> Iterator[int]:
        """The starts of windows from one to another."""
        while first <= last:
            yield first
            first = int(datetime.fromisoformat(self.model.span(first)[1]).timestamp())

    def trailing(self) -> list[int]:
        """The closed windows after the last one with events, where the model is live."""
        if not self.events or not self.live():
            return []
        last = max(self.events)
        found: list[int] = []
        for start in self.walk(last, int(self.at.timestamp())):
            closed = history.ends(self.model, start) + self.model.options.grace <= self.at.timestamp()
            if not closed or len(found) >= REACH:
                break
            if start != last:
                found.append(start)
        return found

    def live(self) -> bool:
        """Whether the latest day's events were logged about when they happened; False once none of them is kept."""
        view = self.model.store.view(self.model.name)
        days = view.days()
        if not days:
            return False
        events = view.rows([max(days)])
        lag = events.select(lag=pl.col("_at") - pl.col(view.layout.time_column)).collect()["lag"].median()
        allowed = timedelta(seconds=self.model.options.window + self.model.options.grace)
        return isinstance(lag, timedelta) and lag <= allowed

    def by_phase(self, phase: Phase) -> dict[object, list[int]]:
        """The starts of windows that are alike, oldest first."""
        found: dict[object, list[int]] = {}
        for start, begun in self.begins.items():
            found.setdefault(phase(begun), []).append(start)
        return found

    def usual(self, start: int) -> list[int]:
        """How many events the latest windows have that are earlier and like this one, of as many as tell enough."""
        begun, found = self.begun(start), list[int]()
        for phase, alike in zip(PHASES, self.alike, strict=True):
            starts = alike.get(phase(begun), [])
            found = starts[: bisect_left(starts, start)][-RECENT:]
            if len(found) >= ENOUGH:
                return [self.events.get(one, 0) for one in found]
        known = self.before.usual(begun)
        level = self.level(start)
        return [round(one * level) for one in known] if level and len(known) >= ENOUGH else []

    def level(self, start: int) -> float:
        """How many events production has for one of the reference, by its windows before this one; 0: nobody knows."""
        earlier = [n for one, n in self.events.items() if one < start and n]
        known = len(earlier) >= LEVEL and self.before.middle
        return float(np.median(earlier)) / self.before.middle if known else 0.0

    @cached_property
    def before(self) -> Before:
        """The reference's windows; none where they have no time, or it is gone."""
        found = self.model.store.reference(self.model.name, self.model.version)
        if found is None or len(found.starts) != len(found.windows):
            return Before({}, ())
        held = {start: round(window.rows) for start, window in zip(found.starts, found.windows, strict=True)}
        starts = self.walk(min(held), max(held)) if held else ()
        shares = (one.outcome.coverage for one in found.windows if one.outcome is not None)
        return Before({self.begun(s): held.get(s, 0) for s in starts}, tuple(one for one in shares if one is not None))

    def empty(self) -> list[int]:
        """The starts of windows without events that should have some."""
        gaps = [start for start in self.begins if not self.events.get(start)]
        return [start for start in [*gaps, *self.trailing()] if judge_volume(0, self.usual(start)) is not None]

    def judge(self, version: str, start: int) -> list[Verdict]:
        """What is to be said of the events and labels of a version's window."""
        found = [judge_volume(self.events.get(start, 0), self.usual(start)), self.labels(version, start)]
        return [verdict.within(self.model.span(start)) for verdict in found if verdict is not None]

    def labels(self, version: str, start: int) -> Verdict | None:
        """Whether labels stopped: judged once they have had time to come, where the user said how long they take."""
        ripe = self.ripe
        at = bisect_left(ripe, start, key=lambda window: window.start)
        same = takewhile(lambda window: window.start == start, ripe[at:])
        window = next((one for one in same if one.version == version), None)
        if window is None:
            return None
        shares = [one.labelled / one.events for one in ripe[:at][-RECENT:]]
        if len(shares) < ENOUGH and not window.labelled:
            shares = list(self.before.labelled)
        return judge_labels(window.labelled, window.events, shares)

    @cached_property
    def ripe(self) -> list[rows.Window]:
        """The windows whose labels have had time to come, oldest first."""
        maturity = self.model.options.maturity
        if maturity is None:
            return []
        now = self.at.timestamp()
        ripe = (w for w in self.windows if w.events and history.ends(self.model, w.start) + maturity <= now)
        return sorted(ripe, key=lambda window: window.start)
