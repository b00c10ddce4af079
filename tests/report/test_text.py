"""The terminal view: complete at any width, calm when nothing changed, inert whatever a column is called."""

from __future__ import annotations

from dataclasses import replace
from io import StringIO

import pytest
from rich.cells import cell_len
from rich.console import Console

from retrue.judge.verdict import Verdict, VerdictKind
from retrue.report.comparison import Comparison
from retrue.report.text import figure_of, plain


@pytest.mark.parametrize("width", [40, 60, 80, 120])
def test_no_line_is_wider_than_the_terminal(troubled: Comparison, hostile: Comparison, width: int) -> None:
    for comparison in (troubled, hostile):
        assert max(cell_len(line) for line in plain(comparison, width).splitlines()) <= width


@pytest.mark.parametrize("width", [60, 80, 120])
def test_reasons_are_never_cut(troubled: Comparison, width: int) -> None:
    """Each word of each reason is there, in order, however narrow the terminal."""
    words = plain(troubled, width).split()
    for verdict in troubled.alarms:
        wanted = iter(verdict.reason.split())
        word = next(wanted)
        for found in words:
            if found == word:
                word = next(wanted, "")
        assert word == "", verdict.reason


def test_the_first_line_is_the_sentence(troubled: Comparison) -> None:
    assert plain(troubled, 120).splitlines()[0].startswith("4 of 11 columns are out of true; ROC AUC")


def test_calm_is_short_and_has_no_table_of_findings(calm: Comparison) -> None:
    said = plain(calm)
    assert len(said.splitlines()) <= 9
    assert "What happened" not in said


def test_too_few_rows_are_said_once(tiny: Comparison) -> None:
    assert plain(tiny).count("(12 rows, needs 50)") == 1


def test_names_are_not_markup(hostile: Comparison) -> None:
    """A column called `[bold red]...` is printed as it is."""
    assert "[bold red]markup[/]" in plain(hostile, 120)


def test_without_colour_nothing_is_lost(troubled: Comparison, monkeypatch: pytest.MonkeyPatch) -> None:
    """`NO_COLOR` gives the same words without a colour code."""
    monkeypatch.setenv("NO_COLOR", "1")
    into = StringIO()
    Console(file=into, width=120, force_terminal=True).print(troubled)
    assert "\x1b[3" not in into.getvalue()
    assert "■ broken" in into.getvalue()


def test_it_says_what_to_type_next(troubled: Comparison, nothing: Comparison) -> None:
    assert "report.save('report.html')" in plain(troubled)
    assert "share no column" in plain(nothing)


def test_printing_is_the_terminal_view(troubled: Comparison) -> None:
    assert str(troubled) == plain(troubled)


@pytest.mark.parametrize("width", [80, 120])
def test_what_broken_data_is_expected_to_cost_is_said_at_any_width(troubled: Comparison, width: int) -> None:
    broken = next(v for v in troubled.verdicts if v.kind == "broken" and v.column and v.slice is None)
    column = replace(troubled.columns[str(broken.column)], impact=-0.015, impact_interval=(-0.018, -0.012))
    costly = replace(troubled, columns={**troubled.columns, column.name: column}, impact_metric="accuracy")
    said = " ".join(plain(costly, width).split())
    assert "expected to change accuracy by −1.5 points" in said


def test_a_constant_column_has_no_figure_beside_its_reason() -> None:
    """Not "constant 1.0000": it can be nothing else."""
    assert figure_of(Verdict(VerdictKind.BROKEN, "always 3", metric="constant", column="x", value=1.0)) == ""
