"""Grouping: how the alerts of all windows become incidents.

    windows in order of time --alerts--> join an open incident of the same cause, or open one
                             --calm windows--> resolved; an alert soon after reopens it

The same cause: the same column; columns that are tied (see `bonds`); a worse model beside changed data; columns that
changed together, as long as one column is in all that did, or beside the column whose odd rows they changed for. Where
nobody knows whether two columns are tied, what is of one kind and begins at the same time is taken for one cause.

Everything is a pure function of the verdicts of all windows, of the bonds, and of what people said about earlier
incidents. A window that is judged again replaces its verdicts, so it counts once.
"""

from __future__ import annotations

import hashlib
from bisect import bisect_left
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime

from retrue.errors import ConfigError
from retrue.judge.bonds import Bonds
from retrue.judge.claims import carry, claims_of
from retrue.judge.incident import Incident, State, Window, time_of, window_of
from retrue.judge.sentence import sentence_of
from retrue.judge.verdict import Verdict, VerdictKind, badness, sort_worst_first
from retrue.metrics.names import metric_of


@dataclass(frozen=True, slots=True)
class Hysteresis:
    """When an incident ends, and when an alert is the same incident again.

    Args:
        calm: judged windows without its alerts until it is resolved; longer ones where only these show it. Each time
            that it came back it takes as many more, up to `PATIENCE` times as many: what comes and goes is one problem.
        cooldown: windows after that in which a like alert reopens it; longer ones where a longer one alarmed.
        onset: windows from an incident's first within which alerts of the same kind share its cause. What breaks weeks
            later is another problem.
    """

    calm: int = 2
    cooldown: int = 2
    onset: int = 2

    def __post_init__(self) -> None:
        """Refuse an incident that would end before it began."""
        if self.calm < 1 or self.cooldown < 0:
            raise ConfigError(
                f"hysteresis of {self.calm} calm windows and {self.cooldown} to cool down", expected="at least 1 and 0"
            )


PATIENCE = 4
"""The most times `calm` windows that an incident takes to be resolved that came back so often."""


def group_incidents(
    model: str,
    history: Mapping[Window, Sequence[Verdict]],
    prior: Iterable[Incident] = (),
    hysteresis: Hysteresis | None = None,
    bonds: Bonds | None = None,
) -> list[Incident]:
    """Group the alerts of all windows into incidents, oldest first.

    Args:
        model: the model.
        history: all verdicts of each judged window, by its start and end (ISO); calm ones too, because they end
            incidents. A window judged again has its new verdicts here. Those on a longer window stand in the last
            window of it, and have a span of their own.
        prior: the incidents as last grouped, with what people said about them.
        hysteresis: when an incident ends.
        bonds: which columns share a cause; None: nobody knows.
    """
    hysteresis, bonds = hysteresis or Hysteresis(), bonds or Bonds()
    threads: list[_Thread] = []
    windows = sorted(history, key=lambda span: time_of(span[0]))
    starts = [time_of(start) for start, _ in windows]
    for place, window in enumerate(windows):
        now = _Now(place, window[0], starts)
        verdicts = [verdict if verdict.window else verdict.within(window) for verdict in history[window]]
        alerts = sort_worst_first(verdict for verdict in verdicts if verdict.alarm)
        # Causes before effects: what is worse for it must not tie two columns together that nothing else does.
        alerts.sort(key=lambda alert: (alert.column is None, not is_joint(alert)))
        told = {_join(threads, alert, now, hysteresis, bonds) for alert in alerts}
        if any(verdict.kind not in _BLIND for verdict in verdicts):
            still = [verdict for verdict in verdicts if verdict.eased]
            for number, thread in enumerate(threads):
                if number in told:
                    thread.calm = 0
                elif thread.is_told_of(verdicts) and not any(thread.belongs(one, now, 0, bonds) for one in still):
                    thread.calm += 1
    fresh = [_incident(model, thread, hysteresis) for thread in threads]
    claims = claims_of(fresh, list(prior))
    return [_settle(incident, claims.get(place)) for place, incident in enumerate(fresh)]


_BLIND = (VerdictKind.NOT_COMPARABLE, VerdictKind.SILENT)
"""A window that shows nothing else doesn't show that things are calm."""


def is_joint(alert: Verdict) -> bool:
    """Whether it is about what columns do together, and none of them by itself.

    Before these alerts named their columns, the metric told.
    """
    return alert.column is None and (bool(alert.columns) or alert.metric == "mmd")


@dataclass(frozen=True, slots=True)
class _Now:
    """A judged window: its place among all of them, its start, and where all of them start."""

    place: int
    start: str
    starts: Sequence[datetime]

    def width(self, alert: Verdict) -> int:
        """The judged windows that an alert in this one is about: itself, or those of a longer one that ends with it."""
        return max(self.place - bisect_left(self.starts, time_of(window_of(alert)[0])) + 1, 1)


