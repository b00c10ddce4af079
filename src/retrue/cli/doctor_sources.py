"""Whether the sources of models can be opened: each is asked for its columns, at the same time, and none for long."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from queue import Empty, SimpleQueue
from time import monotonic
from typing import TYPE_CHECKING

from retrue.config import FILE, Config, find
from retrue.errors import RetrueError

if TYPE_CHECKING:
    from retrue.sources import Source
    from retrue.workspace import Workspace

SECONDS = 10.0
"""How long a source may take to open."""
TOGETHER = 16
"""Sources that are opened at a time."""


@dataclass
class Probe:
    """A source that is opened.

    Attributes:
        where: whose it is, and of what.
        source: it.
        done: whether it answered, or failed.
        problem: why it can't be read; None: it can.
    """

    where: str
    source: Source
    done: threading.Event = field(default_factory=threading.Event)
    problem: str | None = None


def sources_ailments(config: Config, workspace: Workspace | None) -> Iterator[str]:
    """What keeps sources from being read; nothing is taken from them, and nothing is written."""
    probes, problems = list[Probe](), list[str]()
    for where, found in described(config, workspace):
        if isinstance(found, RetrueError):
            problems.append(f"{where}: {found}")
        else:
            probes.append(Probe(where, found))
    yield from problems
    open_all(probes)
    for probe in probes:
        if not probe.done.is_set():
            yield f"{probe.where}: no answer within {SECONDS:g} seconds. Hint: is it up, and reached from this machine?"
        elif probe.problem is not None:
            yield f"{probe.where}: {probe.problem}"


def described(config: Config, workspace: Workspace | None) -> Iterator[tuple[str, Source | RetrueError]]:
    """The sources of all models, as retrue.toml describes them, else the store; or why one isn't understood."""
    from retrue.sources import source_of
    from retrue.workspace.pulling import checked, sources_of

    folder = (find() or Path.cwd() / FILE).parent
    kept = {} if workspace is None else {one.name: sources_of(one.store, one.name) for one in workspace.models()}
    for model in dict.fromkeys([*kept, *config.models]):
        said = (config.models[model].sources or {}) if model in config.models else {}
        for kind, text in said.items():
            where = f"[models.{model}.sources.{kind}] of {FILE}"
            try:
                checked({kind: text}, f"models.{model}.sources")
                yield where, source_of(text, where).beside(folder)
            except RetrueError as error:
                yield where, error
        for kind, source in kept.get(model, {}).items():
            if kind not in said:
                yield f"model {model}: the source of {kind}", source


def open_all(probes: list[Probe]) -> None:
    """Open sources, several at a time; threads that hang are left behind, and end with the command."""
    waiting = SimpleQueue[Probe]()
    for probe in probes:
        waiting.put(probe)
    for _ in range(min(TOGETHER, len(probes))):
        threading.Thread(target=open_each, args=(waiting,), daemon=True).start()
    until = monotonic() + SECONDS * (1 + (len(probes) - 1) // TOGETHER)
    for probe in probes:
        probe.done.wait(max(0.0, until - monotonic()))


def open_each(waiting: SimpleQueue[Probe]) -> None:
    """Open one source after another, until none waits."""
    while True:
        try:
            probe = waiting.get_nowait()
        except Empty:
            return
        probe.problem = trouble(probe.source)
        probe.done.set()


def trouble(source: Source) -> str | None:
    """Why a source can't be read on, with the fix; no value of the environment is said."""
    usual = ". Hint: correct the description, or let the service reach it: its machine, its user, its environment"
    try:
        source.reach(SECONDS / 2)
    except RetrueError as error:
        said = f"{error}{'' if error.hint else usual}"
    except Exception as error:  # noqa: BLE001 - whatever a library of a source says, the others are opened, too
        said = f"{type(error).__name__}: {str(error).partition(chr(10))[0]}{usual}"
    else:
        return None
    return source.unsaid(said)
