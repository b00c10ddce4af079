"""Sharing out: features share one cause, so their impacts don't add up; raking gives each the part that is its own.

    all features --the most surprising of those whose impact is certain--> its part --> rake the reference to its
    shares in the window --> what the others still cost --> the next one's part --> ... --> nothing certain is left

Student housing brings young people: relationship and age each explain the whole loss alone, and after raking to the
one the other has nothing left to explain. The order is that of the search for slices (`explain.slices`): the column
whose move is the largest news is taken for the cause. A part is how far the metric of the reference moves when one more
column is raked, so the parts add up to what the features explain together.
"""

from __future__ import annotations

import math
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import polars as pl

from retrue.core.per_event import event_cells
from retrue.core.scores import metrics_of
from retrue.estimate.caution import MOST
from retrue.explain.coding import Coded, code
from retrue.explain.margins import EventScores, Look, Raked
from retrue.explain.places import thinned
from retrue.judge.impacts import MSE, RMSE, Costs
from retrue.metrics.measure import Z95

TAKEN = 6
"""The most features that get a part of their own."""
SAME = 1 / 3
"""Two features share a cause where raking to the one takes away this much of the other's impact."""
ROWS = 50_000
"""The most rows of each side that are looked at, evenly spread: more would change no digit that is shown."""

Interval = tuple[float, float]


@dataclass(frozen=True, slots=True)
class Part:
    """What one feature has to do with the expected change.

    Args:
        column: the feature.
        alone: its impact alone, as if nothing else had moved.
        share: its part of what the features explain together; 0 where the others leave it nothing.
        shared_with: features with which it has a cause in common, so that their impacts don't add up.
    """

    column: str
    alone: float
    share: float
    shared_with: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Sharing:
    """How the expected change of a metric is shared out among the features.

    Args:
        metric: the metric.
        parts: one for each feature, those with a part of their own first, in the order of raking.
        explained: what the features explain together, the sum of the shares; None where more than `MOST` of the rows
            are unseen: the others would be given out for the whole.
        interval: its 95 % interval; None where that is.
        unseen: share of the window's rows that have a value with fewer than five labelled reference rows: what the
            model does there was never evaluated, and isn't in `explained`.
        joint: the expected change by a joint estimate, such as CBPE; None where there is none.
    """

    metric: str
    parts: tuple[Part, ...]
    explained: float | None
    interval: Interval | None
    unseen: float
    joint: float | None = None

    def of(self, column: str) -> Part | None:
        """The part of one feature."""
        return next((part for part in self.parts if part.column == column), None)

    def to_dict(self) -> dict[str, Any]:
        """The whole, as plain values; the parts stand with their features."""
        return {
            "metric": self.metric,
            "explained": self.explained,
            "interval": None if self.interval is None else list(self.interval),
            "joint": self.joint,
            "unseen": self.unseen,
        }


def share_out(coded: Coded, scores: EventScores, *, least: float = 0.0, joint: float | None = None) -> Sharing | None:
    """Share the expected change of a metric out among the columns.

    Args:
        coded: the two tables, coded alike.
        scores: the metric, by rows of the reference.
        least: the smallest change of the metric worth a part of its own.
        joint: the expected change by a joint estimate.

    Returns:
        None where either side has no rows to tell from, or the metric is undefined.

    >>> import numpy as np
    >>> import polars as pl
    >>> from retrue.explain.coding import code
    >>> before = pl.DataFrame({"home": ["dorm", "house"] * 500, "age": ["young", "old"] * 500})
    >>> right = np.where(before["home"] == "dorm", 0.5, 1.0)
    >>> found = share_out(code(before.filter(home="dorm"), before), EventScores("accuracy", right))
    >>> [(part.column, round(part.alone, 2), round(part.share, 2), part.shared_with) for part in found.parts]
    [('age', -0.25, -0.25, ('home',)), ('home', -0.25, 0.0, ('age',))]
    """
    if not coded.columns or coded.window.shape[1] == 0 or scores.known.size == 0:
        return None
    raked = Raked.of(coded, scores)
    if raked.value() is None:
        return None
    own, names = raked.looks(), [column.name for column in coded.columns]
    steps = list(raking(raked, own, names, least))
    taken, explained = [step.column for step in steps], sum(step.part for step in steps)
    parts = tuple(told(names, own, {step.column: step.part for step in steps}, shared(own, steps, least)))
    if raked.unseen > MOST:
        return Sharing(scores.metric, parts, None, None, raked.unseen, joint)
    reach = Z95 * raked.error(taken)
    return Sharing(scores.metric, parts, explained, (explained - reach, explained + reach), raked.unseen, joint)


