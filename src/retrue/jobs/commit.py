"""The commit process: moves acknowledged rows to the lake and the profiles. `python -m retrue.jobs.commit FOLDER`.

It looks at a number that changes with every write to the spool, runs one cycle for each model that has rows waiting, in
turn, and rests three times as long as that took, so that a busy service keeps its processors for answering. A model
whose cycle fails waits a little longer each time, and keeps nobody else from going on. SIGTERM lets it finish what
waits.
"""

from __future__ import annotations

import argparse
import logging
import signal
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from retrue.adapters import logs, otel
from retrue.errors import LASTING, RetrueError, StoreError
from retrue.jobs.ending import until_told
from retrue.jobs.journal import kept
from retrue.workspace import Workspace
from retrue.workspace import open as open_workspace

POLL = 0.1
"""Seconds from one look at the spool to the next."""
REST = 1.0
"""The longest rest after a round, in seconds; none where more than `MUCH` rows wait."""
RESTING = 3.0
"""How many times as long as a round took the rest after it is: larger rounds cost less a row."""
AFAR = 10.0
"""The rest after a round where the lake is at a URL: a cycle asks the object store some 36 times, and is paid for."""
MUCH = 250_000
PATIENCE = 30.0
"""The longest that a model whose cycle failed waits for the next try, in seconds."""
SECONDS = (0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0)
"""Buckets of how long cycles take."""
DRAIN = 10.0
"""Seconds that what waits has to be applied after SIGTERM."""

logger = logging.getLogger("retrue.commit")


@dataclass
class Trouble:
    """A model whose cycle failed: since how many tries, when the next one is, and what was said."""

    tries: int = 0
    again: float = 0.0
    said: str = ""


@dataclass(eq=False)
class Committer:
    """Runs commit cycles.

    Args:
        workspace: the store.
        telemetry: traces each cycle, and counts how long it took.
    """

    workspace: Workspace
    telemetry: otel.Telemetry | None = None
    troubles: dict[str, Trouble] = field(default_factory=dict)

    def __post_init__(self) -> None:
        """Make what measures."""
        self.measured = None
        if self.telemetry is not None:
            text = "How long a commit cycle took, by model and what became of it."
            self.measured = self.telemetry.histogram("commit_seconds", text, "s", SECONDS)

    def run(self, stop: threading.Event) -> None:
        """Run cycles until somebody says stop, then until nothing waits."""
        seen, rest = None, 0.0
        while not stop.wait(max(POLL, rest)):
            rest = 0.0
            try:
                changes = self.workspace.store.spool.changes()
                if changes != seen or self.troubles:
                    begun = time.monotonic()
                    left = self.round(stop)
                    rest = 0.0 if left > MUCH else self.rest(time.monotonic() - begun)
                    seen = None if left else changes
            except RetrueError as error:  # the spool itself: a full disk, a lock
                logger.warning("no commit for now: %s", error)
                rest = REST
        self.drain()

    def rest(self, took: float) -> float:
        """Seconds of rest after a round that took so many."""
        return AFAR if self.workspace.store.url else min(REST, RESTING * took)

    def drain(self) -> None:
        """Apply what waits, as far as there is time."""
        until, never = time.monotonic() + DRAIN, threading.Event()
        try:
            while time.monotonic() < until and self.round(never):
                pass
        except RetrueError as error:
            logger.warning("what waits is left to the next start: %s", error)

    def round(self, stop: threading.Event) -> int:
        """One cycle for each model that has rows waiting; gives how many rows wait now that could be applied."""
        for model in self.ready():
            if stop.is_set():
                break
            self.cycle(model)
        return sum(self.ready().values())

    def ready(self) -> dict[str, int]:
        """Rows that wait, by model, those in trouble left out until their next try."""
        now = time.monotonic()
        waiting = self.workspace.store.spool.waiting()
        return {name: rows for name, rows in waiting.items() if self.troubles.get(name, Trouble()).again <= now}

    def cycle(self, model: str) -> None:
        """Run one cycle of a model; what fails is said once, and tried again later."""
        try:
            with self.watched(model):
                self.workspace.store.cycle(model).run()
        except RetrueError as error:
            self.postpone(model, str(error))
        except Exception as error:
            logger.exception("a fault of Retrue, or of a library, in the cycle of %s", model, extra={"model": model})
            self.postpone(model, f"{type(error).__name__}: {error}")
        else:
            if self.troubles.pop(model, None) is not None:
                logger.info("%s: its rows are taken in again", model, extra={"model": model})

    @contextmanager
    def watched(self, model: str) -> Iterator[None]:
        """Trace and time a cycle, where somebody receives that."""
        if self.telemetry is None or self.measured is None:
            yield
            return
        begun, status = time.monotonic(), "failed"
        try:
            with self.telemetry.span("commit", model=model):
                yield
            status = "done"
        finally:
            self.measured.record(time.monotonic() - begun, {"model": model, "status": status})

    def postpone(self, model: str, said: str) -> None:
        """Note that a cycle failed, and when it is tried again."""
        trouble = self.troubles.setdefault(model, Trouble())
        pause = min(PATIENCE, 0.5 * 2**trouble.tries)
        if said != trouble.said:
            logger.warning("%s: its rows wait (%s); tried again in %g s", model, said, pause, extra={"model": model})
        trouble.tries, trouble.again, trouble.said = trouble.tries + 1, time.monotonic() + pause, said


def serve(folder: str | Path) -> None:
    """Commit what comes into the store in a folder until SIGTERM or SIGINT."""
    with (
        until_told(signal.SIGTERM, signal.SIGINT) as stop,
        open_workspace(folder) as workspace,
        kept(workspace.store.catalog, "commit"),
        otel.sending("commit") as telemetry,
    ):
        Committer(workspace, telemetry).run(stop)


def main(arguments: list[str] | None = None) -> int:
    """Commit until SIGTERM; gives the exit status."""
    parser = argparse.ArgumentParser(prog="python -m retrue.jobs.commit", description="Commit what waits in a store.")
    parser.add_argument("folder", help="the store")
    given = parser.parse_args(arguments)
    logs.configure("commit")
    try:
        serve(given.folder)
    except RetrueError as error:
        sys.stderr.write(f"error: {error}\n")
        passes = isinstance(error, StoreError) and not isinstance(error, LASTING)
        return 1 if passes else 2  # the store may be back soon: started again, not given up
    return 0


if __name__ == "__main__":
    sys.exit(main())
