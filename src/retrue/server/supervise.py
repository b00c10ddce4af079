"""`retrue serve`: a small process that starts the others, starts them again when they die, and ends them in order.

    serve ──┬── web       answers        (the socket is ours: while web starts again, requests wait in it)
            ├── commit    applies        ended after web, so that it takes in what web acknowledged last
            └── jobs      checks, tells

The children know nothing of each other: they meet in the store. If this process dies, so do they.

`python -m retrue.server.supervise FOLDER SOCKET SETTINGS PART ...` keeps some of them running, as the demo does, whose
clock isn't ours.
"""

from __future__ import annotations

import logging
import os
import select
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from retrue.server.become import NICENESS

logger = logging.getLogger("retrue.serve")

LONGEST = 30.0
"""The longest pause before a child that keeps dying is started again, in seconds."""
SOUND = 10.0
"""Seconds after which a child counts as having started well."""
DRAIN = 25.0
"""Seconds that children have to end after SIGTERM, before they are killed."""
WRONG_USE = 2
"""Exit status of a child that can't serve this store at all."""
FINDING = 120.0
"""Seconds within which it finds that out, on a machine that has a lot else to do."""
HEAD_START = 2.0
"""Seconds that the part that answers has a processor to itself while it loads: nothing waits for the others yet."""
BECOME = Path(__file__).with_name("become.py")
"""What starts each child."""


@dataclass(frozen=True)
class Part:
    """A part of the service.

    Attributes:
        name: what the log calls it.
        command: what starts it.
        files: numbers of open files that it is given.
        first: whether it is ended before the others, and never gives way to them.
    """

    name: str
    command: Sequence[str]
    files: tuple[int, ...] = ()
    first: bool = False


def parts(folder: str, settings: str, socket: int) -> tuple[Part, ...]:
    """What the service consists of.

    Args:
        folder: the store.
        settings: `ServerSettings` as JSON.
        socket: the number of the socket to answer on.
    """
    python = (sys.executable, "-m")
    return (
        Part("web", (*python, "retrue.server.web", folder, str(socket), settings), (socket,), first=True),
        Part("commit", (*python, "retrue.jobs.commit", folder)),
        Part("jobs", (*python, "retrue.jobs", folder)),
    )


@dataclass(eq=False)
class Child:
    """A part while it runs, or until it runs again."""

    part: Part
    process: subprocess.Popen[bytes] | None = None
    started: float = 0.0
    due: float = 0.0
    pause: float = 0.0
    starts: int = 0

    def start(self) -> None:
        """Start it."""
        self.started, self.starts = time.monotonic(), self.starts + 1
        # A session of its own: Ctrl-C at the terminal is for the supervisor, which ends all in order.
        self.process = subprocess.Popen(  # noqa: S603 - our own modules
            [*becoming(self.part), *self.part.command], pass_fds=self.part.files, start_new_session=True
        )

    def ended(self) -> int | None:
        """Its exit status; None while it runs, or isn't started."""
        return None if self.process is None else self.process.poll()

    def postpone(self, now: float) -> float:
        """Decide when it is started again, later each time where it dies soon; gives the seconds until then."""
        lasted = now - self.started
        self.pause = 0.1 if lasted >= SOUND else min(LONGEST, max(0.1, 2 * self.pause))
        self.process, self.due = None, now + self.pause
        return self.pause

    def tell(self, number: int) -> None:
        """Send it a signal."""
        if self.process is not None and self.process.poll() is None:
            self.process.send_signal(number)

    def wait(self, until: float) -> None:
        """Wait until it has ended; one that takes too long is killed: nothing is lost by that."""
        if self.process is None:
            return
        try:
            self.process.wait(max(0.0, until - time.monotonic()))
        except subprocess.TimeoutExpired:
            logger.warning("%s doesn't end: killed", self.part.name)
            self.process.kill()
            self.process.wait()


