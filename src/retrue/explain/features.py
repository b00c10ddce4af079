"""Which features: ranked by what their move costs, then by how surprising it is."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Protocol

from retrue.judge.verdict import Verdict, VerdictKind


class Cost(Protocol):
    """What ranking needs to know about a cost; `retrue.estimate.impact.Impact` is one."""

    @property
    def value(self) -> float: ...
    @property
    def interval(self) -> tuple[float, float]: ...
    @property
    def loss(self) -> tuple[float, float]: ...
    @property
    def metric(self) -> str: ...


@dataclass(frozen=True, slots=True)
class Feature:
    """One column's part in what happened.

    Args:
        column: its name.
        verdict: what the judge said about it.
        cost: what its move is expected to cost; None where that isn't known.
    """

    column: str
    verdict: Verdict
    cost: Cost | None = None

    @property
    def surprise(self) -> float:
        """How many times its threshold the column's figure is; 0 where it isn't known."""
        value, threshold = self.verdict.value, self.verdict.threshold
        return abs(value / threshold) if value is not None and threshold else 0.0

    @property
    def certain_loss(self) -> float:
        """What is lost at least (the near end of the interval); 0 where nothing certainly is."""
        return 0.0 if self.cost is None else max(0.0, self.cost.loss[0])


def rank_features(
    verdicts: Iterable[Verdict], costs: Mapping[str, Cost] | None = None, *, all_columns: bool = False
) -> list[Feature]:
    """Rank columns: broken ones first, then by what is certainly lost, then by surprise.

    Args:
        verdicts: verdicts of one window; those about a column count, a column's worst where it has several.
        costs: what each column's move is expected to cost, by name.
        all_columns: also those that are true or not comparable.
    """
    worst: dict[str, Feature] = {}
    for verdict in verdicts:
        if verdict.column is None or not (all_columns or verdict.kind.alarms):
            continue
        feature = Feature(verdict.column, verdict, (costs or {}).get(verdict.column))
        if verdict.column not in worst or _rank(feature) < _rank(worst[verdict.column]):
            worst[verdict.column] = feature
    return sorted(worst.values(), key=_rank)


def _rank(feature: Feature) -> tuple[bool, bool, float, float]:
    """Broken before others, alerts before calm ones, then loss, then surprise."""
    kind = feature.verdict.kind
    return kind is not VerdictKind.BROKEN, not kind.alarms, -feature.certain_loss, -feature.surprise
