"""Which windows are silent: what a model usually gets at that time, and what came of it.

A window without events has no row in the catalog, so the gaps between windows are looked for, and after the last one as
long as the model is live: where its latest events were logged about when they happened. A backfill that ends years ago
is no silence.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from functools import cached_property
from itertools import takewhile
from typing import TYPE_CHECKING

import polars as pl

from retrue.judge.silence import ENOUGH, judge_labels, judge_volume
from retrue.judge.verdict import Verdict
from retrue.store import rows
from retrue.workspace import history

if TYPE_CHECKING:
    from retrue.workspace.model import Model

RECENT = 60
"""Earlier windows that tell what is usual, the latest ones: what was usual last year may not be today."""
REACH = 200
"""Windows without events that are looked for after the last one with some."""

Phase = Callable[[datetime], object]
PHASES: tuple[Phase, ...] = (lambda at: (at.weekday(), at.hour), lambda at: at.hour, lambda _at: None)
"""What makes windows alike, the finest first: the hour of the week, the hour of the day, nothing."""


class Traffic:
    """How many events and labels a model's windows have."""

    def __init__(self, model: Model, at: datetime) -> None:
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
        """Whether the latest day's events were logged about when they happened."""
        view = self.model.store.view(self.model.name)
        events = view.rows([max(view.days())])
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
                break
        return [self.events.get(one, 0) for one in found]

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
