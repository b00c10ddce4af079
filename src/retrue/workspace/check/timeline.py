"""The timeline of a model version: its stored windows, those known to be good, and sums of them.

Days and weeks are sums of hours; what a window is compared with may be a sum as well. All of it is arithmetic on stored
profiles: no event is read again.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from functools import cached_property, reduce
from operator import add
from zoneinfo import ZoneInfo

import polars as pl

from retrue.core.cube import EVERYTHING
from retrue.core.profile import Profile
from retrue.core.reference import WINDOWS, Reference
from retrue.core.times import window_starts
from retrue.judge.against import Against
from retrue.judge.assess import Judge
from retrue.judge.habits import Habits
from retrue.judge.null import MIN_WINDOWS
from retrue.judge.verdict import Verdict, VerdictKind
from retrue.store import rows
from retrue.workspace import clock
from retrue.workspace.check.incidents import load_incidents
from retrue.workspace.explain.evidence import alarmed
from retrue.workspace.stored import StoredModel

GOOD = 200
"""The most windows of production that are looked at for what is normal: the last ones."""


@dataclass(frozen=True, eq=False)
class Timeline:
    """The windows of one version.

    Args:
        model: the model.
        version: its version.
    """

    model: StoredModel
    version: str
    read: dict[int, Profile] = field(default_factory=dict)

    @cached_property
    def starts(self) -> list[int]:
        """Where windows with events start, oldest first."""
        with self.model.store.catalog.read() as tx:
            found = tx.find(rows.Window, model=self.model.name, version=self.version)
        return sorted(window.start for window in found if window.events)

    @cached_property
    def alarmed(self) -> frozenset[int]:
        """Windows in which something alarmed that nobody called a false alarm."""
        return frozenset(row.start for row in self.judged if row.body.get("alarm", False)) - self.false

    @cached_property
    def false(self) -> frozenset[int]:
        """Windows whose alarms people called false, all of them."""
        told = load_incidents(self.model, self.version)
        false, other = (
            [alarmed(self.model, one) for one in told if (one.real is False) is is_false] for is_false in (True, False)
        )
        return frozenset().union(*false) - frozenset().union(*other)

    @cached_property
    def judged(self) -> tuple[rows.VerdictRow, ...]:
        """What was kept of the windows that were judged."""
        with self.model.store.catalog.read() as tx:
            return tx.find(rows.VerdictRow, model=self.model.name, version=self.version)

    def good(self, judge: Judge) -> list[int]:
        """Windows known to be good, oldest first.

        Nothing alarmed, and the labels came and were judged; or people called what alarmed a false alarm.
        """
        with self.model.store.catalog.read() as tx:
            points = [
                tx.find(rows.Point, model=self.model.name, version=self.version, metric=metric, column="", slice="")
                for metric in judge.judged_metrics
            ]
        measured = {point.start for found in points for point in found if point.value is not None}
        return sorted((measured | self.false) & set(self.starts) - self.alarmed)

    def profiles(self, starts: Iterable[int]) -> list[Profile]:
        """The profiles of windows, all rows."""
        wanted = list(starts)
        fresh = [start for start in wanted if start not in self.read]
        if fresh:
            found = self.model.store.profiles(self.model.name, version=self.version, start=fresh)
            self.read.update({one.start: one.profile for one in found if one.slice == EVERYTHING})
        return [self.read[start] for start in wanted if start in self.read]

    def between(self, since: float, until: float) -> Profile | None:
        """The sum of the windows that start in this time; half a window of summer time is forgiven."""
        slack = self.model.options.window / 2
        return total(self.profiles(s for s in self.starts if since - slack <= s < until - slack))

    # --- what is normal -------------------------------------------------------------------------------------------

    def habits(self, judge: Judge, against: Against) -> Habits:
        """The reference's own windows, and those of production that are known to be good; the last of them."""
        if not against.training:
            return self.moving_habits(against, judge.reference)
        reference = judge.reference
        good = [start for start in self.good(judge)[-GOOD:] if start not in reference.starts]
        windows = (*reference.windows, *self.profiles(good))[-WINDOWS:]
        if not good:
            return Habits(windows, moments=reference.moments)
        zone = ZoneInfo(reference.schema.timezone)
        moments = [*reference.moments, *(datetime.fromtimestamp(start, zone) for start in good)][-WINDOWS:]
        return Habits(windows, [reference.profile] * len(windows), moments if len(moments) == len(windows) else None)

    def against(self, judge: Judge, against: Against, start: int) -> Judge:
        """The judge of the window that starts there. Where nothing was logged to compare it with, it isn't comparable.

        Slices are compared with those of the training data only.
        """
        span = against.span(float(start), self.model.options.window)
        if span is None:
            return judge
        base = self.between(*span) or judge.reference.grids.empty()
        return replace(judge, reference=replace(judge.reference, profile=base, slices={}))

    def moving_habits(self, against: Against, reference: Reference) -> Habits:
        """Windows without alarm, each with what it was compared with: the reference's own, then those of production."""
        length = self.model.options.window
        if against.fixed is not None:
            base, calm = self.between(*against.fixed), self.profiles(self.calm(WINDOWS))
            return Habits([]) if base is None else Habits(calm, [base] * len(calm))
        back = max(round((against.back or length) / length), 1)
        wide = max(round((against.length or length) / length), 1)
        own = reference.windows
        pairs = [(own[i], total(own[i - back : i - back + wide])) for i in range(back, len(own))]
        for start in self.calm(WINDOWS):
            span = against.span(float(start), length)
            pairs += [(one, self.between(*span)) for one in self.profiles([start]) if span is not None]
        known = [(window, base) for window, base in pairs if base is not None][-WINDOWS:]
        return Habits([window for window, _ in known], [base for _, base in known])

    def calm(self, most: int) -> list[int]:
        """Judged windows without alarm, the last ones, oldest first."""
        judged = {row.start for row in self.judged}
        return sorted(judged & set(self.starts) - self.alarmed)[-most:]

    # --- longer windows -------------------------------------------------------------------------------------------

    def longer(self, seconds: float) -> dict[int, list[int]]:
        """Longer windows by their start: the starts of the windows that they are made of."""
        zone = self.model.schema.timezone
        moments = pl.Series([datetime.fromtimestamp(s, UTC) for s in self.starts], dtype=pl.Datetime("us", "UTC"))
        made: dict[int, list[int]] = {}
        for start, whole in zip(self.starts, window_starts(moments, int(seconds), zone), strict=True):
            made.setdefault(int(whole), []).append(start)
        return made

    def whole(self, starts: Sequence[int], seconds: float) -> bool:
        """Whether windows are a longer one; one that is missing is forgiven, of two none."""
        times = round(seconds / self.model.options.window)
        return len(starts) >= max(times - 1, 2)

    def ending_with(self, start: int, seconds: float) -> tuple[tuple[str, str], Profile | None]:
        """The longer window that ends with the window that starts there, and its sum; None where it isn't whole."""
        own = self.model.span(start)
        for begin, starts in self.longer(seconds).items():
            span = clock.span(begin, seconds, self.model.schema.timezone)
            if start in starts and span[1] == own[1] and self.whole(starts, seconds):
                return span, total(self.profiles(starts))
        return own, None

    def longer_judge(self, judge: Judge, seconds: float) -> Judge | None:
        """The judge of longer windows; None as long as too few good ones are known to tell what is normal.

        Slices and rules are judged in the base windows only.
        """
        times = round(seconds / self.model.options.window)
        own = judge.reference.windows
        first = len(own) % times
        windows = [total(own[i : i + times]) for i in range(first, len(own), times)]
        good = set(self.good(judge))
        parts = [
            starts
            for starts in self.longer(seconds).values()
            if self.whole(starts, seconds) and good.issuperset(starts)
        ]
        known = [one for one in (*windows, *(total(self.profiles(starts)) for starts in parts)) if one is not None]
        if len(known) < MIN_WINDOWS:
            return None
        base = judge.reference
        habits = Habits(known, [base.profile] * len(known) if parts else None)
        return Judge(replace(base, slices={}), self.model.settings(seconds), habits=habits)

    def judge_longer(self, judge: Judge, start: int, seconds: float) -> list[Verdict]:
        """What isn't true of the longer window that ends with this window; none where it isn't whole."""
        span, whole = self.ending_with(start, seconds)
        if whole is None:
            return []
        verdicts = judge.assess(self.without_early(whole), span=span).verdicts
        odd = [verdict for verdict in verdicts if verdict.kind not in (VerdictKind.TRUE, VerdictKind.NOT_COMPARABLE)]
        return [replace(verdict, reason=f"over {lasting(seconds)}: {verdict.reason}") for verdict in odd]

    def without_early(self, whole: Profile) -> Profile:
        """A longer window without its outcome where too few of its labels are known."""
        coverage = None if whole.outcome is None else whole.outcome.coverage
        few = coverage is not None and coverage < self.model.options.coverage
        return replace(whole, outcome=None) if few else whole


def lasting(seconds: float) -> str:
    """Say how long that is, in days or hours.

    >>> lasting(604_800), lasting(21_600)
    ('7 days', '6 hours')
    """
    unit, size = ("day", clock.DAY) if seconds % clock.DAY == 0 else ("hour", 3_600)
    count = seconds / size
    return f"{count:g} {unit}" if count == 1 else f"{count:g} {unit}s"


def total(profiles: Sequence[Profile]) -> Profile | None:
    """The sum of profiles; None of none."""
    return reduce(add, profiles) if profiles else None


def is_judged(model: StoredModel) -> bool:
    """Whether any window of a model was ever judged: `check` does so."""
    with model.store.catalog.read() as tx:
        return tx.newest(rows.VerdictRow, "start", model=model.name) is not None
