"""Which features: ranked by what their move costs, then by how surprising it is."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from typing import Protocol

from retrue.explain.sharing import Part, Sharing
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
    @property
    def better(self) -> str: ...


@dataclass(frozen=True, slots=True)
class Feature:
    """One column's part in what happened.

    Args:
        column: its name.
        verdict: what the judge said about it.
        cost: what its move alone is expected to cost; None where that isn't known.
        part: what of that is its own, and what it shares with other columns; None where nothing was shared out.
        importance: mean size of its contributions to the predictions (mean |SHAP|); None where no model was given.
        output: whether the model made it (prediction, score): it moves because features do, and causes nothing.
    """

    column: str
    verdict: Verdict
    cost: Cost | None = None
    part: Part | None = None
    importance: float | None = None
    output: bool = False

    @property
    def surprise(self) -> float:
        """How many times its threshold the column's figure is, times its importance where known; 0: unknown."""
        value, threshold = self.verdict.value, self.verdict.threshold
        times = abs(value / threshold) if value is not None and threshold else 0.0
        return times if self.importance is None else times * self.importance

    @property
    def certain_loss(self) -> float:
        """What is lost at least (the near end of the interval); 0 where nothing certainly is."""
        return 0.0 if self.cost is None else max(0.0, self.cost.loss[0])

    @property
    def own_loss(self) -> float:
        """What is lost by its own part of the expected change; 0 where nothing was shared out."""
        if self.cost is None or self.part is None:
            return 0.0
        return max(0.0, -self.part.share if self.cost.better == "higher" else self.part.share)

    @property
    def follows(self) -> bool:
        """Whether another column's move leaves this one's nothing of its own to cost."""
        return self.part is not None and self.part.share == 0 and bool(self.part.shared_with)


def rank_features(
    verdicts: Iterable[Verdict],
    costs: Mapping[str, Cost] | None = None,
    sharing: Sharing | None = None,
    importance: Mapping[str, float] | None = None,
    *,
    outputs: Collection[str] = (),
    all_columns: bool = False,
) -> list[Feature]:
    """Rank columns: broken ones first, then by the loss that is their own, then by what is certainly lost and surprise.

    What the model made comes last: it is made of the features, so that it shares in no blame.

    A broken column that only follows another one's move (all values alike, because only one kind of rows came) is no
    fault of the data, and has its place by loss.

    Args:
        verdicts: verdicts of one window; those about a column count, a column's worst where it has several.
        costs: what each column's move is expected to cost, by name.
        sharing: how that is shared out among the features.
        importance: mean |SHAP| of each feature; it weights surprise. Columns that the model doesn't see have none.
        outputs: the columns that the model made.
        all_columns: also those that are true or not comparable.
    """
    worst: dict[str, Feature] = {}
    for verdict in verdicts:
        if verdict.column is None or not (all_columns or verdict.kind.alarms):
            continue
        part = None if sharing is None else sharing.of(verdict.column)
        matters = None if importance is None else importance.get(verdict.column, 0.0)
        made = verdict.column in outputs
        feature = Feature(verdict.column, verdict, (costs or {}).get(verdict.column), part, matters, made)
        if verdict.column not in worst or _rank(feature) < _rank(worst[verdict.column]):
            worst[verdict.column] = feature
    return sorted(worst.values(), key=_rank)


def _rank(feature: Feature) -> tuple[bool, bool, bool, float, float, float]:
    """What the model made last, unless broken; broken before others, alerts before calm ones, loss, surprise."""
    kind, losses = feature.verdict.kind, (-feature.own_loss, -feature.certain_loss)
    late = feature.output and kind is not VerdictKind.BROKEN
    return late, kind is not VerdictKind.BROKEN or feature.follows, not kind.alarms, *losses, -feature.surprise
