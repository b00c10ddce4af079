"""Promote: the gate between a challenger and production. It says no with reasons, and yes only with proof."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Protocol

from retrue.errors import ConfigError
from retrue.judge.words import figure, metric_name, percent, rows

TOLERANCE = 0.01
"""A guarding metric, or a slice, may lose this share of the champion's value before the loss counts."""
COVERAGE = 0.95
"""Share of the holdout's events whose label must be known: early labels lie."""
EVIDENCE = 100
"""Labelled rows that a proof needs."""
CALIBRATION = 0.05
"""How far what is said may certainly be from what happens: a probability, or standard deviations of the label."""
SLOWER = 2.0
"""How many times as long as the champion an answer may certainly take ..."""
QUICK = 0.010
"""... unless it takes less than so many seconds."""


class Result(Protocol):
    """What the gate needs to know of a contest; `retrue.refine.prove.Contest` is one."""

    @property
    def where(self) -> str: ...
    @property
    def metric(self) -> str: ...
    @property
    def gain(self) -> tuple[float, float] | None: ...
    @property
    def difference(self) -> float | None: ...
    @property
    def interval(self) -> tuple[float, float] | None: ...
    @property
    def champion(self) -> float | None: ...
    @property
    def n(self) -> int: ...
    @property
    def note(self) -> str | None: ...
    @property
    def role(self) -> str: ...
    @property
    def rival(self) -> str: ...


class Calibrated(Protocol):
    """What the gate needs to know of a calibration; `retrue.refine.prove.Calibration` is one."""

    @property
    def error(self) -> float: ...
    @property
    def interval(self) -> tuple[float, float]: ...


class Paced(Protocol):
    """What the gate needs to know of the pace; `retrue.refine.prove.Pace` is one."""

    @property
    def challenger(self) -> float: ...
    @property
    def ratio(self) -> float | None: ...
    @property
    def interval(self) -> tuple[float, float] | None: ...


@dataclass(frozen=True)
class Evidence:
    """What was found out beside the contests.

    Attributes:
        baselines: the challenger against what one would say without a model.
        calibrations: champion's and challenger's; None where it can't be told.
        pace: how long answers take; None where it wasn't measured.
        broken: rules of the model that the challenger breaks on the holdout, in words.
        faults: what else speaks against it, in words: labels that came early, rows of the proof among those trained on.
    """

    baselines: Sequence[Result] = ()
    calibrations: tuple[Calibrated | None, Calibrated | None] = (None, None)
    pace: Paced | None = None
    broken: Sequence[str] = ()
    faults: Sequence[str] = ()


NOTHING = Evidence()


