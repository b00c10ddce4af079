"""A monitor: a metric on a slice over windows, with a rule that says when a value is bad.

    windows of profiles --measure--> one figure for each --rule--> one verdict for each

Each window is held against what was known when it was judged: thresholds from history see earlier windows only.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

import numpy as np

from retrue.core.profile import Profile
from retrue.judge.assess import Judge
from retrue.judge.rules import Rule
from retrue.judge.thresholds import Series
from retrue.judge.verdict import Verdict


@dataclass(frozen=True)
class Watched:
    """One window as monitors see it.

    Args:
        span: its start and end (ISO, in the model's time zone).
        parts: its profiles by slice, "" for all rows.
    """

    span: tuple[str, str]
    parts: Mapping[str, Profile]


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

    def value(self, window: Watched) -> float:
        """The metric in one window; NaN where it can't be measured."""
        found = self.judge.judge_rule(self.rule, window.parts, span=window.span).value
        return np.nan if found is None else found

    def series(self, windows: Sequence[Watched]) -> Series:
        """The metric over windows, in order of time."""
        ordered = sorted(windows, key=begins)
        return Series(tuple(map(begins, ordered)), np.array([self.value(window) for window in ordered]))

    def replay(self, windows: Sequence[Watched]) -> list[Verdict]:
        """A verdict for each window, in order of time, as it would have been given then."""
        ordered = sorted(windows, key=begins)
        past = self.series(ordered) if self.rule.needs_history else None
        return [self.judge.judge_rule(self.rule, one.parts, span=one.span, past=past) for one in ordered]


def begins(window: Watched) -> datetime:
    """When a window begins."""
    return datetime.fromisoformat(window.span[0])
