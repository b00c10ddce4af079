"""Example rows of an incident, for people: which columns, how a value reads, how each row stands in the reference."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime
from typing import TYPE_CHECKING, Any

from rich.table import Table

from retrue.explain.neighbours import Nearest
from retrue.explain.standing import Standing, cut, odder
from retrue.judge.words import figure
from retrue.report.layout import add_row, quiet_table
from retrue.report.words import upper_first

if TYPE_CHECKING:
    from retrue.report.incident import Explanation

SHOWN = 5
"""The most rows that are shown."""
CELL = 14
"""Columns of the terminal that a column of an example row takes, about."""


def examples_table(told: Explanation, width: int) -> Table:
    """A few rows, with the columns that matter most where not all have room."""
    columns = chosen(told, max(width // CELL, 3))
    numbers = [name for name in columns if told.examples[name].dtype.is_numeric()]
    table = quiet_table(*columns, right=numbers)
    for row in told.examples.head(SHOWN).select(columns).iter_rows():
        add_row(table, [cell(value) for value in row])
    return table


def chosen(told: Explanation, room: int) -> list[str]:
    """As many columns as have room, in the table's order: those of the slice, those that moved, what the model did."""
    names = [name for name in told.examples.columns if not name.startswith("_")]
    guilty = [name for one in told.slices[:1] for name in one.slice.columns]
    ranked = dict.fromkeys([*guilty, *(one.column for one in told.features), *told.outcome, *names])
    kept = set([name for name in ranked if name in names][:room])
    return [name for name in names if name in kept]


def cell(value: Any) -> str:
    """A value as a table shows it; long texts are cut."""
    if value is None:
        return "–"
    if isinstance(value, float):
        return f"{value:,.0f}" if value.is_integer() else figure(value)
    if isinstance(value, datetime):
        return f"{value:%Y-%m-%d %H:%M}"
    return value.isoformat() if isinstance(value, date) else cut(str(value))


def standings_said(standings: Sequence[Standing], outcome: Sequence[str]) -> list[str]:
    """Say of each row how odd it is and what is like it in the reference; rows of which the same is true, at once."""
    usual = [at for at, one in enumerate(standings, 1) if not one.edge_case]
    if len(usual) == len(standings) > 1:
        worst = max(one.outlier_score for one in standings)
        return [
            f"None of them is an edge case: odder than {odder(worst)} of the reference at most, with rows like them."
        ]
    return [f"{at}. {standing_said(one, outcome)}" for at, one in enumerate(standings, 1)]


def standing_said(one: Standing, outcome: Sequence[str]) -> str:
    """Say how one row stands.

    Args:
        one: how it stands.
        outcome: the columns that tell what the model did: score, prediction, label.
    """
    like = outcomes(one.nearest, outcome)
    return f"{upper_first(one.verdict)}; {one.nearest}" + (f": {like}" if like else "")


def outcomes(nearest: Nearest, columns: Sequence[str]) -> str:
    """Say what the model did at the neighbours: the values of some columns, the nearest row's first."""
    told = [name for name in columns if name in nearest.rows.columns and nearest.rows.height]
    return "; ".join(f"{name} {', '.join(cell(value) for value in nearest.rows[name])}" for name in told)
