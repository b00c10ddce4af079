"""Deciding: what the store knows when somebody asks whether to retrain, the answer, and the run that it starts.

the store ──situation──> decide ──> Decision, every number ──> run, if it starts one
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import TYPE_CHECKING, Any

from retrue.errors import RetrueError
from retrue.refine.decide import LEAST, Answer, decide, obstacle
from retrue.refine.mix import Mix
from retrue.refine.policy import RetrainingPolicy
from retrue.refine.train import Trainer
from retrue.store import rows
from retrue.workspace import clock
from retrue.workspace.acting import audit
from retrue.workspace.collect.collecting import collections, logged
from retrue.workspace.decide.fits import ORIGINAL, with_fits
from retrue.workspace.decide.situation import situation
from retrue.workspace.stored import StoredModel
from retrue.workspace.train.choosing import trainable
from retrue.workspace.train.maturity import NEWEST, matured_events
from retrue.workspace.train.parts import REFERENCE, mix_of
from retrue.workspace.train.runs import StoredRun

if TYPE_CHECKING:
    from retrue.refine.collect import Collected

ALL_COLLECTED = "collected"
"""In a policy's mix: all that was collected."""
HOLDOUT = 0.25
"""The share of the matured log that a run by hand is proven on, unless it says otherwise."""
UNASKED = "without small fits: a service makes them after a check, `retrue decide` at once"
"""Of an answer that nobody waits for so long."""
COLLECTED = 0.2
"""Share of the weight that collections have together in a run that a policy starts."""


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
    model: StoredModel,
    now: datetime | None,
    policy: RetrainingPolicy | Mapping[str, Any] | None = None,
    start: Callable[[Mix], StoredRun] | None = None,
    fit: Any = None,
) -> Decided:
    """Say whether to retrain, keep the answer with every number, and start the run where the policy allows it.

    Args:
        model: whose.
        now: the time to decide at.
        policy: what to weigh by; the model's own unless given.
        start: trains a challenger on the mix that it is given; None only says what is to be done.
        fit: what learns: small fits tell what is to be won, where nothing holds a run back; the policy's registered
            trainer unless given.

    Raises:
        ConfigError: nothing that can be fitted.
    """
    at = clock.aware(now or clock.now())
    chosen = policy_of(model, policy)
    return keep(model, weigh(model, at, chosen, chosen.trainer if fit is None else Trainer.of(fit)), at, start)


def keep(model: StoredModel, answer: Answer, at: datetime, start: Callable[[Mix], StoredRun] | None = None) -> Decided:
    """Keep an answer with every number, and start the run where it says so."""
    run = refused = None
    try:
        if start is not None and answer.starts:
            run = start(usual_mix(model, at, answer.policy, answer.original))
    except RetrueError as error:  # the answer is kept whatever became of the run
        refused = str(error)
    found = Decided(answer, at.isoformat(), None if run is None else run.id, refused)
    body = {**answer.to_dict(), "at": found.at, "version": model.version, "refused": refused}
    with model.store.catalog.write() as tx:
        tx.add(rows.Decision(model.name, answer.answer, clock.micros(clock.now()), found.run, body))
        if found.run is not None:
            audit(tx, "retraining decided", model.name, {"run": found.run, "because": answer.because})
    return found


def policy_of(model: StoredModel, said: RetrainingPolicy | Mapping[str, Any] | None) -> RetrainingPolicy:
    """What to weigh by: what somebody said, else the model's own policy."""
    return model.options.policy if said is None else RetrainingPolicy.of(said)


def usual_mix(model: StoredModel, at: datetime, policy: RetrainingPolicy, original: float = 0.5) -> Mix:
    """What a run learns from that a policy starts: the policy's own mix, or the usual one.

    The usual one is half the original data and half the log, or what small fits found better, a fifth of the weight
    being what was collected. In a policy's mix the part `collected` stands for all that was collected; while there is
    nothing, the others share.

    Raises:
        ConfigError: the policy names a part that isn't there.
        RefusedError: no label has matured.
    """
    found = ripe(model, at)
    said = policy.mix
    if said is None:
        rest = 1 - COLLECTED if found else 1.0
        known = [(model.reference, rest * original)] if original else []
        parts = [*known, (logged(model), rest * (1 - original)), *every(found, COLLECTED)]
        return Mix(parts, refit=policy.refit)
    settings = {"refit": policy.refit} | {name: value for name, value in said.items() if name != "parts"}
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


def ripe(model: StoredModel, at: datetime) -> list[Collected]:
    """The collections that have rows enough whose labels have matured: a few would weigh too much.

    Raises:
        RefusedError: no label has matured.
    """
    listed = [part for part in collections(model) if part.rows.height >= LEAST]
    if not listed:
        return []
    known = trainable(Mix([(part, 1) for part in listed]), model, matured_events(model, at, NEWEST)).mix.parts
    return [part for part, (chosen, _) in zip(listed, known, strict=True) if chosen.frame.height >= LEAST]


def weigh(
    model: StoredModel,
    at: datetime,
    policy: RetrainingPolicy | Mapping[str, Any] | None = None,
    fit: Trainer | str | None = None,
) -> Answer:
    """Say whether to retrain; nothing is kept. With a trainer, or the name of one, small fits come first."""
    chosen = policy_of(model, policy)
    known = situation(model, at, chosen)
    if obstacle(known, chosen) is None:
        known = with_fits(known, model, fit, at, ORIGINAL if chosen.mix is None else ORIGINAL[:1])
        if fit is None and chosen.trainer is not None:
            known = replace(known, unfitted=UNASKED)
    return decide(known, chosen)


def decisions(model: StoredModel, most: int = 100) -> list[dict[str, Any]]:
    """The latest answers, newest first, as plain values."""
    with model.store.catalog.read() as tx:
        kept = tx.latest(rows.Decision, most, model=model.name)
    return [{**row.body, "run": row.run} for row in kept]
