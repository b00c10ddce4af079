"""What a challenger showed against the champion, as data."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from retrue.estimate.estimate import Estimate, plain
from retrue.judge.verdict import Verdict
from retrue.refine.prove import Calibration, Contest, Pace
from retrue.report.proof import headline, proof_view
from retrue.report.text import plain as plain_text

Sides = tuple[Calibration | None, Calibration | None]


@dataclass(frozen=True, repr=False)
class Proof:
    """Champion against challenger. Print it, or take `to_dict()`.

    Attributes:
        contests: the main metric on the whole holdout first, then guards, then slices, incidents and golden sets.
        coverage: share of the holdout's events whose label is known.
        reasons: why the gate stays shut; empty where it opens.
        holdout: first and last event time (ISO).
        baselines: the challenger against what one would say without a model, or with the one before the champion.
        calibrations: the champion's and the challenger's; None where it can't be told.
        pace: how long answers take; None where it wasn't measured.
        rules: the model's own rules (text), as the challenger would have kept them on the holdout.
        estimates: champion's and challenger's estimated performance on recent events without labels; None without any.
        recent: how many such events there are.
        faults: what else speaks against it, in words.
        early: what was measured of early labels when the rows were chosen (`Early.to_dict`); None where it isn't kept.
        basis: what it was made of, as a digest (`proving.basis_of`): while that is the same, it holds.
    """

    contests: tuple[Contest, ...]
    coverage: float
    reasons: tuple[str, ...]
    holdout: tuple[str, str]
    baselines: tuple[Contest, ...] = ()
    calibrations: Sides = (None, None)
    pace: Pace | None = None
    rules: Mapping[str, Verdict] = field(default_factory=dict)
    estimates: tuple[Estimate, Estimate] | None = None
    recent: int = 0
    faults: tuple[str, ...] = ()
    basis: str = ""
    early: Mapping[str, Any] | None = None

    @property
    def passed(self) -> bool:
        """Whether the challenger may be promoted."""
        return not self.reasons

    def to_dict(self) -> dict[str, Any]:
        """Plain values."""
        sides = dict(zip(("champion", "challenger"), self.calibrations, strict=True))
        return {
            "passed": self.passed,
            "reasons": list(self.reasons),
            "coverage": self.coverage,
            "holdout": list(self.holdout),
            "contests": [contest.to_dict() for contest in self.contests],
            "baselines": [contest.to_dict() for contest in self.baselines],
            "calibration": {side: found and found.to_dict() for side, found in sides.items()},
            "pace": self.pace and self.pace.to_dict(),
            "rules": {text: verdict.to_dict() for text, verdict in self.rules.items()},
            "estimated": self.estimates and {
                "events": self.recent,
                "champion": estimated(self.estimates[0]),
                "challenger": estimated(self.estimates[1]),
            },
            "faults": list(self.faults),
            "early": None if self.early is None else dict(self.early),
            "basis": self.basis,
        }  # fmt: skip

    def __repr__(self) -> str:
        return f"<Proof: {headline(self)}>"

    def __str__(self) -> str:
        return plain_text(proof_view(self))


def estimated(estimate: Estimate) -> dict[str, Any]:
    """An estimate in plain values, without what only a record needs."""
    return {
        "how": estimate.how,
        "refused": estimate.refused,
        "metrics": {name: plain(measure) for name, measure in estimate.metrics.items()},
    }
