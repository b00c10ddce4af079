"""Deciding: what the store knows when somebody asks whether to retrain, the answer, and the run that it starts.

windows, labels, estimates, incidents, runs ──situation──> decide ──> Decision, every number ──> run, if it starts one
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import TYPE_CHECKING, Any

import numpy as np
import polars as pl

from retrue.errors import ConfigError, RefusedError
from retrue.judge.main_metrics import MAIN
from retrue.judge.verdict import VerdictKind
from retrue.metrics.measure import Z95
from retrue.refine.decide import LEAST, LOSSES, Answer, decide, obstacle
from retrue.refine.expected import Gap, Past, Situation
from retrue.refine.mix import Mix
from retrue.refine.policy import DAY, Policy
from retrue.refine.train import Trainer
from retrue.store import rows
from retrue.workspace import clock
from retrue.workspace.acting import audit
from retrue.workspace.check.performance import performance
from retrue.workspace.decide.pilot import pilot
from retrue.workspace.train.choosing import trainable
from retrue.workspace.train.maturity import matured_events
from retrue.workspace.train.parts import REFERENCE, mix_of

if TYPE_CHECKING:
    from retrue.refine.collect import Collected
    from retrue.workspace.model import Model
    from retrue.workspace.train.training import Run

POINT = 0.01
"""A point: of a share in its own unit, of an error as a share of the reference's value."""
RECENT = 28 * DAY
"""Seconds that the traffic is read from."""
ALL_COLLECTED = "collected"
"""In a policy's mix: all that was collected."""
HOLDOUT = 0.25
"""The share of the matured log that a run is proven on, unless it says otherwise; collections have no part in it."""
COLLECTED = 0.2
"""Share of the weight that collections have together in a run that a policy starts."""
WORSE = frozenset({VerdictKind.DEGRADED.value, VerdictKind.UNKNOWN.value, VerdictKind.DRIFTING.value})
"""Incidents that a better model might end."""


@dataclass(frozen=True)
class Decided:
    """An answer, when it was given, and the run that it started.

    Attributes:
        answer: whether to retrain, and why.
        at: when (ISO).
        run: the id of the run that was started; None where none was.
        refused: why the run that the policy allows couldn't be started.
    """

    answer: Answer
    at: str
    run: str | None = None
    refused: str | None = None

    def __str__(self) -> str:
        started = "" if self.run is None else f"; run {self.run}"
        return str(self.answer) + started + ("" if self.refused is None else f"; {self.refused}")

    def to_dict(self) -> dict[str, Any]:
        """Plain values."""
        return {**self.answer.to_dict(), "at": self.at, "run": self.run, "refused": self.refused}


def decide_model(
    model: Model,
    now: datetime | None,
    policy: Policy | None = None,
    start: Callable[[], Run] | None = None,
    fit: Any = None,
) -> Decided:
    """Say whether to retrain, keep the answer with every number, and start the run where the policy allows it.

    Args:
        model: whose.
        now: the time to decide at.
        policy: what to weigh by; the model's own unless given.
        start: trains a challenger; None only says what is to be done.
        fit: what learns: small fits tell what is to be won, where nothing holds a run back.
    """
    at = clock.aware(now or clock.now())
    answer = weigh(model, at, policy, fit)
    run = refused = None
    try:
        run = start() if start is not None and answer.starts else None
    except (RefusedError, ConfigError) as error:  # the answer is kept whatever became of the run
        refused = str(error)
    found = Decided(answer, at.isoformat(), None if run is None else run.id, refused)
    body = {**answer.to_dict(), "at": found.at, "version": model.version, "refused": refused}
    with model.store.catalog.write() as tx:
        tx.add(rows.Decision(model.name, answer.answer, clock.micros(clock.now()), found.run, body))
        if found.run is not None:
            audit(tx, "retraining decided", model.name, {"run": found.run, "because": answer.because})
    return found


