"""Columns that go missing in the same rows are one problem, told once: a join that failed, a station that fell silent.

    verdicts that only say that a column is missing more --rows of the window--> one verdict that names all of them

What else is wrong with a column stays told by itself, and so does a column that is missing in other rows.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace

import numpy as np

from retrue.core.state import Bools
from retrue.explain.shared import in_the_same_rows
from retrue.judge.verdict import Verdict, VerdictKind
from retrue.tables import Table

MISSING = "missing"
ROWS = 1_000_000
"""Rows that tell whether columns are missing in the same rows."""

About = tuple[str | None, str | None]
"""A metric and a column."""


def told_once(verdicts: Sequence[Verdict], table: Table, own: Collection[About]) -> list[Verdict]:
    """Put verdicts on columns that are missing in mostly the same rows together, each in place of its first.

    Args:
        verdicts: worst first.
        table: the window; of a very long one, rows evenly spread over it are looked at.
        own: metric and column of what users' rules are about: what is said of those is told as it is.
    """
    asked = {
        str(one.column): one for one in verdicts if only_missing(one, table) and (one.metric, one.column) not in own
    }
    if len(asked) < 2:
        return list(verdicts)
    frame = table.sample(list(asked), ROWS)
    gone = {name: np.asarray(frame[name].is_null().to_numpy(), np.bool_) for name in asked}
    groups = alike(gone)
    told = {name: of_all(asked[name], gone, others) for name, others in groups.items()}
    left = [one for one in verdicts if one not in asked.values() or one.column in groups]
    return [told[str(one.column)] if one in asked.values() else one for one in left]


def alike(gone: Mapping[str, Bools]) -> dict[str, list[str]]:
    """Give the columns that no earlier one stands for, each with those that are missing in mostly its rows."""
    groups: dict[str, list[str]] = {}
    for name, rows in gone.items():
        first = next((one for one in groups if in_the_same_rows(gone[one], rows)), None)
        if first is None:
            groups[name] = []
        else:
            groups[first].append(name)
    return groups


def only_missing(verdict: Verdict, table: Table) -> bool:
    """Whether it says of a column of the table that it is missing more, and nothing else."""
    return (
        verdict.kind is VerdictKind.BROKEN
        and verdict.metric == MISSING
        and verdict.slice is None
        and verdict.column in table.dtypes
        and "; " not in verdict.reason
    )


def of_all(first: Verdict, gone: Mapping[str, Bools], others: Sequence[str]) -> Verdict:
    """The worst column's verdict, naming those that are missing along with it.

    >>> told = Verdict(VerdictKind.BROKEN, "missing rose from 0 % to 9 % of 900 rows", "missing", "temp")
    >>> print(of_all(told, dict.fromkeys(["temp", "wind", "rain"], np.zeros(900, np.bool_)), ["wind", "rain"]))
    broken  temp  missing rose from 0 % to 9 % of 900 rows; wind and rain are missing in the same rows
    """
    if not others:
        return first
    exact = all(np.array_equal(gone[str(first.column)], gone[other]) for other in others)
    listed = f"{', '.join(others[:-1])} and {others[-1]} are" if len(others) > 1 else f"{others[0]} is"
    said = f"{first.reason}; {listed} missing in {'' if exact else 'mostly '}the same rows"
    return replace(first, reason=said, columns=(str(first.column), *others))
