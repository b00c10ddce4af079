"""The journal: what a job says through `logging` becomes log lines that people can search, with the job that said it.

    with journal.of(job):
        logger.info("12 windows judged")         # any logger under "retrue"

Lines are kept in memory and written together, once a second and at the end of a run: a job may say something while it
writes to the catalog, where a second writer would wait for it forever. A kill -9 loses the lines of that second; of
more lines than memory is for the oldest go, and one line says how many (standard error has them all).
"""

from __future__ import annotations

import logging
import threading
from collections import deque
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, nullcontext, suppress
from contextvars import ContextVar
from typing import Any

from retrue.errors import StoreError
from retrue.store import rows
from retrue.store.catalog import Catalog
from retrue.workspace import clock

MOST = 10_000
"""Lines that wait to be written at most; of more the oldest go, and are counted."""

EVERY = 1.0
"""Seconds from one writing to the next."""

current: ContextVar[rows.Job | None] = ContextVar("current", default=None)
"""The job that runs in this thread."""
facts: ContextVar[Mapping[str, object]] = ContextVar("facts", default={})  # noqa: B039 - nobody changes it here
"""What it is about: `version` and `run`, as far as they are known by now."""


class Journal(logging.Handler):
    """Keeps what is logged under `retrue` in a catalog.

    Args:
        catalog: where.
        part: the part of the service that says what no job says: "web", "commit".
    """

    def __init__(self, catalog: Catalog, part: str | None = None) -> None:
        super().__init__(logging.INFO)
        self.catalog, self.part = catalog, part
        self.lines: deque[rows.Log] = deque()
        self.dropped = 0

    def emit(self, record: logging.LogRecord) -> None:
        """Remember a line."""
        job = current.get()
        text = record.getMessage()
        if record.exc_info and record.exc_info[1] is not None:
            text = f"{text}\n{logging.Formatter().formatException(record.exc_info)}"
        level = "error" if record.levelno >= logging.ERROR else record.levelname.lower()
        at = round(record.created * clock.MICROS)
        self.lines.append(rows.Log(at, level, text, self.part if job is None else job.id, **subject(record, job)))
        self._bound()

    def write(self) -> None:
        """Write what is remembered; where that fails, it stays remembered.

        Raises:
            StoreError: the catalog can't be written.
        """
        waiting, dropped = self._taken()
        if not waiting:
            return
        said = f"{dropped:,} lines were dropped here: more came than can be held until they are written"
        lost = [rows.Log(waiting[0].at, "warning", said)] if dropped else []
        try:
            with self.catalog.write() as tx:
                for line in (*lost, *waiting):
                    tx.add(line)
        except BaseException:
            self._give_back(waiting, dropped)
            raise

    def _taken(self) -> tuple[list[rows.Log], int]:
        """What waits, and how many lines went before it; neither waits any more."""
        with self.lock or nullcontext():
            taken = list(self.lines), self.dropped
            self.lines.clear()
            self.dropped = 0
        return taken

    def _give_back(self, waiting: Sequence[rows.Log], dropped: int) -> None:
        """Let lines wait again, before those that came meanwhile."""
        with self.lock or nullcontext():
            self.lines.extendleft(reversed(waiting))
            self.dropped += dropped
            self._bound()

    def _bound(self) -> None:
        while len(self.lines) > MOST:
            self.lines.popleft()
            self.dropped += 1

    @contextmanager
    def listening(self) -> Iterator[None]:
        """Take what is logged as long as the block lasts."""
        logger = logging.getLogger("retrue")
        before = logger.level
        logger.addHandler(self)
        logger.setLevel(min(before or logging.INFO, logging.INFO))
        try:
            yield
        finally:
            logger.removeHandler(self)
            logger.setLevel(before)
            self.write()


def subject(record: logging.LogRecord, job: rows.Job | None) -> dict[str, Any]:
    """Model, version and run of a line: as it was logged (`extra=`), else what the job is about."""
    known = {"model": None if job is None else job.model, **facts.get()}
    told = {name: getattr(record, name, known.get(name)) for name in ("model", "version", "run")}
    return {name: None if value is None else str(value) for name, value in told.items()}


@contextmanager
def kept(catalog: Catalog, part: str) -> Iterator[None]:
    """Keep what a part of the service logs in the block; a thread writes it down once a second."""
    journal, over = Journal(catalog, part), threading.Event()

    def write() -> None:
        while not over.wait(EVERY):
            with suppress(StoreError):  # it stays remembered, and is on standard error
                journal.write()

    thread = threading.Thread(target=write, name=f"journal of {part}", daemon=True)
    with suppress(StoreError), journal.listening():
        thread.start()
        try:
            yield
        finally:
            over.set()
            thread.join()


@contextmanager
def speaking(job: rows.Job, known: Mapping[str, object]) -> Iterator[None]:
    """Say of what this thread logs in the block that the job said it; `known` may grow while it runs."""
    before = current.set(job)
    try:
        with about(known):
            yield
    finally:
        current.reset(before)


@contextmanager
def about(known: Mapping[str, object]) -> Iterator[None]:
    """Say of what this thread logs in the block which `version` and `run` it is about."""
    before = facts.set(known)
    try:
        yield
    finally:
        facts.reset(before)
