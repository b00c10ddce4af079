"""Lineage: from an incident to rows, to a run, to a version, and what that version did afterwards.

What training, proving and deciding write into the bodies of runs is read here in one place, and whatever of it is
missing (a run of an older Retrue, one that failed halfway) is simply not known.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import polars as pl
from sqlalchemy import select

from retrue.metrics import registered
from retrue.store import rows
from retrue.store.tables import collected, collections
from retrue.workspace import clock
from retrue.workspace.check.performance import performance
from retrue.workspace.promote.tried import trials_by_version
from retrue.workspace.stored import StoredModel, made_at, tried_until
from retrue.workspace.train.standing import standing

WINDOWS = 30
"""Judged windows that are looked at on either side of a promotion."""


@dataclass(frozen=True)
class Part:
    """A part of a training set: what it is called, its rows, its share of the weight, its digest, its incident."""

    name: str
    rows: int
    share: float | None
    digest: str
    incident: str | None


@dataclass(frozen=True)
class Side:
    """How a version did in some windows: their mean by labelled rows, with its 95 % interval where each has one."""

    version: str
    value: float
    interval: tuple[float, float] | None
    windows: int
    estimated: bool


@dataclass(frozen=True)
class Effect:
    """What a promotion did: a metric in the windows before it and in those after it; None where none is judged."""

    metric: str
    before: Side | None
    after: Side | None

    @property
    def difference(self) -> tuple[float, tuple[float, float] | None] | None:
        """After - before, with its interval; windows before and after are independent.

        What labels say and what was estimated are not held against each other: estimates don't see concept drift.
        """
        if self.before is None or self.after is None or self.before.estimated != self.after.estimated:
            return None
        gap, ends = self.after.value - self.before.value, (self.before.interval, self.after.interval)
        if ends[0] is None or ends[1] is None:
            return gap, None
        reach = math.hypot(*((high - low) / 2 for low, high in (ends[0], ends[1])))
        return gap, (gap - reach, gap + reach)

    @property
    def change(self) -> str:
        """`better`, `worse`, `within noise`, or `can't tell`."""
        found = self.difference
        if found is None or found[1] is None:
            return "can't tell"
        low, high = found[1]
        if low <= 0 <= high:
            return "within noise"
        higher = any(one.name == self.metric and one.better == "higher" for one in registered(of="outcome"))
        return "better" if (low > 0) == higher else "worse"


@dataclass(frozen=True)
class Lineage:
    """One turn of the flywheel.

    Attributes:
        id, status: the run; `created`: when it was trained, in a replay by the replay's time.
        parts: what it was trained on, with the incidents that the rows came from.
        incidents: those incidents' ids.
        proof: what it showed, as `Proof.to_dict` has it; None before it is proven.
        champion: the version that it was compared with.
        version: the version that it became; None where it wasn't promoted.
        promoted: when (microseconds since 1970).
        tried_until: the event time until which the version was only tried beside the champion; None: it wasn't.
        trials: of that version, or of the one that it is tried as, latest first.
        override: who promoted it against the gate and why.
        error: why the training failed.
        body: everything else that is kept of it.
    """

    id: str
    status: str
    created: int
    parts: tuple[Part, ...]
    incidents: tuple[str, ...]
    proof: Mapping[str, Any] | None
    champion: str
    version: str | None
    promoted: int | None
    override: Mapping[str, Any] | None
    error: str | None
    body: Mapping[str, Any]
    tried_until: datetime | None = None
    trials: tuple[rows.Trial, ...] = ()

    @property
    def rows(self) -> int:
        """How many rows it was trained on."""
        return int(self.manifest.get("rows") or sum(part.rows for part in self.parts))

    @property
    def manifest(self) -> Mapping[str, Any]:
        """What its training set was made of."""
        return _mapping(self.body.get("manifest"))

    @property
    def contests(self) -> list[Mapping[str, Any]]:
        """Each comparison of its proof."""
        return [one for one in _list(_mapping(self.proof).get("contests")) if isinstance(one, Mapping)]

    @property
    def baselines(self) -> list[Mapping[str, Any]]:
        """Each comparison with a simple rival, such as the last label."""
        return [one for one in _list(_mapping(self.proof).get("baselines")) if isinstance(one, Mapping)]

    @property
    def faults(self) -> list[str]:
        """What of its proof couldn't be told, in words."""
        return [str(one) for one in _list(_mapping(self.proof).get("faults"))]

    @property
    def reasons(self) -> list[str]:
        """Why the gate stays shut."""
        return [str(one) for one in _list(_mapping(self.proof).get("reasons"))]


def lineages(model: StoredModel) -> list[Lineage]:
    """The model's turns, latest first."""
    with model.store.catalog.read() as tx:
        versions = {one.version: one for one in tx.find(rows.Version, model=model.name)}
    origins, trials = origins_of(model), trials_by_version(model)
    return [lineage(one, versions, origins, trials) for one in standing(model)]


def origins_of(model: StoredModel) -> dict[str, str]:
    """The incident behind each collection that has one, without reading its rows; also where its signal is gone."""
    daily = select(collected.c.collection, collected.c.body).where(collected.c.model == model.name)
    daily = daily.order_by(collected.c.number)
    once = select(collections.c.name, collections.c.body).where(collections.c.model == model.name)
    with model.store.catalog.read() as tx:
        found = {str(name): body for name, body in tx.connection.execute(daily)}
        found |= {one.name: one.body for one in tx.find(rows.Signal, model=model.name)}
        found |= {str(name): body for name, body in tx.connection.execute(once)}
    return {name: str(incident) for name, body in found.items() if (incident := _mapping(body).get("incident"))}