def becoming(part: Part) -> tuple[str, ...]:
    """What a child does before it becomes its part: it dies with its parent, and gives way to what answers."""
    niceness = 0 if part.first else NICENESS
    return (sys.executable, "-I", "-S", str(BECOME), str(os.getpid()), str(niceness))


@dataclass(eq=False)
class Supervisor:
    """Keeps the parts of the service running.

    Args:
        parts: what it consists of.
        died: is told of each part that died, and of how; it must not wait.
    """

    parts: Sequence[Part]
    died: Callable[[str, str], None] = lambda _part, _said: None
    children: list[Child] = field(default_factory=list)
    stopping: bool = False

    def run(self) -> int:
        """Run until SIGTERM or SIGINT; gives the exit status."""
        rest = time.monotonic() + (HEAD_START if any(part.first for part in self.parts) else 0.0)
        self.children = [Child(part, due=0.0 if part.first else rest) for part in self.parts]
        with self._hearing() as heard:
            try:
                return self._watch(heard)
            finally:
                self._end()

    @contextmanager
    def _hearing(self) -> Iterator[int]:
        """Hear signals through a pipe, whose end this gives: whoever waits for it wakes, and no lock is taken.

        What started us may have blocked them for us.
        """
        reader, writer = os.pipe()
        os.set_blocking(reader, False)
        os.set_blocking(writer, False)
        handlers = {signal.SIGTERM: self._stop, signal.SIGINT: self._stop, signal.SIGCHLD: lambda *_: None}
        before = {number: signal.signal(number, handler) for number, handler in handlers.items()}
        woken = signal.set_wakeup_fd(writer, warn_on_full_buffer=False)  # full of news is news enough
        blocked = signal.pthread_sigmask(signal.SIG_UNBLOCK, handlers)
        try:
            yield reader
        finally:
            signal.pthread_sigmask(signal.SIG_SETMASK, blocked)
            signal.set_wakeup_fd(woken)
            for number, handler in before.items():
                signal.signal(number, handler)
            os.close(reader)
            os.close(writer)

    def _stop(self, *_: object) -> None:
        self.stopping = True

    def _watch(self, heard: int) -> int:
        while not self.stopping:
            now = time.monotonic()
            for child in self.children:
                status = child.ended()
                if status is not None and hopeless(child, status, now):
                    return WRONG_USE  # it has said why
                if status is not None:
                    pause = child.postpone(now)
                    said = f"{child.part.name} ended ({how(status)}), starts again in {pause:.1f} s"
                    logger.warning("%s", said)
                    self.died(child.part.name, said)
                if child.process is None and child.due <= now:
                    child.start()
            waits = [child.due - time.monotonic() for child in self.children if child.process is None]
            if select.select([heard], [], [], max(0.0, min(waits, default=3600.0)))[0]:
                os.read(heard, select.PIPE_BUF)  # before we look: what comes from now on wakes us again
        return 0

    def _end(self) -> None:
        """End the children: first those that answer, then those that work on what was acknowledged."""
        until = time.monotonic() + DRAIN
        for first in (True, False):
            chosen = [child for child in self.children if child.part.first == first]
            for child in chosen:
                child.tell(signal.SIGTERM)
            for child in chosen:
                child.wait(until)


def hopeless(child: Child, status: int, now: float) -> bool:
    """Whether a child couldn't even start, and won't another time."""
    return status == WRONG_USE and child.starts == 1 and now - child.started < FINDING


def how(status: int) -> str:
    """How a process ended, in words.

    >>> how(1), how(-9)
    ('exit status 1', 'SIGKILL')
    """
    return f"exit status {status}" if status >= 0 else signal.Signals(-status).name


def main(arguments: Sequence[str]) -> int:
    """Keep the named parts of the service running; gives the exit status."""
    from retrue.adapters import logs
    from retrue.server.deaths import Deaths

    folder, number, settings, *names = arguments
    logs.configure("serve")
    chosen = [part for part in parts(folder, settings, int(number)) if part.name in names]
    return Supervisor(chosen, Deaths(folder)).run()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
