"""Promote: the gate between a challenger and production. It says no with reasons, and yes only with proof."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Protocol

from retrue.judge.words import metric_name, minus, percent, rows

TOLERANCE = 0.01
"""A guarding metric, or a slice, may lose this share of the champion's value before the loss counts."""
COVERAGE = 0.95
"""Share of the holdout's events whose label must be known: early labels lie."""


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
    def champion(self) -> float | None: ...
    @property
    def n(self) -> int: ...
    @property
    def note(self) -> str | None: ...


@dataclass(frozen=True)
class Gate:
    """What a challenger must show.

    Args:
        tolerance: the share of the champion's value that another metric, or a slice, may lose.
        coverage: share of the holdout's events that must have a label.
    """

    tolerance: float = TOLERANCE
    coverage: float = COVERAGE

    def reasons(self, contests: Sequence[Result], coverage: float) -> list[str]:
        """Say why the challenger may not be promoted; nothing where it may.

        Args:
            contests: the first one decides, others on the same rows guard, those elsewhere are slices.
            coverage: share of the holdout's events whose label is known.
        """
        if not contests:
            return ["nothing was compared"]
        main, others = contests[0], contests[1:]
        return [
            *self.coverage_reasons(coverage),
            *self.main_reasons(main),
            *(reason for other in others if (reason := self.guard_reason(other))),
        ]

    def coverage_reasons(self, coverage: float) -> Iterable[str]:
        """Refuse a holdout whose labels are still coming in."""
        if coverage < self.coverage:
            yield (
                f"only {percent(coverage)} of the holdout's events have a label (needs {percent(self.coverage)}): "
                "those that are known early are not like the others"
            )

    @staticmethod
    def main_reasons(main: Result) -> Iterable[str]:
        """Refuse unless the challenger is better beyond chance."""
        if main.gain is None or main.difference is None:
            yield f"{metric_name(main.metric)} can't be compared on the {main.where}: {main.note}"
        elif main.gain[0] <= 0:
            verdict = "worse" if main.gain[1] < 0 else "not proven better"
            gained = told(main.difference, main.gain, main.n)
            yield f"{metric_name(main.metric)} is {verdict} on the {main.where}: {gained}"

    def guard_reason(self, other: Result) -> str | None:
        """Refuse where another metric, or a slice, certainly loses more than is tolerated."""
        if other.gain is None or other.difference is None or other.champion is None:
            return None  # too few rows to tell is no reason to refuse
        # A margin (non-inferiority): what certainly loses less than that is no reason to keep an old model.
        margin = self.tolerance * abs(other.champion)
        if other.gain[1] >= -margin:
            return None
        lost = told(other.difference, other.gain, other.n)
        where = "the holdout" if other.where == "holdout" else other.where
        return f"{metric_name(other.metric)} is worse on {where}: {lost}, where {margin:.2g} may be lost"


def told(difference: float, gain: tuple[float, float], n: int) -> str:
    """Say a difference and what is gained with it.

    >>> told(-0.001, (-0.008, 0.006), 19_739)
    '−0.0010, gain between −0.0080 and +0.0060 on 19,739 rows'
    """
    return minus(f"{difference:+.4f}, gain between {gain[0]:+.4f} and {gain[1]:+.4f} on {rows(n)}")