def lineage(
    run: rows.RunRow, versions: Mapping[str, rows.Version], origins: Mapping[str, str],
    trials: Mapping[str, tuple[rows.Trial, ...]] | None = None,
) -> Lineage:  # fmt: skip
    """One turn, from what is kept of its run."""
    body = _mapping(run.body)
    told = [one for one in _list(_mapping(body.get("manifest")).get("parts")) if isinstance(one, Mapping)]
    parts = tuple(part(one, origins) for one in told)
    own = [str(body["incident"])] if body.get("incident") else []
    incidents = tuple(dict.fromkeys([*own, *(one.incident for one in parts if one.incident)]))
    row = next((one for one in versions.values() if _mapping(one.body).get("run") == run.id), None)
    row = row or versions.get(str(body.get("version")))
    version = None if row is None else row.version
    override = _mapping(body.get("override")) or _mapping(row.body.get("override") if row is not None else None)
    return Lineage(
        run.id, run.status, made_at(run), parts, incidents, _mapping(body.get("proof")) or None,
        str(body.get("champion") or ""), version, made_at(row) if row is not None else None, override or None,
        None if not body.get("error") else str(body["error"]), body,
        None if row is None else tried_until(row),
        (trials or {}).get(version or str(body.get("tried")), ()),
    )  # fmt: skip


def part(said: Mapping[str, Any], origins: Mapping[str, str]) -> Part:
    """A part of a manifest."""
    name, share = str(said.get("part", "")), said.get("share")
    counted = said.get("rows")
    return Part(
        name, counted if isinstance(counted, int) else 0, float(share) if isinstance(share, int | float) else None,
        str(said.get("digest") or ""), origins.get(name),
    )  # fmt: skip


def _mapping(said: object) -> Mapping[str, Any]:
    return said if isinstance(said, Mapping) else {}


def _list(said: object) -> list[Any]:
    return list(said) if isinstance(said, list | tuple) else []


# --- what came of it --------------------------------------------------------------------------------------------------


def effect_of(model: StoredModel, turn: Lineage) -> Effect | None:
    """What a promotion did to the metric that decided it, or to the next one that windows are judged by.

    None where the run wasn't promoted.
    """
    if turn.version is None or turn.promoted is None:
        return None
    metrics = [str(one.get("metric")) for one in turn.contests if one.get("where") == "holdout"]
    usual = [one for one in ("accuracy", "mae", "roc_auc") if one not in metrics]
    at, first = turn.tried_until or clock.moment(turn.promoted), None
    for metric in dict.fromkeys([*metrics, *usual]):
        if not any(one.name == metric for one in registered(of="outcome")):
            continue
        old, new = (performance(model, metric, version) for version in (turn.champion, turn.version))
        early = old.filter(moments("until") <= at)
        if turn.tried_until is not None:  # what it scored beside the champion is no effect of its promotion
            new = new.filter(moments("window") >= at)
        found = alike(metric, (turn.champion, early.tail(WINDOWS)), (turn.version, new.head(WINDOWS)))
        if found.before is not None and found.after is not None:
            return found
        first = first or (found if found.before is not None or found.after is not None else None)
    return first


def moments(column: str) -> pl.Expr:
    """Times of `performance`, which are text."""
    return pl.col(column).str.to_datetime(time_zone="UTC", strict=False)


def alike(metric: str, before: tuple[str, pl.DataFrame], after: tuple[str, pl.DataFrame]) -> Effect:
    """Both sides by labels where both have some; else both as estimated where that is known; else each as it may be."""
    by_labels, estimated = (
        Effect(metric, *(side(version, told, estimated=way) for version, told in (before, after)))
        for way in (False, True)
    )
    if by_labels.difference is not None:
        return by_labels
    if estimated.difference is not None:
        return estimated
    return Effect(metric, by_labels.before or estimated.before, by_labels.after or estimated.after)


def side(version: str, told: pl.DataFrame, *, estimated: bool) -> Side | None:
    """How a version did in these windows of `performance`, by their matured labels or as estimated."""
    names = ("estimated", "estimated_low", "estimated_high") if estimated else ("realised", "low", "high")
    known = told.filter(pl.col(names[0]).is_not_null())
    if not known.height:
        return None
    weights = known.select(pl.col("rows") * (1.0 if estimated else pl.col("coverage").fill_null(1.0)))
    return pooled(version, known.select(names).rows(), weights.to_series().to_list(), estimated=estimated)


def pooled(
    version: str,
    figures: Sequence[tuple[float, float | None, float | None]],
    weights: Sequence[float],
    *,
    estimated: bool,
) -> Side:
    """The weighted mean of windows; its variance is that of independent figures, read from their intervals.

    >>> low, high = pooled("1", [(0.8, 0.7, 0.9), (0.6, 0.5, 0.7)], [100, 100], estimated=False).interval
    >>> round(low, 6), round(high, 6)
    (0.629289, 0.770711)
    """
    total = math.fsum(weights) or 1.0
    value = math.fsum(w * one for w, (one, _, _) in zip(weights, figures, strict=True)) / total
    ends = [(low, high) for _, low, high in figures if low is not None and high is not None]
    if len(ends) < len(figures):
        return Side(version, value, None, len(figures), estimated)
    reach = math.sqrt(math.fsum((w * (high - low) / 2) ** 2 for w, (low, high) in zip(weights, ends, strict=True)))
    return Side(version, value, (value - reach / total, value + reach / total), len(figures), estimated)
