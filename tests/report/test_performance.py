"""Performance over time in a terminal: a line of blocks, then what labels say and what was estimated, by window."""

from __future__ import annotations

from typing import Any

import polars as pl
from rich.console import Console

from retrue.report.performance import drawn, performance_view
from retrue.workspace.check.performance import COLUMNS


def row(day: int, **known: Any) -> dict[str, Any]:
    """One window; what isn't said isn't known."""
    base = {"window": f"2026-03-{day:02}T00:00:00+00:00", "until": f"2026-03-{day + 1:02}T00:00:00+00:00"}
    return {**dict.fromkeys(COLUMNS), **base, "metric": "roc_auc", "rows": 500, "coverage": 0.0, **known}


def printed(*rows: dict[str, Any], width: int = 100) -> str:
    """What the terminal shows."""
    table = pl.DataFrame(list(rows), schema=COLUMNS)
    console = Console(width=width, record=True, file=None, quiet=False)
    with console.capture() as said:
        console.print(performance_view("loans", "2", "roc_auc", table))
    return said.get()


TOLD = {"realised": 0.71, "low": 0.69, "high": 0.73, "coverage": 1.0, "reference": 0.72}
SAID = {"estimated": 0.66, "estimated_low": 0.60, "estimated_high": 0.72, "reference": 0.72}


def test_the_last_window_comes_first_and_an_estimate_is_called_one() -> None:
    lines = printed(row(1, **TOLD), row(2, **SAID)).splitlines()
    assert lines[0] == "loans, version 2: estimated ROC AUC 0.66 (0.60 to 0.72) in the last window, reference 0.72"
    assert lines[1] == "█▁  0.66 to 0.71 in 2 windows"
    assert printed(row(1, **TOLD)).startswith("loans, version 2: ROC AUC 0.710 (0.690 to 0.730) in the last window")


def test_each_window_has_what_is_known_of_it() -> None:
    said = printed(row(1, **(TOLD | SAID), concept_drift=0.05), row(2, **SAID))
    first, second = (line.split() for line in said.splitlines() if line.startswith("2026"))
    assert (first[0], first[1], first[5], first[-3], first[-2:]) == (
        "2026-03-01",
        "0.710",
        "0.66",
        "+0.050",
        ["100", "%"],
    )
    assert (second[1], second[-2:]) == ("–", ["0", "%"])
    assert "Concept drift: realised minus estimated" in said


def test_only_the_last_windows_are_listed() -> None:
    said = printed(*(row(day, **TOLD) for day in range(1, 26)))
    assert len([line for line in said.splitlines() if line.startswith("2026")]) == 20
    assert "and 5 earlier windows: --json" in said
    assert "Estimated:" not in said


def test_nothing_known_says_so() -> None:
    assert printed() == "Nothing is known of ROC AUC yet: no window of version 2 has labels or an estimate.\n"
    assert printed(row(1)) == printed()


def test_a_window_that_cant_be_told_is_listed_with_the_reason() -> None:
    refused = {"reason": "12 rows with labels, needs 50"}
    lines = printed(row(1, **TOLD), row(2, **refused), row(3, **refused)).splitlines()
    assert lines[0].startswith("loans, version 2: ROC AUC 0.710 (0.690 to 0.730) in the last window")
    assert [line.split()[:3] for line in lines if line.startswith("2026-03-02")] == [["2026-03-02", "–", "–"]]
    assert "Can't tell in 2026-03-02, 2026-03-03: 12 rows with labels, needs 50" in lines
    assert printed(row(2, **refused)).splitlines()[0] == "Nothing is known of ROC AUC yet: see why in each window."


def test_a_level_that_never_moves_is_drawn_low() -> None:
    assert drawn([row(1, **TOLD), row(2, **TOLD)]).startswith("▁▁  0.71 to 0.71")
