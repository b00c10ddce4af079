"""Broken rows: logged events of windows in which the data were judged broken. Nothing is learned from them unasked.

incidents (but for false alarms) ── their broken verdicts ──> faults ── events outside of them ──> training, holdout
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass, field
from datetime import datetime, timedelta
from typing import Any

import polars as pl

from retrue.core.state import Bools
from retrue.errors import RetrueError
from retrue.judge.incident import Incident, time_of, window_of
from retrue.judge.verdict import Verdict, VerdictKind
from retrue.metrics import registered
from retrue.slices import Slice
from retrue.workspace.check.incidents import load_incidents
from retrue.workspace.stored import StoredModel

SPOILT = 0.1
"""From this share of bad rows on a window is spoilt. Fewer alarm, but the rest is fit to learn from: a model that never
sees the few values beyond those of last year never learns them."""


@dataclass(frozen=True)
class Fault:
    """A stretch of time in which some column was broken.

    Attributes:
        since: its start (ISO).
        until: its end.
        slice: the SQL of the rows that it concerns; None: all of them.
        reason: what was wrong, in words.
        column: which column.
    """

    since: str
    until: str
    slice: str | None = None
    reason: str = ""
    column: str | None = field(default=None, compare=False)

    @property
    def span(self) -> tuple[datetime, datetime]:
        """Start and end."""
        return time_of(self.since), time_of(self.until)

    @property
    def length(self) -> timedelta:
        """How long it was."""
        start, end = self.span
        return end - start

    def holds(self, other: Fault) -> bool:
        """Whether another one lies in it and tells more closely where the fault is: a day of a week."""
        (first, last), (start, end) = self.span, other.span
        return self.column == other.column and first <= start and end <= last and self.length > other.length

    def to_dict(self) -> dict[str, Any]:
        """Plain values."""
        return {name: value for name, value in asdict(self).items() if name != "column"}


def broken_verdicts(incident: Incident) -> list[Fault]:
    """What an incident says was broken, and when."""
    return [
        Fault(*window_of(one), one.slice, f"{one.column}: {one.reason}" if one.column else one.reason, one.column)
        for one in incident.verdicts
        if one.kind is VerdictKind.BROKEN and one.window is not None and spoils(one)
    ]


def spoils(verdict: Verdict) -> bool:
    """Whether what a verdict found is wrong with a window's rows as a whole, not with a few of them."""
    shares = {metric.name for metric in registered() if (metric.family, metric.unit) == ("quality", "share")}
    return verdict.metric not in shares or verdict.value is None or verdict.value >= SPOILT


def faults_of(model: StoredModel) -> tuple[Fault, ...]:
    """All faults of the model's data, of whatever version; what people called a false alarm is none."""
    told = [
        one for incident in load_incidents(model) if incident.real is not False for one in broken_verdicts(incident)
    ]
    whole = {(one.since, one.until) for one in told if one.slice is None}
    shortest = min((one.length for one in told), default=timedelta())
    kept: dict[tuple[str, str, str | None], Fault] = {}
    for one in told:
        if one.slice is not None and (one.since, one.until) in whole:
            continue
        if one.length == shortest or not any(one.holds(other) for other in told):
            kept.setdefault((one.since, one.until, one.slice), one)
    return tuple(sorted(kept.values(), key=lambda one: (one.since, one.until, one.slice or "")))


def lasts(incident: Incident, at: datetime, calm: int) -> bool:
    """Whether the data are still broken, as far as an incident says.

    What began broken and goes on as something else isn't: so many windows without a broken verdict end it, as they
    end an incident.
    """
    if incident.kind is not VerdictKind.BROKEN or incident.real is False:
        return False
    found = [one for one in incident.verdicts if one.kind is VerdictKind.BROKEN]
    spans = [one.span for one in broken_verdicts(incident)]
    return not found or any(at < end + calm * (end - start) for start, end in spans)


def is_broken(frame: pl.DataFrame, time: str, faults: Iterable[Fault]) -> Bools:
    """bool[rows]: which rows were logged while the data were broken; of a fault in a slice only its rows.

    Where a slice can't be told (it names a column that the rows don't have), all rows of its time count.
    """
    found = pl.repeat(False, frame.height, eager=True)
    if not isinstance(frame.schema.get(time), pl.Datetime) or frame.schema[time].time_zone is None:  # type: ignore[attr-defined]
        return found.to_numpy()
    for fault in faults:
        start, end = fault.span
        within = frame.select(pl.col(time).is_between(start, end, closed="left").fill_null(value=False)).to_series()
        found |= within if fault.slice is None else within & rows_of(fault.slice, frame)
    return found.to_numpy()


def rows_of(sql: str, frame: pl.DataFrame) -> pl.Series:
    """Which rows are of a slice; all of them where it can't be told."""
    everything = pl.repeat(True, frame.height, eager=True)
    try:
        part = Slice.parse(sql)
        return part.mask(frame) if part.columns <= set(frame.columns) else everything
    except RetrueError:
        return everything


def read_faults(said: Sequence[dict[str, Any]]) -> tuple[Fault, ...]:
    """The faults that a manifest names."""
    return tuple(Fault(**one) for one in said)
