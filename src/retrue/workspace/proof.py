"""What a challenger showed against the champion, as data."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from retrue.refine.prove import Contest


@dataclass(frozen=True)
class Proof:
    """Champion against challenger.

    Attributes:
        contests: the main metric on the whole holdout first, then guards, then slices.
        coverage: share of the holdout's events whose label is known.
        reasons: why the gate stays shut; empty where it opens.
        holdout: first and last event time (ISO).
    """

    contests: tuple[Contest, ...]
    coverage: float
    reasons: tuple[str, ...]
    holdout: tuple[str, str]

    @property
    def passed(self) -> bool:
        """Whether the challenger may be promoted."""
        return not self.reasons

    def to_dict(self) -> dict[str, Any]:
        """Plain values."""
        return {
            "passed": self.passed,
            "reasons": list(self.reasons),
            "coverage": self.coverage,
            "holdout": list(self.holdout),
            "contests": [contest.to_dict() for contest in self.contests],
        }
