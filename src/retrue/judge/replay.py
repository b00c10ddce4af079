"""What a set of monitors would have done: its alarms, how late they came, how many came for nothing.

    verdicts of all windows --episodes--> alarms --marked incidents--> found, delay, false alarms
                                          └── a dummy that alarms as often, at fixed intervals

Alarms are counted by episode: consecutive windows of one problem are one alarm. An alarm that was open already when an
incident began hasn't found it: nobody would have been told.
"""

from __future__ import annotations

import math
import statistics
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from typing import Any

from retrue.judge.grouping import Hysteresis, group_incidents
from retrue.judge.incident import Incident
from retrue.judge.verdict import Verdict
from retrue.metrics import get

MONTH = timedelta(days=30)
SHORT = timedelta(days=30)
"""History of less than this says little of alarms in 30 days."""


@dataclass(frozen=True)
class Marked:
    """An incident that somebody knows to have happened.

    Args:
        since: when it began.
        until: when it was over.
        name: what to call it.
    """

    since: datetime
    until: datetime
    name: str


@dataclass(frozen=True)
class Episode:
    """One alarm.

    Args:
        since: start of its first window.
        opened: end of its first window.
        until: end of its last window.
        told: when somebody would have been told.
        reason: what they would have been told.
    """

    since: datetime
    opened: datetime
    until: datetime
    told: datetime
    reason: str

    def finds(self, marked: Marked) -> bool:
        """Whether it opened while the incident lasted."""
        return self.since < marked.until and self.opened > marked.since

    def overlaps(self, marked: Marked) -> bool:
        """Whether they have time in common."""
        return self.since < marked.until and self.until > marked.since


@dataclass(frozen=True)
class Tally:
    """What a set of monitors comes to.

    Args:
        name: present, proposed or dummy.
        alarms: episodes; not whole for the dummy, which is averaged over where its interval begins.
        per_month: episodes in 30 days.
        interval: its 95 % interval, of a Poisson count; None for the dummy, whose rate is given.
        found: marked incidents found; None where none is marked.
        delay: median delay of those found, from the incident's beginning until somebody would have been told; None
            where none was found.
        false: episodes outside all marked incidents; None where none is marked.
        episodes: its alarms.
        missed: marked incidents that it didn't find, by name.
    """

    name: str
    alarms: float
    per_month: float
    interval: tuple[float, float] | None
    found: float | None
    delay: timedelta | None
    false: float | None
    episodes: tuple[Episode, ...] = ()
    missed: tuple[str, ...] = ()

    def to_dict(self) -> dict[str, Any]:
        """Plain values; times as ISO text, the delay in hours."""
        return {
            "name": self.name,
            "alarms": self.alarms,
            "per_30_days": self.per_month,
            "interval": None if self.interval is None else list(self.interval),
            "found": self.found,
            "delay_hours": None if self.delay is None else self.delay.total_seconds() / 3600,
            "false": self.false,
            "missed": list(self.missed),
            "episodes": [
                {
                    "since": one.since.isoformat(),
                    "opened": one.opened.isoformat(),
                    "until": one.until.isoformat(),
                    "told": one.told.isoformat(),
                    "reason": one.reason,
                }
                for one in self.episodes
            ],
        }

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> Tally:
        """Read back what `to_dict` gave."""
        times = ("since", "opened", "until", "told")
        delay, interval = data["delay_hours"], data["interval"]
        return cls(
            data["name"],
            data["alarms"],
            data["per_30_days"],
            None if interval is None else (interval[0], interval[1]),
            data["found"],
            None if delay is None else timedelta(hours=delay),
            data["false"],
            tuple(
                Episode(reason=one["reason"], **{name: datetime.fromisoformat(one[name]) for name in times})
                for one in data["episodes"]
            ),
            tuple(data["missed"]),
        )


