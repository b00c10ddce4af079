"""`verify`: replay logged inputs through a version's trained model where somebody asked a service for it.

The trained model is loaded in a process of its own: whatever its code does, the jobs go on.
"""

from __future__ import annotations

import logging
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

from retrue.errors import RetrueError
from retrue.jobs.apart import apart
from retrue.jobs.journal import about
from retrue.jobs.registry import HOUR, Kind, Task, register
from retrue.workspace.prove import asking
from retrue.workspace.stored import run_of

if TYPE_CHECKING:
    from retrue.workspace import Model, Workspace

logger = logging.getLogger("retrue.jobs.verify")


@dataclass(frozen=True)
class Verifications:
    """Says of which models a version waits to be verified."""

    workspace: Workspace

    def due(self, now: datetime) -> Iterable[str | None]:  # noqa: ARG002 - what waits is due
        """These models."""
        return sorted({model for model, _ in asking.waiting(self.workspace.store.catalog)})

    def still(self, model: str | None, now: datetime) -> bool:
        """Whether a model is among them."""
        return model in self.due(now)


def verify(task: Task) -> str:
    """Answer what was asked of a model's versions; one that can't be replayed says why."""
    model = task.workspace.model(str(task.model))
    wanted = [version for name, version in asking.waiting(model.store.catalog) if name == model.name]
    return "; ".join(one_version(model, version) for version in wanted) or "nothing waits"


def one_version(model: Model, version: str) -> str:
    """Replay one version's inputs; gives what came of it, in words."""
    said = asking.answer(model, version) or {}
    with about({"version": version, "run": run_of(model, version)}):
        try:
            ends = {"since": said["since"], "until": said["until"]}
            found = apart("verify", model.store.folder, model.name, "jobs", patience=HOUR, version=version, **ends)
        except RetrueError as error:
            asking.settle(model, said, asking.FAILED, why=str(error))
            logger.error("version %s can't be verified: %s", version, error)  # noqa: TRY400 - it says all
            return f"version {version} can't be verified: {error}"
        asking.settle(model, said, asking.DONE, found=found)
        logger.info("version %s: %s", version, found["sentence"])
        return str(found["sentence"])


register(Kind("verify", "Replay logged inputs through trained models.", verify, Verifications))