def usual_mix(model: Model, at: datetime) -> Mix:
    """What a run learns from that a policy starts: the policy's own mix, or the usual one.

    The usual one is half the original data and half the log, a fifth of the weight being what was collected. In a
    policy's mix the part `collected` stands for all that was collected; while there is nothing, the others share.

    Raises:
        ConfigError: the policy names a part that isn't there.
        RefusedError: no label has matured.
    """
    found = ripe(model, at)
    said = model.options.policy.mix
    if said is None:
        rest = (1 - COLLECTED) / 2 if found else 0.5
        return Mix([(model.reference, rest), (model.logged(), rest), *every(found, COLLECTED)])
    settings = {name: value for name, value in said.items() if name != "parts"}
    if isinstance(settings.get("most"), Mapping):
        limits = {model.reference.name if name == REFERENCE else name: most for name, most in settings["most"].items()}
        each = limits.pop(ALL_COLLECTED, None)
        settings["most"] = (limits | ({} if each is None else {part.name: each for part in found})) or None
    shares = {name: share for name, share in said["parts"].items() if name != ALL_COLLECTED}
    own = every([part for part in found if part.name not in shares], said["parts"].get(ALL_COLLECTED, 0.0))
    return mix_of(model, shares | dict(own), where="retraining.mix", **settings)


def every(found: Sequence[Collected], share: float) -> list[tuple[Any, float]]:
    """All that was collected, each with an equal part of a share; none where there is no share."""
    return [(part, share / len(found)) for part in found] if share else []


def ripe(model: Model, at: datetime) -> list[Collected]:
    """The collections that have rows enough whose labels have matured: a few would weigh too much.

    Raises:
        RefusedError: no label has matured.
    """
    listed = [part for part in model.collections() if part.rows.height >= LEAST]
    if not listed:
        return []
    known = trainable(Mix([(part, 1) for part in listed]), model, matured_events(model, at, HOLDOUT)).mix.parts
    return [part for part, (chosen, _) in zip(listed, known, strict=True) if chosen.frame.height >= LEAST]


def weigh(model: Model, at: datetime, policy: Policy | None = None, fit: Any = None) -> Answer:
    """Say whether to retrain; nothing is kept."""
    chosen = policy or model.options.policy
    known = situation(model, at, chosen)
    if fit is not None and obstacle(known, chosen) is None:
        known = replace(known, curve=pilot(model, Trainer.of(fit).fit, at))
    return decide(known, chosen)


def decisions(model: Model, most: int = 100) -> list[dict[str, Any]]:
    """The latest answers, newest first, as plain values."""
    with model.store.catalog.read() as tx:
        kept = tx.latest(rows.Decision, most, model=model.name)
    return [{**row.body, "run": row.run} for row in kept]


def situation(model: Model, at: datetime, policy: Policy) -> Situation:
    """What is known of a model at a time."""
    ripe = matured_windows(model, at)
    labelled = sum(window.labelled for window in ripe)
    done = runs_of(model)
    last = max((moment for moment, _ in done), default=None)
    own = [row for moment, row in done if row.body.get("champion") == model.version]
    used = max(
        (datetime.fromisoformat(row.body["manifest"]["matured"]) for row in own if "manifest" in row.body), default=None
    )
    fresh = sum(w.labelled for w in ripe if used is None or w.start >= used.timestamp())
    live, last_window = model.incidents(live=True), newest_window(model, at)
    return Situation(
        gap=gap_of(model, at, policy),
        traffic=traffic(model, at),
        rows=labelled,
        labels=fresh,
        since=None if last is None else max((at - last).total_seconds(), 0.0),
        broken=tuple(one.sentence for one in live if is_broken(one, last_window)),
        incidents=tuple(one.sentence for one in live if is_worse(one) and not is_broken(one, last_window)),
        past=past_runs(model),
    )


def newest_window(model: Model, at: datetime) -> datetime:
    """The start of the last window that has closed."""
    closed = [one.start for one in champions_windows(model) if one.start + model.options.window <= at.timestamp()]
    return clock.moment(max(closed, default=0) * clock.MICROS)


def is_broken(incident: Any, since: datetime) -> bool:
    """Whether it says that the data are broken in the last window: once they were mended, the others may go on."""
    broken = [one for one in incident.verdicts if one.kind is VerdictKind.BROKEN and one.window is not None]
    if incident.kind is not VerdictKind.BROKEN:
        return False
    return not broken or max(datetime.fromisoformat(one.window[1]) for one in broken) > since


def is_worse(incident: Any) -> bool:
    """Whether a better model might end it."""
    return bool(WORSE & {incident.kind.value, *(one.kind.value for one in incident.verdicts)})


