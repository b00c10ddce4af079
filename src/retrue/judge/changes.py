"""Columns that came, went, were renamed or changed their type: broken, and named as what they are."""

from __future__ import annotations

from collections.abc import Iterable

from retrue.judge.verdict import Verdict, VerdictKind
from retrue.schema import Change


def judge_changes(changes: Iterable[Change], *, span_of: tuple[str, str] | None = None) -> list[Verdict]:
    """Give a `broken` verdict for each change of the table's columns against the schema (`Schema.check_table`)."""
    return [Verdict(VerdictKind.BROKEN, change.detail, column=change.column, window=span_of) for change in changes]
