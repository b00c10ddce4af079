"""How a model stands, in words and figures: what the overview's rows and the heads of model pages say."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from markupsafe import Markup

from retrue.judge.incident import State as Status
from retrue.judge.verdict import Verdict, VerdictKind
from retrue.judge.words import metric_name, percent
from retrue.report.units import in_points, known
from retrue.report.words import glyph_of, half_width, plural, precise, short_count, signed, spanned, state_of, tone_of
from retrue.server.pages.moments import day
from retrue.server.pages.reading import RANKS, Facts, Figure, Judged, Live, Traffic, incident_rank
from retrue.server.pages.trend import trend
from retrue.workspace.clock import DAY, iso, span

Group = Literal["out", "in", "untold"]
"""Out of true, in true, or can't be told."""


@dataclass(frozen=True)
class State:
    """A state as pages show it: glyph and word, and how loud; `group` is what it is filtered by."""

    glyph: str
    word: str
    tone: str
    group: Group
    rank: int


@dataclass(frozen=True)
class Told:
    """A figure in words: the value, its interval, and of when it is where that isn't the newest window."""

    value: str
    interval: str
    when: str


@dataclass(frozen=True)
class Standing:
    """How a model stands.

    Attributes:
        name, version: the model, and its champion.
        metric: the metric told, in words; "" where there is none yet.
        state: its state.
        why: what stands below the state: since when, how many incidents, why it can't be told.
        realised, estimated: the newest figures; None where there is none.
        change: how far from the reference, in words; `worse` where an incident says that it matters.
        lost: how much worse than the reference, as a share of it: what to sort by.
        trend: the sparkline.
        events: rows a day; None before the first.
        coverage: the share of labels known, of the windows that are old enough; None without any.
        incidents: those that aren't resolved, worst first.
    """

    name: str
    version: str
    metric: str
    state: State
    why: str
    realised: Told | None
    estimated: Told | None
    change: str
    worse: bool
    lost: float
    trend: Markup
    events: float | None
    coverage: float | None
    incidents: tuple[Live, ...]

    @property
    def rows_a_day(self) -> str:
        """Rows a day, in words."""
        return "–" if self.events is None else short_count(round(self.events))

    @property
    def labelled(self) -> str:
        """The share of labels known, in words."""
        return "–" if self.coverage is None else percent(self.coverage)


def standing(facts: Facts, since: float, until: float) -> Standing:
    """Say how a model stands, by what is known of it between two times (seconds since 1970)."""
    live = sorted(facts.live, key=incident_rank)
    state = state_of_model(live, facts.judged)
    newest = newest_figure(facts)
    loud = state.tone != "calm"
    return Standing(
        facts.name, facts.version, metric_name(facts.metric) if facts.metric else "", state,
        why_of(live, facts, until), told(facts.realised, facts), told(facts.estimated, facts),
        change_of(newest, facts.metric), any(one.kind == VerdictKind.DEGRADED for one in live),
        loss_of(newest, facts.metric),
        trend(facts.realised, facts.estimated, since, until, loud=loud), events_a_day(facts, since, until),
        coverage_of(facts, until), tuple(live),
    )  # fmt: skip


# --- state ----------------------------------------------------------------------------------------------------------


def state_of_kind(kind: str, *, alarm: bool, group: Group) -> State:
    """A state by the kind of a verdict."""
    verdict = Verdict(VerdictKind(kind), "", alarm=alarm)
    return State(glyph_of(verdict), state_of(verdict), tone_of(verdict), group, RANKS.index(kind))


def state_of_model(live: Sequence[Live], judged: Judged | None) -> State:
    """A model's state: that of its worst incident, else what its newest judged window said."""
    if live:
        found = state_of_kind(live[0].kind, alarm=True, group="out")
        if live[0].status == Status.SNOOZED:
            return State(found.glyph, f"{found.word}, snoozed", "calm", "out", len(RANKS))
        return found
    if judged is None:
        return State("–", "not judged yet", "calm", "untold", len(RANKS) + 1)
    if judged.alarm:  # somebody resolved its incident
        found = state_of_kind(judged.alarm, alarm=True, group="out")
        return State(found.glyph, f"{found.word}, resolved", "calm", "out", len(RANKS))
    if "true" in judged.kinds or "drifting" in judged.kinds:
        kind = "drifting" if "drifting" in judged.kinds else "true"
        return state_of_kind(kind, alarm=False, group="in")
    return state_of_kind("not_comparable", alarm=False, group="untold")