@dataclass(slots=True)
class _Thread:
    """An incident in the making."""

    start: int
    alerts: list[Verdict] = field(default_factory=list)
    calm: int = 0
    columns: set[str] = field(default_factory=set)
    kinds: set[VerdictKind] = field(default_factory=set)
    windows: set[str] = field(default_factory=set)
    silent: set[str | None] = field(default_factory=set)
    spans: set[tuple[int, int]] = field(default_factory=set)
    metrics: set[tuple[str | None, str | None]] = field(default_factory=set)
    """Metrics of the model that are worse, and in which slice."""
    longest: int = 1
    together: frozenset[str] | None = None
    """The columns that are in all changes together; empty where one was told of all columns; None: there was none."""
    returns: int = 0
    """How often it came back after it was over."""

    @property
    def pace(self) -> int:
        """The most windows that an alert is about that no shorter one lies in: a day's outage is over before its week.

        `longest` is the same of all its alerts.
        """
        return max(
            (
                width
                for last, width in self.spans
                if width == 1 or not any(other < width and last - width < place <= last for place, other in self.spans)
            ),
            default=1,
        )

    def patience(self, hysteresis: Hysteresis) -> int:
        """Calm windows that it takes, of its pace: more for one that came back before."""
        return hysteresis.calm * min(1 + self.returns, PATIENCE)

    def over(self, hysteresis: Hysteresis) -> bool:
        """Whether it has been calm for long enough."""
        return self.calm >= self.patience(hysteresis) * self.pace

    def is_told_of(self, verdicts: Sequence[Verdict]) -> bool:
        """Whether a window shows how what this is about stands: a worse model only by the metrics that told of it.

        A window whose labels are missing shows nothing of a metric that needs them; nor does an estimate, which may
        have shown nothing before. What was estimated is told by labels, too.
        """
        if self.columns or self.kinds != {VerdictKind.DEGRADED}:
            return True
        telling = self.metrics | {(metric_of(name), part) for name, part in self.metrics if name is not None}
        return any((one.metric, one.slice) in telling and one.kind not in _BLIND for one in verdicts)

    def add(self, alert: Verdict, now: _Now, hysteresis: Hysteresis) -> None:
        self.returns += self.over(hysteresis) and bool(self.alerts)
        self.alerts.append(alert)
        self.spans.add((now.place, now.width(alert)))
        self.longest = max(self.longest, now.width(alert))
        self.calm = 0
        self.kinds.add(alert.kind)
        self.windows.add(now.start)
        if alert.kind is VerdictKind.SILENT:
            self.silent.add(alert.metric)
        if alert.kind is VerdictKind.DEGRADED:
            self.metrics.add((alert.metric, alert.slice))
        if alert.column is not None:
            self.columns.add(alert.column)
        if is_joint(alert):
            about = frozenset(alert.columns)
            self.together = about if not self.together else self.together & about if about else self.together

    def belongs(self, alert: Verdict, now: _Now, onset: int, bonds: Bonds) -> bool:
        """Same or tied columns; or, from the same time on, a worse model, or the same kind where nobody knows."""
        if alert.kind is VerdictKind.SILENT:
            return alert.metric in self.silent  # no events is one problem, no labels another
        if is_joint(alert):
            within = now.place - self.start < onset
            return bonds.behind(alert.columns, self.columns, now.start) or self.hangs(alert, within=within)
        if alert.column in self.columns or (alert.column is None and alert.kind in self.kinds):
            return True
        tied = self.tied(alert, now.start, bonds)
        if tied is not None:
            return tied
        kinds = {alert.kind, *self.kinds}
        effect = VerdictKind.DEGRADED in kinds and VerdictKind.SILENT not in kinds
        return now.place - self.start < onset and (effect or alert.kind in self.kinds)

    def hangs(self, alert: Verdict, *, within: bool) -> bool:
        """Whether what columns do together is of this cause; a worse model without any other may have it for its own.

        Args:
            alert: what changed together.
            within: whether the thread began lately.
        """
        if self.together is not None:
            return not self.together or not alert.columns or not self.together.isdisjoint(alert.columns)
        return within and self.kinds == {VerdictKind.DEGRADED} and not self.columns

    def tied(self, alert: Verdict, start: str, bonds: Bonds) -> bool | None:
        """Whether its columns share a cause with the alert's; None where there are none, or nobody knows of any."""
        if alert.column is None:
            return None
        windows = {*self.windows, start}
        told = {bonds.tied(alert.column, own, windows) for own in self.columns} - {None}
        return None if not told else True in told


def _join(threads: list[_Thread], alert: Verdict, now: _Now, hysteresis: Hysteresis, bonds: Bonds) -> int:
    """Put an alert where it belongs: first to the thread of its column, then of its kind, then the oldest."""
    cooled, onset = hysteresis.cooldown + 1, hysteresis.onset
    alive = [
        place
        for place, thread in enumerate(threads)
        if thread.calm < (thread.patience(hysteresis) + cooled) * thread.longest
        and thread.belongs(alert, now, onset, bonds)
    ]
    if not alive:
        threads.append(_Thread(now.place))
        alive = [len(threads) - 1]
    best = min(alive, key=lambda at: (alert.column not in threads[at].columns, alert.kind not in threads[at].kinds, at))
    threads[best].add(alert, now, hysteresis)
    return best


def _incident(model: str, thread: _Thread, hysteresis: Hysteresis) -> Incident:
    """Turn a thread into an incident, as if nobody had said anything of it."""
    alerts = sorted(thread.alerts, key=lambda alert: (alert.window or ("", ""), badness(alert)))
    since, last = window_of(alerts[0])[0], max(window_of(alert)[1] for alert in alerts)
    ranked = sort_worst_first(alerts)
    columns = tuple(dict.fromkeys(alert.column for alert in ranked if alert.column is not None))
    over = thread.over(hysteresis)
    return Incident(
        _id(model, alerts[0]),
        model,
        ranked[0].kind,
        State.RESOLVED if over else State.OPEN,
        since,
        last if over else None,
        columns,
        tuple(alerts),
        "",
    )


def _settle(fresh: Incident, before: Incident | None) -> Incident:
    """Give an incident the id and the state that an earlier grouping gave it, and its sentence."""
    settled = fresh if before is None else carry(fresh, before)
    return replace(settled, sentence=sentence_of(settled))


def _id(model: str, first: Verdict) -> str:
    parts = (model, first.kind.value, first.column or "", first.metric or "", first.slice or "", window_of(first)[0])
    return hashlib.blake2b("\0".join(parts).encode(), digest_size=6).hexdigest()