def champions_windows(model: Model) -> list[rows.Window]:
    """The windows of the champion's events, oldest first."""
    found = [one for one in model.store.windows(model.name) if one.version == model.version]
    return sorted(found, key=lambda window: window.start)


def matured_windows(model: Model, at: datetime) -> list[rows.Window]:
    """Those whose labels have had time to come."""
    until = at.timestamp() - (model.options.maturity or 0.0)
    return [one for one in champions_windows(model) if one.start + model.options.window <= until]


def traffic(model: Model, at: datetime) -> float:
    """Events a day, of the last four weeks, whatever version scored them."""
    since = at.timestamp() - max(RECENT, model.options.window)
    recent = [one for one in model.store.windows(model.name) if since <= one.start < at.timestamp()]
    if not recent:
        return 0.0
    span = max(at.timestamp() - min(one.start for one in recent), model.options.window)
    return sum(one.events for one in recent) / span * DAY


def gap_of(model: Model, at: datetime, policy: Policy) -> Gap | None:
    """What the champion loses against its reference in the latest windows: by matured labels, else as estimated."""
    task = model.schema.task
    if task is None:
        return None
    metric, until = MAIN[str(task)][0], pl.col("until").str.to_datetime(time_zone="UTC")
    told = performance(model, metric).filter(pl.col("reference").is_not_null(), until <= at)
    reach = max(round(policy.gap / model.options.window), 1)
    for source, names in SOURCES.items():
        known = told.tail(reach).drop_nulls(names)
        if known.height:
            return gap_from(known.select(*names, "reference", "rows"), metric, source)
    return None


SOURCES = {"labels": ("realised", "low", "high"), "estimate": ("estimated", "estimated_low", "estimated_high")}
"""Where performance is read from, best first: the columns with value and interval."""


def gap_from(known: pl.DataFrame, metric: str, source: str) -> Gap:
    """The gap over windows: their mean by rows, with an error of chance and of how they wander."""
    value, low, high, reference, count = (known[name].to_numpy().astype(float) for name in known.columns)
    lost = (value - reference) if metric in LOSSES else (reference - value)
    error, weights = (high - low) / (2 * Z95), count / count.sum()
    wander = max(float(lost.var(ddof=1) - np.mean(error**2)), 0.0) if lost.size > 1 else 0.0
    spread = math.sqrt(float((weights**2 * (error**2 + wander)).sum()))
    size = float(reference[-1])
    point = POINT * abs(size) if metric in LOSSES else POINT
    return Gap(metric, float((weights * lost).sum()), spread, point or POINT, source, int(count.sum()))


def runs_of(model: Model) -> list[tuple[datetime, rows.RunRow]]:
    """All runs with the time that they were trained at, oldest first."""
    with model.store.catalog.read() as tx:
        found = tx.find(rows.RunRow, model=model.name)
    return sorted(((trained_at(row), row) for row in found), key=lambda pair: pair[0])


def trained_at(row: rows.RunRow) -> datetime:
    """The time that a run was trained at: as it was told, for a replay has a time of its own."""
    said = row.body.get("at")
    return clock.moment(row.created) if said is None else datetime.fromisoformat(said)


def past_runs(model: Model) -> tuple[Past, ...]:
    """What earlier decisions' runs gained, beside the gap at the time."""
    with model.store.catalog.read() as tx:
        kept = [row for row in tx.find(rows.Decision, model=model.name) if row.run is not None]
        runs = {row.id: row for row in tx.find(rows.RunRow, model=model.name)}
    found = (past_of(row.body, runs[row.run]) for row in kept if row.run in runs)
    return tuple(one for one in found if one is not None)


def past_of(body: Any, run: rows.RunRow) -> Past | None:
    """One of them; None where no gap was known, or its proof told nothing."""
    gap, contests = body["situation"]["gap"], run.body.get("proof", {}).get("contests", [])
    whole = [one for one in contests if gap is not None and (one["where"], one["metric"]) == ("holdout", gap["metric"])]
    if not whole or whole[0]["interval"] is None:
        return None
    main = whole[0]
    gain = main["difference"] if main["higher_is_better"] else -main["difference"]
    error = (main["interval"][1] - main["interval"][0]) / (2 * Z95)
    return Past(gap["value"], gain, error, body["situation"]["rows"])
