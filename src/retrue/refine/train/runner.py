"""Run a training in a process of its own, hear what it says, and end it at its limits.

A crash, a hang, an out-of-memory kill, a `sys.exit` or a kill -9 is one failed outcome with its reason.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from collections import deque
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from queue import SimpleQueue

from retrue.errors import RetrueError
from retrue.refine.train.desk import MODEL, SCORES, Desk, Report
from retrue.refine.train.memory import measurable, resident

CHILD = Path(__file__).with_name("child.py")
"""Started as a file: as a module it would come after its package, which loads NumPy before it settles how."""
TICK = 0.1
"""Seconds from one look at the process to the next."""
TAIL = 20
"""Lines of the log that a failure shows."""
LESS = "set another limit (rt.Trainer, or [trainers.NAME] of retrue.toml), or take fewer rows (most= of rt.Mix)"
LOG = "train.log"
"""The whole of what it said, in its folder."""


@dataclass(frozen=True)
class Outcome:
    """What came of a training.

    Attributes:
        error: why it failed; None where it didn't.
        report: what the process said of itself; None where it never came so far.
        seconds: it took.
        memory: bytes it held at most, as far as anybody looked; 0 where the system doesn't tell.
        tail: its last lines.
    """

    error: str | None
    report: Report | None
    seconds: float
    memory: int
    tail: tuple[str, ...]


@dataclass(eq=False)
class Training:
    """A process that trains.

    Args:
        folder: its desk.
        seconds: it may take.
        memory: bytes it may hold; None: as much as there is.
        hear: called with its lines, several at a time, in this thread.
        also: further desks, which it does after the first one, within the same limits.
    """

    folder: Path
    seconds: float
    memory: int | None = None
    hear: Callable[[list[str]], None] = lambda _: None
    also: tuple[Path, ...] = ()
    peak: int = 0
    said: SimpleQueue[str] = field(default_factory=SimpleQueue)
    tail: deque[str] = field(default_factory=lambda: deque(maxlen=TAIL))

    def run(self) -> Outcome:
        """Train, and say what came of it.

        Raises:
            RetrueError: a limit of memory where this system doesn't tell how much is held.
        """
        if self.memory is not None and not measurable():
            raise RetrueError("a limit of memory can't be kept here", hint='pip install "retrue[client]"')
        begun = time.monotonic()
        for desk in self.desks:
            desk.clear()
        with self.started() as child:
            reader = threading.Thread(target=self.read, args=(child,), daemon=True)
            reader.start()
            try:
                ended = self.watch(child, begun)
            finally:
                kill(child)
                child.wait()
                reader.join(timeout=5)
                self.listen()
        error = ended or self.verdict(child.returncode)
        report = self.desks[0].report()
        return Outcome(error, report, round(time.monotonic() - begun, 3), self.peak, tuple(self.tail))

    @property
    def desks(self) -> list[Desk]:
        """All of them, in their order."""
        return [Desk(folder) for folder in (self.folder, *self.also)]

    def started(self) -> subprocess.Popen[bytes]:
        """The process: it finds the modules that this one finds, and leads a group that can be ended as a whole."""
        paths = [os.getcwd(), *(os.path.abspath(path) for path in sys.path)]  # noqa: PTH100, PTH109 - also what isn't there
        environment = {**os.environ, "PYTHONPATH": os.pathsep.join(paths), "PYTHONUNBUFFERED": "1"}
        command = [sys.executable, "-P", str(CHILD), *(str(desk.folder.absolute()) for desk in self.desks)]
        return subprocess.Popen(  # noqa: S603 - our own module
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
            start_new_session=True, env=environment,
        )  # fmt: skip

    def read(self, child: subprocess.Popen[bytes]) -> None:
        """Take what it says, line by line, until it says no more."""
        assert child.stdout is not None  # noqa: S101 - for mypy: it is a pipe
        with (self.folder / LOG).open("ab") as log, suppress(ValueError):
            for line in child.stdout:
                log.write(line)
                self.said.put(line.decode(errors="replace").rstrip())

    def watch(self, child: subprocess.Popen[bytes], begun: float) -> str | None:
        """Wait for its end; gives why it was ended before, or None."""
        while True:
            try:
                child.wait(TICK)
            except subprocess.TimeoutExpired:
                pass
            else:
                return None
            self.listen()
            self.peak = max(self.peak, held := resident(child.pid))
            if self.memory is not None and held > self.memory:
                return f"it held {megabytes(held)} of memory, more than its limit of {megabytes(self.memory)}; {LESS}"
            if time.monotonic() - begun > self.seconds:
                return f"it took longer than its limit of {self.seconds:g} seconds; {LESS}"

    def listen(self) -> None:
        """Pass on what was said since."""
        lines: list[str] = []
        while not self.said.empty():
            lines.append(self.said.get())
        self.tail.extend(lines)
        if lines:
            self.hear(lines)

    def verdict(self, code: int) -> str | None:
        """Why it failed, by how it ended and what it left."""
        reports = [desk.report() for desk in self.desks]
        told = [report.error for report in reports if report is not None and report.error is not None]
        if told:
            return told[0]
        if code < 0:
            return killed(-code)
        left = [desk.folder / name for desk in self.desks for name in (MODEL, SCORES)]
        if None in reports or not all(path.exists() for path in left):
            return f"it ended (exit status {code}) without leaving a model: something in it ends the whole process"
        return None


def killed(number: int) -> str:
    """What a signal that ended it means.

    >>> killed(11)
    'it crashed in native code: SIGSEGV; its log says where; try another version of that library'
    """
    name = signal.Signals(number).name
    if number == signal.SIGKILL:
        return "it was killed (SIGKILL), by somebody or for want of memory: take fewer rows (most= of rt.Mix)"
    crashed = name in {"SIGSEGV", "SIGABRT", "SIGBUS", "SIGFPE", "SIGILL"}
    if not crashed:
        return f"it was ended: {name}; run.resume() trains on the same rows"
    return f"it crashed in native code: {name}; its log says where; try another version of that library"


def kill(child: subprocess.Popen[bytes]) -> None:
    """End a process and all that it started, if they still run."""
    with suppress(ProcessLookupError, PermissionError):
        os.killpg(child.pid, signal.SIGKILL)


def megabytes(size: int) -> str:
    """A size for people.

    >>> megabytes(1_500_000_000)
    '1,500 MB'
    """
    return f"{size / 1e6:,.0f} MB"