@dataclass(frozen=True, slots=True)
class Step:
    """One column raked.

    Args:
        column: its place.
        part: how far the metric moved with it.
        drops: what it took away of the impact of each column.
    """

    column: int
    part: float
    drops: tuple[float, ...]


def raking(raked: Raked, own: list[Look], names: Sequence[str], least: float) -> Iterator[Step]:
    """Take column after column, as long as one costs or brings enough for certain."""
    looks, value, taken = own, raked.value(), set[int]()
    while len(taken) < TAKEN and (best := chosen(looks, taken, names, least)) is not None:
        raked.take(best)
        taken.add(best)
        after, now = raked.looks(own), raked.value()
        if now is None or value is None:
            return
        drops = tuple(was.value - left.value for was, left in zip(looks, after, strict=True))
        yield Step(best, now - value, drops)
        looks, value = after, now


def chosen(looks: Sequence[Look], taken: Collection[int], names: Sequence[str], least: float) -> int | None:
    """The column to take next: of those whose impact is certain and worth telling, the one that is the largest news."""
    free = [i for i, look in enumerate(looks) if i not in taken and look.certain and abs(look.value) > max(least, 1e-9)]
    return min(free, key=lambda i: (-round(looks[i].news, 6), -round(abs(looks[i].value), 9), names[i]), default=None)


def shared(own: Sequence[Look], steps: Sequence[Step], least: float) -> set[tuple[int, int]]:
    """The pairs of columns of which the one, when it was raked, took away much of what the other costs alone."""
    telling = [i for i, look in enumerate(own) if look.certain and abs(look.value) > least]
    pairs = {
        (step.column, i)
        for step in steps
        for i in telling
        if i != step.column and step.drops[i] * own[i].value >= SAME * own[i].value ** 2
    }
    return pairs | {(other, cause) for cause, other in pairs}


def told(
    names: Sequence[str], own: Sequence[Look], shares: Mapping[int, float], pairs: set[tuple[int, int]]
) -> list[Part]:
    """Write the parts: those taken in their order, the others by their impact alone."""
    rest = sorted((i for i in range(len(own)) if i not in shares), key=lambda i: -abs(own[i].value))
    ranked = [*shares, *rest]
    return [
        Part(names[i], own[i].value, shares.get(i, 0.0), tuple(names[j] for j in ranked if (j, i) in pairs))
        for i in ranked
    ]


def share_between(
    window: pl.DataFrame, reference: pl.DataFrame, costs: Costs, *, least: float = 0.0, joint: float | None = None
) -> Sharing | None:
    """Share the expected change between two tables out among the model's features; None where rows can't tell.

    Args:
        window: the window's rows.
        reference: the reference's rows, with labels.
        costs: the metric that impacts are in.
        least: the smallest change of the metric worth a part of its own.
        joint: the expected change by a joint estimate.
    """
    schema, (now, before) = costs.reference.schema, (thinned(frame, ROWS) for frame in (window, reference))
    columns = [name for name in schema.features if name in now.columns and name in before.columns]
    scores = scores_of(costs, before)
    if scores is None or not columns:
        return None
    coded = code(now, before, columns, {name: schema.column(name).kind for name in columns})
    return share_out(coded, scores, least=least, joint=joint)


def scores_of(costs: Costs, frame: pl.DataFrame) -> EventScores | None:
    """What rows of the reference add to the metric that impacts are in; None where rows don't tell."""
    outcome, metric = costs.reference.grids.outcome, costs.metric
    if outcome is None or metric is None:
        return None
    means = metrics_of(outcome, frame, outcome.event_scores(frame), costs.reference.schema.value)
    if metric == RMSE and MSE in means:
        return EventScores(metric, means[MSE], of=lambda mean: math.sqrt(mean[0]))
    if metric in means:
        return EventScores(metric, means[metric])
    cells, of = event_cells(outcome, frame), costs.of_cells
    return None if cells is None or of is None else EventScores.of_cells(metric, *cells, of)
