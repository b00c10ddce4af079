"""A monitor: a metric on a slice over windows, with a rule that says when a value is bad.

    windows of profiles --figure--> one number for each --rule--> one verdict for each

Each window is held against what was known when it was judged: thresholds from history see earlier windows only.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime

import numpy as np

from retrue.core.profile import Profile
from retrue.judge.assess import Judge
from retrue.judge.rules import Rule
from retrue.judge.thresholds import Series
from retrue.judge.verdict import Verdict
from retrue.metrics import Measure


@dataclass(frozen=True)
class Watched:
    """One window as monitors see it.

    Args:
        span: its start and end (ISO, in the model's time zone).
        parts: its profiles by slice, "" for all rows.
    """

    span: tuple[str, str]
    parts: Mapping[str, Profile]


@dataclass(frozen=True)
class Figure:
    """What a monitor measured in one window.

    Args:
        span: the window's start and end.
        measure: the metric; None where it isn't there.
        n: rows behind it.
        reference: what the reference has; None where that isn't asked for or known.
    """

    span: tuple[str, str]
    measure: Measure | None
    n: float | None
    reference: float | None

    @property
    def value(self) -> float:
        """The number; NaN where there is none."""
        found = None if self.measure is None else self.measure.value
        return np.nan if found is None else found


@dataclass(frozen=True, eq=False)
class Monitor:
    """A rule over the windows of one model version.

    Args:
        rule: what must hold.
        judge: what measures it, against the version's reference.
    """

    rule: Rule
    judge: Judge

    def __str__(self) -> str:
        """Print its rule."""
        return str(self.rule)

    def figure(self, window: Watched) -> Figure:
        """Measure one window."""
        measure, n = self.judge.figure(self.rule, window.parts)
        before = self.judge.before(self.rule, measure) if self.rule.needs_reference else None
        return Figure(window.span, measure, n, before)

    def judge_all(self, figures: Iterable[Figure]) -> list[Verdict]:
        """A verdict for each window, in order of time, as it would have been given then."""
        ordered = sorted(figures, key=begins)
        past = Series(tuple(map(begins, ordered)), np.array([one.value for one in ordered]))
        return [
            self.rule.judge(one.measure, n=one.n, window=one.span, reference=one.reference, past=past)
            for one in ordered
        ]


def begins(window: Watched | Figure) -> datetime:
    """When a window begins."""
    return datetime.fromisoformat(window.span[0])
