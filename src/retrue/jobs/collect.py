"""`collect`: take the rows that newly met the watched signals of a model, soon after they were applied."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

from sqlalchemy import select

from retrue.jobs.registry import Kind, Task, register
from retrue.store.tables import models, signals

if TYPE_CHECKING:
    from retrue.workspace import Workspace

LOOK = 10.0
"""Seconds that a model is left alone after a run, at least."""
SHARE = 10.0
"""And so many times as long as the run took: at most a tenth of the time goes into a model's signals."""


@dataclass
class News:
    """Says which models have events that no signal was held against yet.

    A signal that failed waits for the next events.
    """

    workspace: Workspace

    def due(self, now: datetime) -> Iterable[str | None]:  # noqa: ARG002 - a protocol
        """The models with news."""
        found = select(models.c.name, models.c.applied, signals.c.body).join(signals, signals.c.model == models.c.name)
        with self.workspace.store.catalog.read() as tx:
            told = tx.connection.execute(found).all()
        late = (name for name, applied, body in told if int(body.get("tried", 0)) < int(applied))
        return list(dict.fromkeys(late))

    def still(self, model: str | None, now: datetime) -> bool:
        """Whether a model has news, looked at anew."""
        return model in self.due(now)


def collect(task: Task) -> str:
    """Collect what newly met a model's signals; says how many rows came."""
    model = task.workspace.model(str(task.model))
    task.body["version"] = model.version
    gained = model.collect_new()
    task.body["rows"] = gained
    failed = [f"{one.name}: {one.error}" for one in model.watched_signals() if one.error is not None]
    told = [f"{count:+,} {'row' if abs(count) == 1 else 'rows'} of {name}" for name, count in gained.items() if count]
    return "; ".join([", ".join(told) or "no new rows", *failed])


register(
    Kind(
        "collect",
        "Collect what newly met the watched signals.",
        collect,
        News,
        rest=lambda took: max(LOOK, SHARE * took),
    )
)
