"""Columns that went, were renamed or changed their type: broken, and named as what they are. New ones are a notice."""

from __future__ import annotations

from collections.abc import Iterable

from retrue.judge.verdict import Verdict, VerdictKind
from retrue.schema import Change


def judge_changes(changes: Iterable[Change], *, span_of: tuple[str, str] | None = None) -> list[Verdict]:
    """Give a `broken` verdict for each change of the table's columns against the schema (`Schema.check_table`).

    A column that was added is a notice: nothing that the model reads has changed.
    """
    return [judge_change(change).within(span_of) for change in changes]


def judge_change(change: Change) -> Verdict:
    """The verdict on one change."""
    added = change.kind == "added"
    kind = VerdictKind.DRIFTING if added else VerdictKind.BROKEN
    return Verdict(kind, change.detail, column=change.column, alarm=not added)
