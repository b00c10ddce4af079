"""`mlflow`: tell MLflow of promotions and ways back that it has yet to be told of; while it is down, again and again.

What is to be told stands in the run (`retrue.workspace.promote.registry`); a job that dies leaves it there.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING

from retrue.errors import RetrueError
from retrue.jobs.registry import HOUR, Kind, Task, register
from retrue.store import rows
from retrue.workspace.promote.registry import WAITING, follow, target_of, waiting

if TYPE_CHECKING:
    from retrue.workspace import Workspace

LOOK = 5.0
"""Seconds until the runs are looked through again."""


@dataclass
class Untold:
    """Says which models have something to tell; how soon it is tried again is the runner's, as of all jobs."""

    workspace: Workspace
    looked: float = float("-inf")
    found: list[str] = field(default_factory=list)

    def due(self, now: datetime) -> Iterable[str | None]:
        """The models with something to tell."""
        if not 0 <= now.timestamp() - self.looked < LOOK:
            self.looked, self.found = now.timestamp(), sorted(self.look())
        return list(self.found)

    def look(self) -> set[str]:
        """Look through the promoted runs."""
        with self.workspace.store.catalog.read() as tx:
            promoted = tx.find(rows.RunRow, status="promoted")
        ready = {row.model for row in promoted if row.body.get("registry", {}).get("state") == WAITING}
        return {model for model in ready if target_of(model) is not None}

    def still(self, model: str | None, now: datetime) -> bool:
        """Whether a model has something to tell, looked at anew."""
        self.looked = float("-inf")
        return model in self.due(now)


def tell(task: Task) -> str:
    """Tell MLflow what it has yet to be told of one model.

    Raises:
        RetrueError: it can't be reached; it is tried again.
    """
    model = task.workspace.model(str(task.model))
    done = follow(model)
    left = waiting(model)
    if left:
        why = left[0].body["registry"].get("error") or "another process is at it"
        raise RetrueError(f"not yet in MLflow: {why}")
    return f"{len(done):,} run{'' if len(done) == 1 else 's'} told"


register(Kind("mlflow", "Tell MLflow which version is the champion.", tell, Untold, pool="outside", limit=HOUR))
