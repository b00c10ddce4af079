"""What a registered model tells of a stream, day by day: rows logged and checked as `retrue log` and `check` do it."""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

import polars as pl
from benchmarks.streams import MODEL

from retrue.judge.verdict import Verdict
from retrue.metrics.names import concept_drift
from retrue.workspace import open as open_workspace

Told = list[list[str]]
"""For each day the columns told, or `MODEL`."""

ROLES = {"id": "id", "label": "label", "score": "score"}
JOINT = "mmd"
WEEKS: dict[str, Any] = {"longer": ["7d"], "slices": ["city"]}
"""Judged by the week as well, and in each city."""


def watched(reference: pl.DataFrame, production: pl.DataFrame, **given: Any) -> list[Verdict]:
    """Every verdict of one check over all of production, of a model with windows of a day.

    Args:
        reference: what the model is registered with.
        production: what is logged; with the label, or without.
        given: roles and options of `register`.
    """
    with tempfile.TemporaryDirectory() as folder, open_workspace(folder) as workspace:
        model = workspace.register("model", reference, time="at", window="1d", timezone="UTC", **given)
        model.log(production)
        last: datetime = production["at"].max()  # type: ignore[assignment]
        return model.check(now=last + timedelta(days=1))


def by_day(verdicts: Sequence[Verdict], production: pl.DataFrame, *, notices: bool, metric: str | None = None) -> Told:
    """What is told on each day, a longer window's on its last one.

    Args:
        verdicts: of windows.
        production: whose days.
        notices: whether notices count as alarms do.
        metric: what starts so alone; None: everything.
    """
    days = production["at"].dt.date().unique().sort().to_list()
    told: Told = [[] for _ in days]
    for verdict in verdicts:
        if not (verdict.alarms or (notices and verdict.notice)) or verdict.window is None:
            continue
        if metric is None or (verdict.metric or "").startswith(metric):
            ends = datetime.fromisoformat(verdict.window[1]) - timedelta(seconds=1)
            told[days.index(ends.date())].append(verdict.column or MODEL)
    return told


WAYS = {
    "alarm": "alarms of a model whose labels are there when it is checked",
    "or notice": "its notices too: moved at a small cost",
    "together": "of these, what columns do together",
    "concept": "of these, what the scores don't explain",
    "weeks, slices": "alarms where weeks and cities share the budget with days and all rows",
    "or notice ": "their notices too",
    "no labels": "alarms and notices of a model without labels yet: performance is estimated",
}
"""Ways of watching, and what they are; the last three on the first stream of a kind, the last on medium drift."""


def ways(reference: pl.DataFrame, production: pl.DataFrame, *, first: bool, medium: bool) -> dict[str, Told]:
    """What each of `WAYS` tells.

    Args:
        reference: what the model is registered with.
        production: with labels.
        first: whether weeks and slices are watched too.
        medium: and whether the model without labels is as well.
    """
    plain = watched(reference, production, **ROLES)
    prefix = concept_drift("")
    found = {
        "alarm": by_day(plain, production, notices=False),
        "or notice": by_day(plain, production, notices=True),
        "together": by_day(plain, production, notices=True, metric=JOINT),
        "concept": by_day(plain, production, notices=True, metric=prefix),
    }
    if first:
        weekly = watched(reference, production, **ROLES, **WEEKS)
        found["weeks, slices"] = by_day(weekly, production, notices=False)
        found["or notice "] = by_day(weekly, production, notices=True)
    if first and medium:
        blind = watched(reference, production.drop("label"), **ROLES)
        found["no labels"] = by_day(blind, production, notices=True)
    return found
