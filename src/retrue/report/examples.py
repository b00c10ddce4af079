"""Example rows of an incident, for people: which columns, how a value reads, how each row stands in the reference."""

from __future__ import annotations

import base64
from collections.abc import Mapping, Sequence
from contextlib import suppress
from datetime import date, datetime
from typing import TYPE_CHECKING, Any

from rich.table import Table

from retrue.explain.finding import guilty_of
from retrue.explain.neighbours import USUAL, Nearest
from retrue.explain.standing import EDGE, Standing, cut, odder
from retrue.judge.words import figure
from retrue.report.layout import add_row, quiet_table
from retrue.report.words import signed
from retrue.schema.pictures import ENCODED

if TYPE_CHECKING:
    from retrue.report.explanation import Explanation

SHOWN = 5
"""The most rows that are shown."""
LARGEST = 3
"""The most contributions to a prediction that are told one by one."""
CELL = 14
"""Columns of the terminal that a column of an example row takes, about."""
LARGEST_PICTURE = 200_000
"""Bytes of a picture that a page shows."""
TYPES = dict(zip(ENCODED, ("PNG", "JPEG", "GIF"), strict=True))
"""Pictures by how their bytes begin."""
BASE64 = tuple(base64.b64encode(start).decode()[: len(start) * 8 // 6] for start in ENCODED)
"""The same as JSON has them."""


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
    about = guilty_of(told.slices)
    ranked = dict.fromkeys(
        [*(about.slice.columns if about else ()), *(one.column for one in told.features), *told.outcome, *names]
    )
    kept = set([name for name in ranked if name in names][:room])
    return [name for name in names if name in kept]


def cell(value: Any) -> str:
    """A value as a table shows it; long texts are cut.

    >>> [cell(value) for value in (None, 12.0, 0.25, float("inf"), b"abc")]
    ['–', '12', '0.250', '∞', '3 bytes']
    """
    if value is None:
        return "–"
    if isinstance(value, bytes):
        return " of ".join([*filter(None, [type_of(value)]), f"{len(value):,} bytes"])
    if isinstance(value, float):
        return f"{value:,.0f}" if value.is_integer() else figure(value)
    if isinstance(value, datetime):
        return f"{value:%Y-%m-%d %H:%M}"
    return value.isoformat() if isinstance(value, date) else cut(str(value))


def type_of(value: bytes) -> str | None:
    """What picture bytes are, by how they begin.

    >>> type_of(b"GIF89a"), type_of(b"?")
    ('GIF', None)
    """
    return next((name for start, name in TYPES.items() if value.startswith(start)), None)


def picture(value: Any) -> str | None:
    """A picture as a page shows it, as a data URL; None of anything else, and of a large one.

    Args:
        value: bytes, or base64 of them, as JSON has them.

    >>> picture(b"GIF89a"), picture("R0lGODlh"), picture("late")
    ('data:image/gif;base64,R0lGODlh', 'data:image/gif;base64,R0lGODlh', None)
    """
    if isinstance(value, str) and value.startswith(BASE64):
        with suppress(ValueError):  # a text that only begins like one
            value = base64.b64decode(value, validate=True)
    kind = type_of(value) if isinstance(value, bytes) and len(value) <= LARGEST_PICTURE else None
    return None if kind is None else f"data:image/{kind.lower()};base64,{base64.b64encode(value).decode()}"


def standings_said(standings: Sequence[Standing], outcome: Sequence[str]) -> list[str]:
    """Say of each row how odd it is and what is like it in the reference; of rows that are odd alike, at once.

    Args:
        standings: how each row stands.
        outcome: the columns that tell what the model did: score, prediction, label.
    """
    groups: dict[object, list[int]] = {}
    for at, one in enumerate(standings):
        groups.setdefault(alike(one), []).append(at)
    told = []
    for places in groups.values():
        rows = "All" if len(places) == len(standings) > 1 else listed([at + 1 for at in places])
        told.append(f"{rows}: {group_said([standings[at] for at in places], outcome)}")
    return told


def alike(one: Standing) -> object:
    """What rows have in common that are told at once: no edge cases, or odd in the same columns in the same way."""
    return (bool(one.nearest), *((why.column, why.what) for why in one.because)) if one.edge_case else None


def group_said(group: Sequence[Standing], outcome: Sequence[str]) -> str:
    """Say how rows stand that are odd alike, or one of them."""
    first, near = group[0], [one.nearest.nearest for one in group]
    if len(group) == 1:
        like = outcomes(first.nearest, outcome)
        return str(first) + (f" ({like})" if like else "")
    scores = [one.outlier_score for one in group]
    if not first.edge_case:
        return f"no edge cases: odder than at most {odder(max(scores))} of the reference, which has rows like them"
    because = ", ".join(f"{why.column} {why.what}" for why in first.because)
    said = f"edge cases{f' because {because}' if because else ''}"
    if min(scores) > EDGE:
        said += f": odder than {odder(min(scores))} of the reference"
    if first.nearest:
        return f"{said}; {distances_said(min(near), max(near))}"
    usual = f"{100 * USUAL:g} % of its own rows have one within {first.nearest.usual:.2g}"
    return f"{said}; nothing like them there: the nearest row is {min(near):.2g} away, and {usual}"


def distances_said(least: float, most: float) -> str:
    """Say how far rows are from those of the reference that are most like them.

    >>> distances_said(0.0, 0.0), distances_said(0.12, 0.12), distances_said(0.1, 0.4)
    ('the reference has rows equal to them', 'the nearest rows are 0.12 away', 'the nearest rows are 0.1 to 0.4 away')
    """
    if most == 0:
        return "the reference has rows equal to them"
    ends = dict.fromkeys(f"{end:.2g}" for end in (least, most))
    return f"the nearest rows are {' to '.join(ends)} away"


def contributions_said(told: Explanation) -> list[str]:
    """Say for each row what was predicted, and which features made it so; nothing where no model was given."""
    found = told.contributions
    if found is None:
        return []
    base = f"{figure(found.base)} on average in the reference"
    return [
        f"Row {row + 1}: predicted {figure(prediction)} ({base}): {parts_said(found.of(row))}"
        for row, prediction in enumerate(found.predictions.tolist())
    ]


def parts_said(parts: Mapping[str, float]) -> str:
    """Say the largest contributions, and all others together.

    >>> parts_said({"temp": 0.31, "rain": -0.1, "hour": 0.02, "wind": 0.01})
    'temp +0.31, rain −0.1, hour +0.02, the other one +0.01'
    """
    told, rest = list(parts.items())[:LARGEST], list(parts.values())[LARGEST:]
    said = [f"{name} {signed(value)}" for name, value in told]
    if rest:
        said.append(f"{'the other one' if len(rest) == 1 else f'{len(rest)} others'} {signed(sum(rest))}")
    return ", ".join(said)


def listed(numbers: Sequence[int]) -> str:
    """Name rows by their numbers.

    >>> listed([1]), listed([1, 2, 4])
    ('Row 1', 'Rows 1, 2, 4')
    """
    return f"Row{'s' if len(numbers) > 1 else ''} {', '.join(map(str, numbers))}"


def outcomes(nearest: Nearest, columns: Sequence[str]) -> str:
    """Say what the model did at the neighbours: the values of some columns, the nearest row's first."""
    told = [name for name in columns if name in nearest.rows.columns and nearest.rows.height]
    return "; ".join(f"{name} {', '.join(cell(value) for value in nearest.rows[name])}" for name in told)
