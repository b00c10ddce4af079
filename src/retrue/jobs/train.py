"""`train`: train the runs that wait for a service, one of a model at a time, under a lease.

The code is what `retrue.toml` names under `[trainers]`, on this side: nobody sends any. A server that dies over a
training leaves its run to the next one, which goes on where it was cut off.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

from retrue.errors import TrainingError
from retrue.jobs.registry import Kind, Task, register
from retrue.store import rows
from retrue.workspace.train.trainers import train_next, waiting

if TYPE_CHECKING:
    from retrue.workspace import Workspace

LIMIT = 7 * 86_400.0
"""Seconds after which a training counts as hanging, whatever its trainer's own limit."""


@dataclass(frozen=True)
class Trainings:
    """Says which models have a run that waits."""

    workspace: Workspace

    def due(self, now: datetime) -> Iterable[str | None]:  # noqa: ARG002 - what waits is due
        """The models with such a run."""
        with self.workspace.store.catalog.read() as tx:
            found = [row for status in ("queued", "training") for row in tx.find(rows.RunRow, status=status)]
        names = {row.model for row in found if "job" in row.body}
        return [name for name in sorted(names) if waiting(self.workspace.model(name)) is not None]

    def still(self, model: str | None, now: datetime) -> bool:
        """Whether a model has one."""
        return model in self.due(now)


def train(task: Task) -> str:
    """Train one run; one that fails says so itself, and the job has done its work."""
    model = task.workspace.model(str(task.model))
    longest = waiting(model)
    if longest is not None:
        task.body.update(run=longest.id, version=longest.body["champion"])
    try:
        run = train_next(model)
    except TrainingError as error:
        task.body["failed"] = True
        return str(error)
    return f"run {run.id} is trained: retrue prove {model.name} {run.id}"


register(
    Kind("train", "Train the runs that wait for a registered trainer.", train, Trainings, pool="training", limit=LIMIT)
)
