"""Registered trainers: what `retrue.toml` names under `[trainers]`, and runs that wait for a service to train them.

[trainers.nightly]
fit = "ourmodels.delays:learner"      # MODULE:NAME, on the service's side
seconds = 1800
memory = 4_000_000_000                # bytes
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

from retrue.config import Config, TrainerSettings, load
from retrue.errors import ConfigError, StoreError, nearest
from retrue.refine.promote import Gate
from retrue.refine.train.trainer import Trainer
from retrue.store import rows
from retrue.workspace import clock
from retrue.workspace.stored import StoredModel
from retrue.workspace.train.fitting import fit_run, kept
from retrue.workspace.train.runs import StoredRun
from retrue.workspace.train.standing import free

if TYPE_CHECKING:
    from datetime import datetime

    from retrue.refine.mix import Mix


def settings_of(name: str, config: Config | None = None) -> TrainerSettings:
    """What `retrue.toml` says of a trainer; its code isn't imported.

    Raises:
        ConfigError: there is none of that name.
    """
    known = (config or load()).trainers
    if name not in known:
        expected = ", ".join(sorted(known)) or "[trainers.NAME] in retrue.toml"
        raise ConfigError(f"no trainer {name!r}", expected=expected, hint=nearest(name, known))
    return known[name]


def registered(name: str, config: Config | None = None) -> Trainer:
    """A trainer that `retrue.toml` names.

    Raises:
        ConfigError: there is none of that name, or it can't be imported.
    """
    said = settings_of(name, config)
    module, _, attribute = said.fit.rpartition(":")
    try:
        fit = getattr(import_module(module), attribute)
    except Exception as error:  # somebody's module: whatever is raised as it is imported
        where = f"[trainers.{name}]"
        raise ConfigError(f"{said.fit!r} can't be imported: {error}", where=where, expected="MODULE:NAME") from error
    return Trainer(Trainer.of(fit).fit, said.seconds, said.memory)


def queue(
    model: StoredModel, name: str, mix: Mix, *, holdout: str | float = 0.25, seed: int = 0, now: datetime | None = None,
    config: Config | None = None,
) -> StoredRun:  # fmt: skip
    """Choose the rows for a registered trainer now, and leave the training to a service (`retrue serve`).

    Raises:
        ConfigError: there is no such trainer.
        RefusedError: as `retrain` refuses.
    """
    from retrue.workspace.train.retraining import queued

    model.store.refuse_read_only()
    trainer, at = registered(name, config), clock.aware(now or clock.now())
    run = queued(model, trainer, mix, holdout=holdout, seed=seed, gate=Gate(), at=at)
    return kept(run, "queued", job={"trainer": name})


def waiting(model: StoredModel) -> StoredRun | None:
    """The run that has waited longest for a service: queued, or cut off with the service that trained it."""
    with model.store.catalog.read() as tx:
        found = [
            row for state in ("queued", "training") for row in tx.find(rows.RunRow, model=model.name, status=state)
        ]
    for row in sorted(found, key=lambda row: row.created):
        run = StoredRun.find(model, row.id)
        if "job" not in row.body:
            continue
        if not run.folder.is_dir():
            kept(run, "failed", error=f"its folder is gone: {run.folder}")  # nothing to train on, now or later
        elif free(run.folder):
            return run
    return None


def train_next(model: StoredModel, config: Config | None = None) -> StoredRun:
    """Train the run that has waited longest.

    Raises:
        StoreError: none waits.
        TrainingError: it failed.
        ConfigError: its trainer isn't there any more; the run has failed.
    """
    run = waiting(model)
    if run is None:
        raise StoreError("no run waits", where=f"model {model.name!r}")
    try:
        trainer = registered(str(run.body["job"]["trainer"]), config)
    except ConfigError as error:
        kept(run, "failed", error=str(error))
        raise
    return fit_run(run, trainer)