def why_of(live: Sequence[Live], facts: Facts, until: float) -> str:
    """What stands below a state."""
    if live:
        some = plural(len(live), "incident")
        taken = ", acknowledged" if all(one.status == Status.ACKNOWLEDGED for one in live) else ""
        return f"since {dated(min(one.since for one in live), until)}, {some}{taken}"
    if facts.judged is None and (not facts.traffic or facts.realised or facts.estimated):
        return f"no events of version {facts.version} yet"
    if facts.judged is None:
        end = span(facts.traffic[-1].start, facts.window, facts.zone)[1]
        return f"its window ends {dated(end, until)}"
    if facts.judged.alarm:
        return "its incident was resolved; the newest window still shows it"
    if set(facts.judged.kinds) == {"not_comparable"}:
        return facts.judged.kinds["not_comparable"]
    return ""


def dated(time: str, until: float) -> str:
    """The day of a time, with its year where that isn't the present one."""
    return day(time, year=datetime.fromisoformat(time).year != datetime.fromisoformat(iso(until)).year)


# --- figures --------------------------------------------------------------------------------------------------------


def told(figures: Sequence[Figure], facts: Facts) -> Told | None:
    """The newest figure in words."""
    if not figures:
        return None
    last = figures[-1]
    interval = interval_of(last)
    error = half_width(interval)
    newest = not facts.traffic or last.start >= facts.traffic[-1].start
    when = "" if newest else day(span(last.start, facts.window, facts.zone)[0])
    return Told(precise(last.value, error), spanned(interval), when)


def interval_of(figure: Figure) -> tuple[float, float] | None:
    """A figure's interval."""
    return None if figure.low is None or figure.high is None else (figure.low, figure.high)


def newest_figure(facts: Facts) -> Figure | None:
    """The newest figure that labels gave, else the newest estimate: what is shown is what is compared."""
    return next(iter(facts.realised[-1:] or facts.estimated[-1:]), None)


def change_of(figure: Figure | None, metric: str | None) -> str:
    """How far a figure is from the reference, in its own unit; "within noise" where the reference is in its interval.

    >>> change_of(Figure(0, 0.70, 0.69, 0.71, 0.76), "roc_auc"), change_of(Figure(0, 5.6, 5.5, 5.7, 3.3), "mae")
    ('−6.0 points', '+2.30')
    >>> change_of(Figure(0, 0.755, 0.74, 0.77, 0.76), "roc_auc"), change_of(None, None)
    ('within noise', '–')
    """
    if figure is None or figure.reference is None:
        return "–"
    if is_noise(figure):
        return "within noise"
    scale = 100 if in_points(metric) else 1
    error = half_width(interval_of(figure))
    said = signed((figure.value - figure.reference) * scale, error * scale if error else None)
    return f"{said} points" if scale == 100 else said


def is_noise(figure: Figure) -> bool:
    """Whether a figure may well be what the reference has: that lies in its interval."""
    interval = interval_of(figure)
    return figure.reference is not None and interval is not None and interval[0] <= figure.reference <= interval[1]


def loss_of(figure: Figure | None, metric: str | None) -> float:
    """How much worse a figure is than the reference, as a share of it; 0 where that isn't known, or noise."""
    if figure is None or not figure.reference or is_noise(figure):
        return 0.0
    share = (figure.value - figure.reference) / abs(figure.reference)
    return share if metric and known(metric, "better") == "lower" else -share


def events_a_day(facts: Facts, since: float, until: float) -> float | None:
    """Events a day, over the windows of this time as far as they have passed."""
    seen = [one for one in facts.traffic if since <= one.start < until]
    if not seen:
        return None
    length = min(seen[-1].start + facts.window, until) - seen[0].start
    return sum(one.events for one in seen) / max(length, 3600.0) * DAY


def coverage_of(facts: Facts, until: float) -> float | None:
    """The share of events with a label, in windows whose labels should have come; in all where none is so old."""
    old = [one for one in facts.traffic if one.start + facts.window + (facts.maturity or 0) <= until]
    return share_of(old or facts.traffic)


def share_of(traffic: Sequence[Traffic]) -> float | None:
    """The share of events with a label; None without events."""
    events = sum(one.events for one in traffic)
    return sum(one.labelled for one in traffic) / events if events else None