@dataclass(frozen=True)
class MonitorTally:
    """What one monitor of a set comes to by itself.

    Args:
        set: present or proposed.
        monitor: the rule's text, or `learned` for all tests that follow from the alarm budget.
        judged: windows that it could judge.
        alarmed: windows that it alarmed in.
        alarms: episodes.
    """

    set: str
    monitor: str
    judged: int
    alarmed: int
    alarms: int


@dataclass(frozen=True)
class SignalTally:
    """What one signal of a set comes to by itself.

    Args:
        set: present or proposed.
        signal: its name.
        slice: which rows, as SQL; None where a function says.
        policy: which of its rows would be collected.
        windows: windows whose rows were held against it.
        rows: how many rows these have.
        met: rows that would have met it.
        collected: rows that would have been collected.
        judged: windows whose share could be judged.
        alarmed: windows that it alarmed in.
        alarms: episodes.
    """

    set: str
    signal: str
    slice: str | None
    policy: str
    windows: int
    rows: int
    met: int
    collected: int
    judged: int
    alarmed: int
    alarms: int


@dataclass(frozen=True)
class Backtest:
    """A set of monitors replayed over stored history, beside the present set and a dummy.

    Args:
        model: whose history.
        since: start of the first window (ISO).
        until: end of the last one.
        windows: how many were replayed.
        days: how many days they cover.
        marked: how many incidents were marked in that time.
        sets: present, proposed (where one was given) and dummy.
        monitors: each monitor by itself.
        notes: what a reader must know before believing it.
        signals: each signal by itself.
    """

    model: str
    since: str
    until: str
    windows: int
    days: float
    marked: int
    sets: tuple[Tally, ...]
    monitors: tuple[MonitorTally, ...]
    notes: tuple[str, ...]
    signals: tuple[SignalTally, ...] = ()

    def __getitem__(self, name: str) -> Tally:
        """One set by its name: present, proposed, dummy."""
        return next(one for one in self.sets if one.name == name)

    def to_dict(self) -> dict[str, Any]:
        """Plain values."""
        return {
            "model": self.model,
            "since": self.since,
            "until": self.until,
            "windows": self.windows,
            "days": self.days,
            "marked": self.marked,
            "sets": [one.to_dict() for one in self.sets],
            "monitors": [asdict(one) for one in self.monitors],
            "notes": list(self.notes),
            "signals": [asdict(one) for one in self.signals],
        }

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> Backtest:
        """Read back what `to_dict` gave."""
        sets = tuple(Tally.from_dict(one) for one in data["sets"])
        monitors = tuple(MonitorTally(**one) for one in data["monitors"])
        signals = tuple(SignalTally(**one) for one in data["signals"])
        told = {"sets": sets, "monitors": monitors, "notes": tuple(data["notes"]), "signals": signals}
        return cls(**{**data, **told})


def episodes_of(
    model: str,
    history: Mapping[tuple[str, str], Sequence[Verdict]],
    hysteresis: Hysteresis,
    grace: timedelta = timedelta(0),
    maturity: timedelta = timedelta(0),
) -> list[Episode]:
    """The alarms of all windows of one version by episode, oldest first.

    Args:
        model: the model.
        history: all verdicts of each window, by its start and end (ISO).
        hysteresis: when an episode ends.
        grace: how long after its end a window is judged.
        maturity: how long after its end its performance is: when its labels have come.
    """
    found = group_incidents(model, history, (), hysteresis)
    return [episode(incident, grace, max(grace, maturity)) for incident in found]


def episode(incident: Incident, grace: timedelta, labelled: timedelta) -> Episode:
    """An incident as an episode."""
    spans = sorted(verdict.window for verdict in incident.verdicts if verdict.window)
    since, opened = (datetime.fromisoformat(end) for end in spans[0])
    until = max(datetime.fromisoformat(end) for _, end in spans)
    told = [
        datetime.fromisoformat(verdict.window[1]) + (labelled if needs_labels(verdict) else grace)
        for verdict in incident.verdicts
        if verdict.window
    ]
    return Episode(since, opened, until, min(told), incident.sentence)


