"""Verdicts on all columns of two profiles, as tests ask for them."""

from __future__ import annotations

from collections.abc import Mapping

from retrue.core.profile import Profile
from retrue.judge.columns import Known, judge_column
from retrue.judge.settings import Settings
from retrue.judge.verdict import Verdict


def judge_columns(
    window: Profile,
    reference: Profile,
    settings: Settings | None = None,
    known: Mapping[str, Known] | None = None,
    *,
    span_of: tuple[str, str] | None = None,
) -> list[Verdict]:
    """One verdict for each column that both profiles have; each is tested twice, its data and its distribution."""
    settings, known = settings or Settings(), known or {}
    names = [name for name in reference.columns if name in window.columns]
    alpha = settings.alpha(2 * len(names))
    return [
        judge_column(
            name, window.columns[name], reference.columns[name], alpha, settings, known.get(name, Known())
        ).within(span_of)
        for name in names
    ]
