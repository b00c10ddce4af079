"""Tables, times and lengths of time in terminal views."""

from __future__ import annotations

from io import StringIO

import pytest
from rich.console import Console

from retrue.report.layout import add_row, length, moment, quiet_table, stretch


def test_cells_are_taken_as_they_are() -> None:
    """Brackets in somebody's data are no markup."""
    into = StringIO()
    table = quiet_table("a", "n", right=["n"])
    add_row(table, ("[red]x[/red]", "1"))
    add_row(table, ("y", "1,000"))
    Console(file=into, width=60).print(table)
    lines = [line.rstrip() for line in into.getvalue().splitlines()]
    assert lines[1:] == ["[red]x[/red]      1", "y             1,000"]


@pytest.mark.parametrize(
    ("seconds", "said"),
    [(1, "1 second"), (90, "90 seconds"), (3600, "1 hour"), (172_800, "2 days"), (0.5, "0.5 seconds"), (0, "no time")],
)
def test_a_length_is_said_in_its_largest_whole_unit(seconds: float, said: str) -> None:
    assert length(seconds) == said


def test_what_is_no_time_is_left_alone() -> None:
    assert moment("some day") == "some day"


@pytest.mark.parametrize(
    ("starts", "said"),
    [
        ([], ""),
        (["2026-02-02T00:00:00+00:00"], "2026-02-02"),
        (["2026-02-02T05:00:00+00:00", "2026-02-02T04:00:00+00:00"], "2026-02-02 04:00 to 2026-02-02 05:00"),
    ],
)
def test_a_stretch_has_two_ends_unless_they_are_one(starts: list[str], said: str) -> None:
    assert stretch(starts) == said
