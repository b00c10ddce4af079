"""Which windows are silent: what a model usually gets at that time, and what came of it.

A window without events has no row in the catalog, so the gaps between windows are looked for, and after the last one as
long as the model is live: where its latest events were logged about when they happened. A backfill that ends years ago
is no silence.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

import polars as pl

from retrue.judge.silence import ENOUGH, judge_labels, judge_volume
from retrue.judge.verdict import Verdict
from retrue.store import rows
from retrue.workspace import history

if TYPE_CHECKING:
    from retrue.workspace.model import Model

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

    def usual(self, start: int) -> list[int]:
        """How many events earlier windows have that are like this one."""
        return alike(
            self.begun(start), {self.begins[one]: self.events.get(one, 0) for one in self.begins if one < start}
        )

    def empty(self) -> list[int]:
        """The starts of windows without events that should have some."""
        gaps = [start for start in self.begins if not self.events.get(start)]
        return [start for start in [*gaps, *self.trailing()] if judge_volume(0, self.usual(start)) is not None]

    def judge(self, version: str, start: int) -> list[Verdict]:
        """What is to be said of the events and labels of a version's window."""
        window = next((w for w in self.windows if (w.version, w.start) == (version, start)), None)
        labels = None if window is None else self.labels(window)
        found = [judge_volume(self.events.get(start, 0), self.usual(start)), labels]
        return [verdict.within(self.model.span(start)) for verdict in found if verdict is not None]

    def labels(self, window: rows.Window) -> Verdict | None:
        """Whether labels stopped: judged once they have had time to come, where the user said how long they take."""
        maturity = self.model.options.maturity
        if maturity is None or not self.matured(window, maturity):
            return None
        earlier = [w for w in self.windows if w.start < window.start and w.events and self.matured(w, maturity)]
        return judge_labels(window.labelled, window.events, [w.labelled / w.events for w in earlier])

    def matured(self, window: rows.Window, maturity: float) -> bool:
        """Whether a window's labels have had time to come."""
        return history.ends(self.model, window.start) + maturity <= self.at.timestamp()


def alike(begun: datetime, earlier: Mapping[datetime, int]) -> list[int]:
    """The counts of the windows that are most like one that begins then, of as many as tell what is usual."""
    found: Sequence[int] = ()
    for phase in PHASES:
        found = [count for one, count in earlier.items() if phase(one) == phase(begun)]
        if len(found) >= ENOUGH:
            break
    return list(found)
