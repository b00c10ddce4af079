"""Deciding: what the store knows when somebody asks whether to retrain, the answer, and the run that it starts.

the store ──situation──> decide ──> Decision, every number ──> run, if it starts one
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import TYPE_CHECKING, Any, cast

from retrue.errors import ConfigError, RefusedError
from retrue.refine.decide import LEAST, Answer, decide, obstacle
from retrue.refine.mix import Mix
from retrue.refine.policy import Policy
from retrue.refine.train import Trainer
from retrue.refine.trial import MARGIN
from retrue.store import rows
from retrue.workspace import clock
from retrue.workspace.acting import audit
from retrue.workspace.decide import trials
from retrue.workspace.decide.situation import pilot, situation
from retrue.workspace.kept import Kept
from retrue.workspace.train.choosing import trainable
from retrue.workspace.train.maturity import matured_events
from retrue.workspace.train.parts import REFERENCE, mix_of

if TYPE_CHECKING:
    from retrue.refine.collect import Collected
    from retrue.workspace.model import Model
    from retrue.workspace.train.training import Run

ALL_COLLECTED = "collected"
"""In a policy's mix: all that was collected."""
HOLDOUT = 0.25
"""The share of the matured log that a run is proven on, unless it says otherwise; collections have no part in it."""
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


@dataclass(frozen=True)
class Weighs(Kept):
    """Abstract: a model's decisions and trials."""

    def decide(
        self,
        now: datetime | None = None,
        *,
        policy: Policy | None = None,
        start: Callable[[], Run] | None = None,
        fit: Any = None,
    ) -> Decided:
        """Say whether retraining pays by now, and why; the answer is kept with every number that it was made from.

        Args:
            now: the time to decide at; the present unless given.
            policy: what to weigh by; unless given, the model's own (`register(retraining={"when": "benefit", ...})`).
            start: trains a challenger: called where the answer is to retrain and the policy isn't by hand.
            fit: what learns, as in `retrain`: small fits tell what is to be won better than a gap to the reference.
        """
        return decide_model(cast("Model", self), now, policy, start, fit)

    def decisions(self) -> list[dict[str, Any]]:
        """Earlier answers with their numbers, newest first."""
        return decisions(cast("Model", self))

    def trial(
        self,
        challenger: str,
        *,
        kind: str = "shadow",
        share: float = 0.5,
        margin: float = MARGIN,
        slices: Sequence[str] | None = None,
        now: datetime | None = None,
    ) -> trials.Trial:
        """Compare a version with the champion in production, from now on; or go on with the trial that does.

        Args:
            challenger: the version, whose predictions are logged with `version=`.
            kind: "shadow", where both score the same events (same ids), or "ab", where each event is scored by one.
            share: of an A/B test, the share of the events that the challenger is to get.
            margin: the share of the champion's loss that is worth a change: certainly less is futile.
            slices: where they are compared besides; those that are watched unless given.
            now: when it begins; the present unless given.

        Raises:
            ConfigError: an unknown kind, or a share or margin out of range.
            SchemaError: the challenger is the champion, or there is no label, time or id to compare by.
            SliceError: a slice doesn't parse.
        """
        given = {"kind": kind, "share": share, "margin": margin, "slices": slices, "now": now}
        return trials.start(cast("Model", self), challenger, **given)  # type: ignore[arg-type]

    def trials(self) -> list[trials.Trial]:
        """Its trials, latest first."""
        return trials.trials(cast("Model", self))
