"""Champion against challenger in a terminal."""

from __future__ import annotations

from dataclasses import dataclass, field
from io import StringIO
from typing import Any

from rich.console import Console

from retrue.report.proof import proof_view, run_view


@dataclass(frozen=True)
class Duel:
    """A contest made by hand."""

    where: str
    metric: str
    champion: float | None
    challenger: float | None
    interval: tuple[float, float] | None
    outcome: str
    n: int = 2800
    note: str | None = None

    @property
    def difference(self) -> float | None:
        """What is gained."""
        return None if self.champion is None or self.challenger is None else self.challenger - self.champion


CONTESTS = (
    Duel("holdout", "roc_auc", 0.71, 0.75, (0.03, 0.05), "better"),
    Duel("holdout", "brier", 0.20, 0.18, (-0.025, -0.015), "better"),
    Duel("region = 'south'", "roc_auc", 0.70, 0.69, (-0.02, 0.0), "even", 900),
    Duel("region = 'east'", "roc_auc", None, None, None, "unknown", 12, "12 rows, needs 50"),
)


@dataclass(frozen=True)
class Shown:
    """A proof made by hand."""

    contests: tuple[Duel, ...] = CONTESTS
    coverage: float = 1.0
    reasons: tuple[str, ...] = ()
    holdout: tuple[str, str] = ("2026-02-09 00:00:00+00:00", "2026-02-15 23:56:24+00:00")
    passed: bool = field(default=True)

    def to_dict(self) -> dict[str, Any]:
        """What is said beside the contests: nothing."""
        return {}


def printed(what: Any, width: int = 120) -> list[str]:
    """What a terminal shows."""
    into = StringIO()
    Console(file=into, width=width, color_system=None, markup=False).print(what)
    return [line.rstrip() for line in into.getvalue().splitlines()]


def words(line: str) -> str:
    """A line without its alignment."""
    return " ".join(line.split())


def test_a_proof_begins_with_the_verdict() -> None:
    lines = printed(proof_view(Shown()))
    assert lines[0] == (
        "May be promoted: ROC AUC 0.750 against the champion's 0.710 (+4.0 points, 3.0 to 5.0) on 2,800 later events."
    )
    assert lines[1] == (
        "On the events of 2026-02-09 to 2026-02-15 23:56, 100 % labelled, which neither model has learned from."
    )


def test_a_proof_shows_every_comparison() -> None:
    lines = printed(proof_view(Shown()), width=140)[3:]
    assert words(lines[0]) == "Where Metric Champion Challenger Difference 95 % interval Rows Outcome"
    assert words(lines[1]) == "holdout ROC AUC 0.710 0.750 +4.0 points 3.0 to 5.0 2,800 ▲ better"
    assert words(lines[2]) == "holdout Brier score 0.200 0.180 −0.020 −0.025 to −0.015 2,800 ▲ better"
    assert lines[3].endswith("900  · even")
    assert lines[4].endswith("12  – can't tell (12 rows, needs 50)")


def test_a_refusal_gives_every_reason() -> None:
    shut = Shown(reasons=("roc_auc is worse on the holdout", "brier is worse on region = 'south'"), passed=False)
    assert printed(proof_view(shut))[:2] == [
        "Refused: roc_auc is worse on the holdout.",
        "And: Brier is worse on region = 'south'.",
    ]


def test_a_narrow_terminal_does_without_intervals() -> None:
    assert not any("interval" in line for line in printed(proof_view(Shown()), width=70))


def test_nothing_compared_is_refused_without_a_table() -> None:
    nothing = Shown(contests=(), reasons=("nothing was compared",), passed=False)
    assert len(printed(proof_view(nothing))) == 2


def test_a_run_says_what_it_learned_from() -> None:
    parts = [{"part": "reference of version 1", "rows": 5600, "share": 0.5}, {"part": "s", "rows": 201, "share": 0.5}]
    cut, matured = "2026-02-09T00:00:00+00:00", "2026-02-18T00:00:00+00:00"
    manifest = {"rows": 5801, "cut": cut, "matured": matured, "parts": parts}
    lines = printed(run_view("e18f7877", manifest))
    assert lines[0] == "Run e18f7877 has learned from 5,801 rows."
    assert lines[1].startswith("Logged rows before 2026-02-09; those from there to 2026-02-18")
    assert words(lines[4]) == "reference of version 1 5,600 50 %"