def needs_labels(verdict: Verdict) -> bool:
    """Whether a verdict is about performance."""
    return verdict.metric is not None and verdict.column is None and get(verdict.metric).of == "outcome"


def tally(name: str, episodes: Iterable[Episode], days: float, marked: Sequence[Marked]) -> Tally:
    """Count a set's alarms, and hold them against the marked incidents.

    Args:
        name: the set's.
        episodes: its alarms.
        days: days of history that were replayed.
        marked: the incidents that somebody knows of.
    """
    ordered = sorted(episodes, key=lambda one: one.since)
    low, high = poisson_interval(len(ordered))
    months = days / MONTH.days
    first = {mark: [one for one in ordered if one.finds(mark)] for mark in marked}
    delays = [max(min(e.told for e in found) - mark.since, timedelta(0)) for mark, found in first.items() if found]
    return Tally(
        name,
        len(ordered),
        len(ordered) / months,
        (low / months, high / months),
        len(delays) if marked else None,
        middle(delays),
        sum(not any(one.overlaps(mark) for mark in marked) for one in ordered) if marked else None,
        tuple(ordered),
        tuple(mark.name for mark, found in first.items() if not found),
    )


def dummy(windows: Sequence[tuple[str, str]], alarms: float, days: float, marked: Sequence[Marked]) -> Tally:
    """A dummy that alarms as often as another set, at fixed intervals; averaged over where they begin.

    Args:
        windows: all windows, in order of time.
        alarms: how often the other set alarmed; at least once.
        days: days of history.
        marked: the incidents that somebody knows of.
    """
    every = max(1, round(len(windows) / max(alarms, 1)))
    ends = [(datetime.fromisoformat(start), datetime.fromisoformat(end)) for start, end in windows]
    tallies = [
        tally("dummy", (Episode(a, b, b, b, f"every {every} windows") for a, b in ends[offset::every]), days, marked)
        for offset in range(min(every, len(ends)))
    ]
    delays = [one.delay for one in tallies if one.delay is not None]
    return Tally(
        "dummy",
        statistics.mean(one.alarms for one in tallies),
        statistics.mean(one.per_month for one in tallies),
        None,
        statistics.mean(one.found or 0.0 for one in tallies) if marked else None,
        middle(delays),
        statistics.mean(one.false or 0.0 for one in tallies) if marked else None,
    )


def middle(delays: Sequence[timedelta]) -> timedelta | None:
    """The median; None of none."""
    return timedelta(seconds=statistics.median(one.total_seconds() for one in delays)) if delays else None


def poisson_interval(count: int) -> tuple[float, float]:
    """The exact 95 % interval of a Poisson mean (Garwood 1936, "Fiducial limits for the Poisson distribution").

    >>> [round(end, 2) for end in poisson_interval(3)]
    [0.62, 8.77]
    """
    from scipy.special import gammaincinv  # late: half a second when cold, and only `backtest` comes here

    low = 0.0 if count == 0 else float(gammaincinv(count, 0.025))
    return low, float(gammaincinv(count + 1, 0.975))


def shortness(days: float, tallies: Iterable[Tally]) -> list[str]:
    """What must be said of a history that is too short to tell alarms in 30 days apart."""
    if timedelta(days=days) < SHORT:
        return [f"only {days:.3g} days of history: alarms in 30 days are extrapolated, see their intervals"]
    wide = [one for one in tallies if one.interval is not None and one.interval[1] > 2 * max(one.per_month, 0.5)]
    return [f"{days:.3g} days of history: rates as low as these are known only within their intervals"] if wide else []


def covered_days(windows: Sequence[tuple[str, str]]) -> float:
    """Days that windows cover together."""
    seconds = (datetime.fromisoformat(end) - datetime.fromisoformat(start) for start, end in set(windows))
    return math.fsum(length.total_seconds() for length in seconds) / 86_400
