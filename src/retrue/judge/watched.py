"""Watched features: only they alarm by themselves where a user says which ones, or which matter to the model."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import replace

from retrue.core.reference import Reference
from retrue.estimate.impact import Impact
from retrue.judge.verdict import Verdict, VerdictKind


def unwatched(reference: Reference, watch: Collection[str]) -> frozenset[str]:
    """The profiled columns of features that aren't watched; none where nothing is said: then all are.

    What is no feature (the score, a prediction, a label) is always watched.
    """
    quiet = set(reference.schema.features) - set(watch) if watch else set[str]()
    return frozenset(name for name, source in reference.grids.sources.items() if source.column in quiet)


def heeded(verdict: Verdict, cost: Impact | None, *, quiet: bool) -> Verdict:
    """The same with what it costs; about a column that isn't watched it is a notice."""
    if quiet and verdict.alarms:
        return replace(verdict, kind=VerdictKind.DRIFTING, alarm=False)
    return verdict if cost is None or not verdict.kind.alarms else replace(verdict, loss=max(0.0, cost.loss[0]))
