"""The kinds of jobs: each registers itself, in a file of its own, with its name, when it is due, and what it does.

def prune(task: Task) -> str: ...            # what is told of the run

register(Kind("prune", "Forget old jobs and log lines.", prune, every(HOUR)))
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from datetime import datetime
from importlib import import_module
from typing import TYPE_CHECKING, Literal, Protocol

from retrue.errors import ConfigError
from retrue.store import rows
from retrue.workspace import clock

if TYPE_CHECKING:
    from retrue.workspace import Workspace

HOUR = 3_600.0
LIMIT = 6 * HOUR
"""Seconds that a run may take, unless its kind says otherwise."""
FIRST_RETRY, LAST_RETRY = 10.0, 3_600.0
"""Seconds until a job that failed is tried again, the first time and at most: each time twice as long."""


@dataclass(frozen=True)
class Task:
    """One run of a job.

    Attributes:
        workspace: the store.
        model: the model that it is about; None: all.
        now: when it began.
        body: facts to be kept with the run.
    """

    workspace: Workspace
    model: str | None
    now: datetime
    body: dict[str, object] = field(default_factory=dict)


class Watch(Protocol):
    """Says when jobs of a kind are due, for one store. It may remember what it saw."""

    def due(self, now: datetime) -> Iterable[str | None]:
        """The models that a job is due for (None: one job for all). Asked once a second, so it must be quick."""
        ...

    def still(self, model: str | None, now: datetime) -> bool:
        """Whether a job is due, looked at anew: another server may have done it meanwhile."""
        ...


Pool = Literal["heavy", "light", "training", "outside"]
"""Threads of their own for jobs that take much, for those that take little, for those that run somebody's `fit` (one
that hangs keeps no check waiting), and for those that wait for other people's machines."""


@dataclass(frozen=True)
class Kind:
    """A kind of job.

    Args:
        name: what it is called.
        says: what it does, in a sentence.
        run: does it, and says in a few words what came of it.
        watch: makes what says when it is due, for a store.
        pool: the threads that it runs in, see `Pool`.
        rest: seconds to leave it alone after a run that took so many.
        limit: seconds after which a run counts as hanging: it is recorded as failed, and its lease is given back.
    """

    name: str
    says: str
    run: Callable[[Task], str]
    watch: Callable[[Workspace], Watch]
    pool: Pool = "heavy"
    rest: Callable[[float], float] = lambda _: 0.0
    limit: float = LIMIT

    def ready(self, last: rows.Job | None, now: datetime) -> bool:
        """Whether it may run again after its last run: not while it rests, nor soon after it failed."""
        if last is None or last.status == "running":
            return True
        since = (clock.micros(now) - last.updated) / clock.MICROS
        took, failures = float(last.body.get("seconds", 0)), int(last.body.get("failures", 0))
        wait = self.rest(took) if not failures else min(FIRST_RETRY * 2.0 ** (failures - 1), LAST_RETRY)
        return not 0 <= since < wait  # a time to come: the clock was set back


KINDS: dict[str, Kind] = {}
"""All kinds by name."""
ROOMS = ("check", "collect", "decide", "mlflow", "notify", "prune", "pull", "train", "upkeep", "verify")
"""The modules that register kinds."""


def register(kind: Kind) -> Kind:
    """Add a kind.

    Raises:
        ConfigError: there is one of that name.
    """
    if kind.name in KINDS:
        raise ConfigError(f"there is a job {kind.name!r} already", where="jobs")
    KINDS[kind.name] = kind
    return kind


def kinds() -> tuple[Kind, ...]:
    """All kinds, by name."""
    for room in ROOMS:
        import_module(f"retrue.jobs.{room}")
    return tuple(KINDS[name] for name in sorted(KINDS))


@dataclass(frozen=True)
class Every:
    """Due once in so many seconds, over all servers: counted from the last run that is recorded.

    Args:
        workspace: the store.
        name: of the kind.
        seconds: from one run to the next.
    """

    workspace: Workspace
    name: str
    seconds: float

    def due(self, now: datetime) -> Iterable[str | None]:
        """One job for all models, or none."""
        with self.workspace.store.catalog.read() as tx:
            last = tx.newest(rows.Job, "due", kind=self.name)
        since = None if last is None else (clock.micros(now) - last) / clock.MICROS
        return [None] if since is None or not 0 <= since < self.seconds else []  # below 0: the clock was set back

    def still(self, model: str | None, now: datetime) -> bool:
        """Whether it is due."""
        return model in self.due(now)


def every(seconds: float, name: str) -> Callable[[Workspace], Watch]:
    """Due once in so many seconds."""
    return lambda workspace: Every(workspace, name, seconds)
