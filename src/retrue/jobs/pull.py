"""`pull-events`, `pull-labels`, `pull-feedback`: take what is new in the sources of a model, as often as each says.

Each is a job of its own, with its own failures: labels that are away keep no events back. What `[models.NAME.sources]`
of retrue.toml says holds for models that are registered; a description that isn't understood fails the job in words.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from functools import partial
from typing import TYPE_CHECKING, Any

from sqlalchemy import func, select

from retrue.errors import RetrueError
from retrue.jobs.registry import Kind, Task, register
from retrue.sources import source_of
from retrue.store import rows, tables
from retrue.store.intake import KINDS
from retrue.workspace import clock
from retrue.workspace.pulling import adopt, described_by, pull, sources_of, told_by_file

if TYPE_CHECKING:
    from retrue.workspace import Workspace

LOOK = 5.0
"""Seconds until it is looked for descriptions again."""
PASS = 60.0
"""Seconds after which a run stops behind the chunk that it is at: others wait for its thread."""
LIMIT = 900.0
"""Seconds after which a source that doesn't answer is given up until the next attempt."""


@dataclass
class Sources:
    """Says whose sources are to be looked at."""

    workspace: Workspace
    kind: str
    looked: float = float("-inf")
    every: dict[str, float] = field(default_factory=dict)

    def due(self, now: datetime) -> Iterable[str | None]:
        """The models whose source wasn't looked at for as long as it says."""
        if not 0 <= now.timestamp() - self.looked < LOOK:
            self.looked, self.every = now.timestamp(), dict(self.look())
        if not self.every:
            return []
        jobs = tables.jobs.c
        latest = select(jobs.model, func.max(jobs.due)).where(jobs.kind == name_of(self.kind)).group_by(jobs.model)
        with self.workspace.store.catalog.read() as tx:
            last = {str(model): int(due) for model, due in tx.connection.execute(latest)}
        at = clock.micros(now)
        waits = {model: every for model, every in self.every.items() if 0 <= at - last.get(model, 0) < every * 1e6}
        return [model for model in self.every if model not in waits]

    def still(self, model: str | None, now: datetime) -> bool:
        """Whether a model's source is to be looked at, looked at anew."""
        self.looked = float("-inf")
        return model in self.due(now)

    def look(self) -> Iterable[tuple[str, float]]:
        """Models with a source that is the service's to read, each with how often to look at it.

        One question for all: most of a thousand models have no source, and each would be asked every few seconds.
        """
        store = self.workspace.store
        with store.catalog.read() as tx:
            names = set(tx.connection.execute(select(tables.models.c.name)).scalars())
        found = {name: often(body) for name, body in described_by(store, self.kind).items() if name in names}
        try:
            of_file = told_by_file() & names
        except RetrueError:  # the job says what isn't understood
            of_file, found = set(), dict.fromkeys(names, 0.0)
        for name in of_file:
            found[name] = self.adopted(name)
        return [(name, every) for name, every in sorted(found.items()) if every is not None]

    def adopted(self, name: str) -> float | None:
        """How often to look at the source of a model that the file names, as `often` gives it."""
        model = self.workspace.model(name)
        try:
            adopt(model)
        except RetrueError:
            return 0.0
        return often(described_by(model.store, self.kind).get(name, {}))


def often(body: Mapping[str, Any]) -> float | None:
    """Seconds after which a source is looked at again, by what describes it; None where it isn't the service's to read.

    What isn't understood is looked at, at once: the job says why.
    """
    try:
        source = source_of(body) if body else None
    except RetrueError:
        return 0.0
    return None if source is None or source.shared else source.every.total_seconds()


def run(kind: str, task: Task) -> str:
    """Take what is new in a model's source.

    Raises:
        RetrueError: it is away, changed, or can't be read; it is tried again.
    """
    model = task.workspace.model(str(task.model))
    adopt(model)
    source = sources_of(model.store, model.name).get(kind)
    if source is None:
        return f"no source of {kind} any more"
    begun = clock.now()
    got = pull(model, kind, source, enough=lambda: (clock.now() - begun).total_seconds() > PASS)
    task.body["version"], task.body["rows"] = model.version, got.accepted
    if not got.accepted and not got.quarantined:
        forget_idle(task, kind)
        return "nothing new"
    aside = f", {got.quarantined:,} set aside" if got.quarantined else ""
    return "; ".join([f"{got.accepted:,} {kind} taken{aside}", *got.changes])


def forget_idle(task: Task, kind: str) -> None:
    """Forget the run before, where that found nothing either: lists of jobs stay readable."""
    jobs = tables.jobs.c
    own = [jobs.kind == name_of(kind), jobs.model == task.model, jobs.status == "done"]
    with task.workspace.store.catalog.write() as tx:
        last = tx.connection.execute(
            select(jobs.id, jobs.body).where(*own).order_by(jobs.due.desc(), jobs.id).limit(1)
        ).first()
        if last is not None and last[1].get("message") == "nothing new":
            tx.remove(rows.Job, id=last[0])


def name_of(kind: str) -> str:
    """What the job is called.

    >>> name_of("labels")
    'pull-labels'
    """
    return f"pull-{kind}"


def kind_of(name: str) -> str | None:
    """What a job of a name pulls; None: it is no pull.

    >>> kind_of("pull-labels"), kind_of("check")
    ('labels', None)
    """
    return next((kind for kind in KINDS if name_of(kind) == name), None)


for kind_ in KINDS:
    register(
        Kind(
            name_of(kind_),
            f"Take new {kind_} from where a model's source says.",
            partial(run, kind_),
            partial(Sources, kind=kind_),
            pool="outside",
            limit=LIMIT,
        )
    )
