"""`decide`: after each check, weigh whether retraining pays; `trials`: judge trials as labels mature, stopped ones too.

Only models that have a policy are weighed. Where the policy names a registered trainer, small fits of it are made
first, each in a process of its own; where it lets it start by itself, a run is queued, which the job `train` trains.
The answer is kept.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

from sqlalchemy import select

from retrue.errors import RetrueError
from retrue.jobs.registry import HOUR, Kind, Task, register
from retrue.store import rows
from retrue.store.tables import models
from retrue.workspace import clock
from retrue.workspace.decide.trials import waits
from retrue.workspace.train.maturity import NEWEST
from retrue.workspace.train.trainers import queue

if TYPE_CHECKING:
    from retrue.workspace import Workspace

SHARE = 9
"""A model is weighed a tenth of the time at most: small fits take seconds, and checks may come each second."""


@dataclass
class Decisions:
    """Says which models were checked since somebody last weighed whether to retrain them."""

    workspace: Workspace

    def due(self, now: datetime) -> Iterable[str | None]:  # noqa: ARG002 - checks say when, not the clock
        """Models with a policy of their own whose last check is newer than the last look."""
        return self.weighed()

    def still(self, model: str | None, now: datetime) -> bool:  # noqa: ARG002 - as in `due`
        """The same of one model, looked at anew."""
        return model in self.weighed(str(model))

    def weighed(self, *only: str) -> list[str]:
        """These models; all unless named. Their settings say who has a policy: a thousand aren't read whole for it."""
        asked = select(models.c.name, models.c.settings)
        with self.workspace.store.catalog.read() as tx:
            found = tx.connection.execute(asked.where(models.c.name.in_(only)) if only else asked).all()
        return [name for name, settings in found if settings.get("retraining") and self.newer(name)]

    def newer(self, model: str) -> bool:
        """Whether a model was checked since it was last looked at."""
        with self.workspace.store.catalog.read() as tx:
            checked = tx.newest(rows.Job, "updated", kind="check", model=model, status="done")
            looked = tx.newest(rows.Job, "due", kind="decide", model=model)
        return checked is not None and (looked is None or looked < checked)


@dataclass
class Trials:
    """Says which models have trials that nobody has judged for an hour."""

    workspace: Workspace

    def due(self, now: datetime) -> Iterable[str | None]:
        """Models with a trial that later labels may tell more of, once an hour."""
        with self.workspace.store.catalog.read() as tx:
            models = sorted({row.model for row in tx.find(rows.Trial) if waits(row)})
            last = {model: tx.newest(rows.Job, "due", kind="trials", model=model) for model in models}
        return [
            model for model, at in last.items() if at is None or not 0 <= clock.micros(now) - at < HOUR * clock.MICROS
        ]

    def still(self, model: str | None, now: datetime) -> bool:
        """The same, looked at anew."""
        return model in self.due(now)


def decide(task: Task) -> str:
    """Weigh whether to retrain a model."""
    model = task.workspace.model(str(task.model))
    task.body["version"] = model.version
    trainer = model.options.policy.trainer
    start = None if trainer is None else lambda mix: queue(model, trainer, mix, holdout=NEWEST, now=task.now)
    found = model.decide(task.now, start=start)
    task.body["answer"] = found.answer.answer
    if found.run is not None:
        task.body["run"] = found.run
    return str(found)


def judge(task: Task) -> str:
    """Judge a model's trials that later labels may tell more of; one that can't be judged doesn't hold up the others.

    Raises:
        RetrueError: of the last trial that couldn't be judged.
    """
    said, trouble = list[str](), None
    for trial in task.workspace.model(str(task.model)).trials():
        if trial.waits:
            try:
                said.append(f"{trial.id}: {trial.update(task.now).advice}")
            except RetrueError as error:
                trouble = error
    if trouble is not None:
        raise trouble
    return "; ".join(said) or "no trial waits for labels"


register(
    Kind("decide", "Weigh whether retraining pays.", decide, Decisions, pool="training", rest=lambda took: SHARE * took)
)
register(Kind("trials", "Judge trials as labels mature.", judge, Trials))