@dataclass(frozen=True)
class Gate:
    """What a challenger must show.

    Args:
        tolerance: the share of the champion's value that another metric, or a slice, may lose.
        coverage: share of the holdout's events that must have a label.
        margin: how much of the main metric must certainly be gained.
        rows: labelled rows that the holdout must have.
        calibration: how far the challenger may certainly be off, unless the champion is as far: a probability, or
            standard deviations of the label.
        slower: how many times as long as the champion it may certainly take for an answer; what takes less than 10 ms
            is never too slow.
    """

    tolerance: float = TOLERANCE
    coverage: float = COVERAGE
    margin: float = 0.0
    rows: int = EVIDENCE
    calibration: float = CALIBRATION
    slower: float = SLOWER

    def __post_init__(self) -> None:
        """Refuse what no challenger could meet, or any could.

        Raises:
            ConfigError: a share that isn't between 0 and 1, less than 0 rows, a margin that is no number ...
        """
        shares = {"tolerance": self.tolerance, "coverage": self.coverage}
        wrong = {name: value for name, value in shares.items() if not 0 <= value <= 1}
        amounts = {"rows": self.rows, "calibration": self.calibration, "slower": self.slower, "margin": self.margin}
        wrong |= {name: value for name, value in amounts.items() if not value >= 0}
        for name, value in wrong.items():
            expected = "a share from 0 to 1" if name in shares else "a number, at least 0"
            raise ConfigError(f"{name} = {value}", where="gate", expected=expected)

    def reasons(self, contests: Sequence[Result], coverage: float, found: Evidence = NOTHING) -> list[str]:
        """Say why the challenger may not be promoted; nothing where it may.

        Args:
            contests: the first one decides, others on the same rows guard, those elsewhere are slices.
            coverage: share of the holdout's events whose label is known.
            found: what was found out besides.
        """
        if not contests:
            return ["nothing was compared"]
        main, others = contests[0], contests[1:]
        return [
            *found.faults,
            *self.coverage_reasons(coverage),
            *self.main_reasons(main),
            *(reason for other in others if (reason := self.guard_reason(other))),
            *(reason for one in found.baselines if (reason := self.baseline_reason(one))),
            *self.calibration_reasons(*found.calibrations),
            *self.pace_reasons(found.pace),
            *found.broken,
        ]

    def coverage_reasons(self, coverage: float) -> Iterable[str]:
        """Refuse a holdout whose labels are still coming in."""
        if coverage < self.coverage:
            yield (
                f"only {percent(coverage)} of the holdout's events have a label (needs {percent(self.coverage)}): "
                "those that are known early are not like the others"
            )

    def main_reasons(self, main: Result) -> Iterable[str]:
        """Refuse unless the challenger is better beyond chance, on enough rows."""
        if main.gain is None or main.difference is None:
            yield f"{metric_name(main.metric)} can't be compared on the {main.where}: {main.note}"
            return
        if main.n < self.rows:
            yield f"{rows(main.n)} with a label are too little evidence (needs {self.rows:,})"
        if main.gain[0] <= self.margin:
            verdict = "worse" if main.gain[1] < 0 else "not proven better"
            by = f" by {self.margin:.2g}" if self.margin and verdict != "worse" else ""
            gained = told(main)
            yield f"{metric_name(main.metric)} is {verdict}{by} on the {main.where}: {gained}"

    def guard_reason(self, other: Result) -> str | None:
        """Refuse where another metric, or a slice, certainly loses more than is tolerated."""
        if other.gain is None or other.difference is None or other.champion is None or other.role == "told":
            return None  # too few rows to tell is no reason to refuse
        # A margin (non-inferiority): what certainly loses less than that is no reason to keep an old model.
        margin = self.tolerance * abs(other.champion)
        if other.gain[1] >= -margin:
            return None
        lost = told(other)
        where = "the holdout" if other.where == "holdout" else other.where
        return f"{metric_name(other.metric)} is worse on {where}: {lost}, where {margin:.2g} may be lost"

    @staticmethod
    def baseline_reason(one: Result) -> str | None:
        """Refuse what is certainly worse than a baseline."""
        if one.gain is None or one.difference is None or one.gain[1] >= 0:
            return None
        lost = told(one)
        return f"{metric_name(one.metric)} is worse than that of a baseline, {one.rival!r}: {lost}"

    def calibration_reasons(self, champion: Calibrated | None, challenger: Calibrated | None) -> Iterable[str]:
        """Refuse what is certainly off by more than is allowed, and certainly by more than the champion is."""
        if challenger is None or challenger.interval[0] <= self.calibration:
            return
        if champion is None or challenger.interval[0] > champion.error:
            low, high = challenger.interval
            than = "" if champion is None else f", the champion's by {champion.error:.2g}"
            yield (
                f"what it says is off by {challenger.error:.2g} ({low:.2g} to {high:.2g}) from what "
                f"happens{than} (may be {self.calibration:.2g}): calibrate it"
            )

    def pace_reasons(self, pace: Paced | None) -> Iterable[str]:
        """Refuse what certainly takes too long."""
        if pace is None or pace.ratio is None or pace.interval is None or pace.challenger < QUICK:
            return
        if pace.interval[0] > self.slower:
            yield (
                f"an answer takes {pace.ratio:.2g} times as long as the champion's "
                f"({pace.challenger * 1000:.2g} ms; may be {self.slower:.2g} times as long)"
            )


def told(one: Result) -> str:
    """Say a difference, challenger - champion, with its interval, in the digits that the interval supports."""
    low, high = one.interval or (math.nan, math.nan)
    error = (high - low) / 6 or None  # a digit more than the half-width leaves room for

    def signed(value: float | None) -> str:
        text = figure(abs(value or 0.0), error)
        return text if text == "0" else ("−" if (value or 0.0) < 0 else "+") + text

    return f"{signed(one.difference)} ({signed(low)} to {signed(high)}) on {rows(one.n)}"
