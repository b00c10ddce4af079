"""Promote: the gate between a challenger and production. It says no with reasons, and yes only with proof."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Protocol

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
                f"only {coverage:.0%} of the holdout's events have a label (needs {self.coverage:.0%}): "
                "those that are known early are not like the others"
            )

    @staticmethod
    def main_reasons(main: Result) -> Iterable[str]:
        """Refuse unless the challenger is better beyond chance."""
        if main.gain is None or main.difference is None:
            yield f"{main.metric} can't be compared on the {main.where}: {main.note}"
        elif main.gain[0] <= 0:
            low, high = main.gain
            verdict = "worse" if high < 0 else "not proven better"
            yield (
                f"{main.metric} is {verdict} on the {main.where}: {main.difference:+.4f}, "
                f"gain between {low:+.4f} and {high:+.4f} on {main.n:,} rows"
            )

    def guard_reason(self, other: Result) -> str | None:
        """Refuse where another metric, or a slice, certainly loses more than is tolerated."""
        if other.gain is None or other.difference is None or other.champion is None:
            return None  # too few rows to tell is no reason to refuse
        # A margin (non-inferiority): what certainly loses less than that is no reason to keep an old model.
        margin = self.tolerance * abs(other.champion)
        if other.gain[1] >= -margin:
            return None
        low, high = other.gain
        return (
            f"{other.metric} is worse on {other.where}: {other.difference:+.4f}, gain between {low:+.4f} and "
            f"{high:+.4f} on {other.n:,} rows, where {margin:.2g} may be lost"
        )
