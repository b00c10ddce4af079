"""Gather: requests that wait are decoded, pass the door and are acknowledged together, in one thread.

While one group is at work the next one gathers, so that the milliseconds of a frame and of an fsync are shared by all
that came meanwhile; a request that comes alone waits for nobody.
"""

from __future__ import annotations

import asyncio
import logging
import threading
import time
from collections import deque
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace

import polars as pl

from retrue.errors import RetrueError, StoreError
from retrue.server.errors import HttpError
from retrue.server.ingest.decode import Decoded, decode, unpack
from retrue.server.ingest.room import Room
from retrue.server.ingest.shapes import Shape, Shapes, alone, joined
from retrue.server.settings import ServerSettings
from retrue.store.intake import Part, digest_of
from retrue.version import VERSION
from retrue.workspace import Model, Workspace
from retrue.workspace.clock import now
from retrue.workspace.receiving import OWN_KEY, REUSED, Acknowledged, Lot, acknowledge

log = logging.getLogger("retrue.server.ingest")

GROUP_BYTES, GROUP_REQUESTS = 16_000_000, 4_000
"""How much (unpacked) is taken on at a time, at most, so that nobody waits long behind others."""
LOOK, LOOK_BUSY = 0.5, 0.05
"""Seconds between two looks at the spool's size and the disk: while nothing comes, and between groups."""
MANY, LINGER = 8, 0.004
"""After a group of so many requests the next one is given so many seconds to gather: a group costs much the same,
however large it is, so that a crowd is answered sooner if it waits a little."""


@dataclass(frozen=True)
class Asked:
    """What a request brings.

    Attributes:
        model: the name of a model that is registered.
        kind: "events", "labels" or "feedback".
        body: the body as it came.
        form: its media type.
        encoding: what it is packed with.
        key: its Idempotency-Key.
        version: the version of events that don't say theirs; the champion unless given.
    """

    model: str
    kind: str
    body: bytes
    form: str
    encoding: str = ""
    key: str | None = None
    version: str | None = None


Outcome = Acknowledged | RetrueError


@dataclass(eq=False)
class Waiting:
    """A request on its way, and where its answer goes."""

    asked: Asked
    answer: asyncio.Future[Outcome]

    def unpacked(self, most: int) -> int:
        """Unpack the body; gives its bytes, as many as may be where it can't be unpacked (`decode` says why)."""
        try:
            body = unpack(self.asked.body, self.asked.encoding, most)
        except (RetrueError, MemoryError):
            return most
        self.asked = replace(self.asked, body=body, encoding="")
        return len(body)


@dataclass
class _Group:
    """Requests that make one frame: those of one shape, or one alone."""

    shape: Shape | None
    version: str
    requests: list[tuple[Waiting, Decoded]] = field(default_factory=list)

    def lot(self, model: Model, kind: str) -> Lot:
        decoded = [found for _, found in self.requests]
        parts = [
            Part(found.rows, one.asked.key, found.broken, digest=digest_of(one.asked.body) if one.asked.key else "")
            for one, found in self.requests
        ]
        return Lot(model, kind, _frame(decoded, self.shape), parts, now(), self.version)


def _frame(decoded: Sequence[Decoded], shape: Shape | None) -> pl.DataFrame:
    first = decoded[0]
    if first.frame is not None:
        return first.frame
    if shape is None or not first.rows:
        return alone(first.columns) if first.rows else pl.DataFrame()
    return joined([found.columns for found in decoded], shape)


class Gatherer:
    """Takes requests from an event loop, and answers them from a thread of its own."""

    def __init__(self, workspace: Workspace, settings: ServerSettings) -> None:
        self.room = Room(workspace.store.spool, settings)
        self._workspace, self._settings = workspace, settings
        self._queue: deque[Waiting] = deque()
        self._wake, self._stopping = threading.Event(), False
        self._models: dict[str, Model] = {}
        self._shapes: dict[str, Shapes] = {}
        self._champions: dict[str, str] = {}
        self._catalog, self._mark = workspace.store.catalog.changes(), ""
        self._looked = float("-inf")
        self._thread: threading.Thread | None = None
        self._starting = threading.Lock()

    def knows(self, model: str) -> bool:
        """Whether a model was seen before: then it is there still, as models never go."""
        return model in self._models

    def learn(self, model: Model) -> None:
        """Get to know a model."""
        self._shapes[model.name] = Shapes(model.store.layout(model.name))
        self._models[model.name] = model

    async def take(self, asked: Asked) -> Acknowledged:
        """Acknowledge what a request brings; when this returns it survives kill -9 and power loss.

        Raises:
            RetrueError: none of it was taken.
        """
        if self._thread is None:
            self.start()
        waiting = Waiting(asked, asyncio.get_running_loop().create_future())
        self._queue.append(waiting)
        self._wake.set()
        outcome = await waiting.answer
        if isinstance(outcome, RetrueError):
            raise outcome
        if outcome.reused:
            raise HttpError(422, REUSED, where="Idempotency-Key", hint=OWN_KEY)
        return outcome

    def start(self) -> None:
        """Start the thread."""
        with self._starting:
            if self._thread is None:
                self._thread = threading.Thread(target=self._run, name="retrue-ingest", daemon=True)
                self._thread.start()

    def stop(self) -> None:
        """Answer what waits, then end the thread."""
        self._stopping = True
        self._wake.set()
        if self._thread is not None:
            self._thread.join()
        self._catalog.close()

    def _run(self) -> None:
        while True:
            self._look()
            self._wake.wait(LOOK)
            self._wake.clear()
            while self._queue:
                group = self._next()
                self._answer(group, self._outcomes(group))
                if time.monotonic() - self._looked > LOOK_BUSY:
                    self._look()
                if len(group) > MANY and not self._stopping:
                    time.sleep(LINGER)
            if self._stopping:
                return

    def _look(self) -> None:
        self._looked = time.monotonic()
        try:
            self.room.look()
        except (RetrueError, OSError) as error:
            log.warning("the store can't be looked at: %s", error)

    def _next(self) -> list[Waiting]:
        """The requests that came first, as many as make a group; of one key only the first."""
        found, keys, size, later = list[Waiting](), set[tuple[str, str]](), 0, list[Waiting]()
        while self._queue and size < GROUP_BYTES and len(found) < GROUP_REQUESTS:
            one = self._queue.popleft()
            key = None if one.asked.key is None else (one.asked.model, one.asked.key)
            if key in keys:
                later.append(one)  # it is answered what the first one was
                continue
            keys |= {key} if key is not None else set()
            found.append(one)
            size += one.unpacked(self._settings.max_body)
        self._queue.extendleft(reversed(later))
        return found

    def _outcomes(self, group: Sequence[Waiting]) -> list[Outcome]:
        """What becomes of each request; a fault in one of them costs the others nothing."""
        try:
            return self._together(group)
        except RetrueError as error:
            return [error] * len(group)
        except (Exception, pl.exceptions.PanicException) as error:
            if len(group) > 1:
                return [outcome for one in group for outcome in self._outcomes([one])]
            asked = group[0].asked
            about = {"model": asked.model, "version": asked.version}
            log.exception("a bug in taking %s of %s", asked.kind, asked.model, extra=about)
            return [bug(error)]

    def _together(self, group: Sequence[Waiting]) -> list[Outcome]:
        outcomes = dict[int, Outcome]()
        groups = self._grouped(group, outcomes)
        lots = [one.lot(self._models[model], kind) for (model, kind), one in groups]
        for (_, one), found in zip(groups, acknowledge(self._workspace.store, lots) if lots else [], strict=True):
            fates: Iterable[Outcome] = [found] * len(one.requests) if isinstance(found, RetrueError) else found
            outcomes |= {id(waiting): fate for (waiting, _), fate in zip(one.requests, fates, strict=True)}
        return [outcomes[id(one)] for one in group]

    def _grouped(self, group: Sequence[Waiting], outcomes: dict[int, Outcome]) -> list[tuple[tuple[str, str], _Group]]:
        """Requests that may be one frame together; those that can't be read have their outcome already."""
        found = dict[object, tuple[tuple[str, str], _Group]]()
        self._forget_champions()
        for waiting in group:
            asked = waiting.asked
            try:
                decoded = decode(asked.body, asked.form, asked.encoding, self._settings.max_body)
            except RetrueError as error:
                outcomes[id(waiting)] = error
                continue
            version = asked.version or (self._champion(asked.model) if asked.kind == "events" else "1")
            shape = self._shapes[asked.model].of(decoded.columns, decoded.rows) if decoded.columns else None
            key = (asked.model, asked.kind, version, shape) if shape is not None and decoded.rows else id(waiting)
            _, own = found.setdefault(key, ((asked.model, asked.kind), _Group(shape, version)))
            own.requests.append((waiting, decoded))
        return list(found.values())

    def _champion(self, model: str) -> str:
        """The version of events that don't say theirs."""
        if model not in self._champions:
            self._champions[model] = self._models[model].version
        return self._champions[model]

    def _forget_champions(self) -> None:
        """Ask for the champions anew where anybody has written to the catalog since."""
        try:
            mark = self._catalog.mark()
        except StoreError as error:
            log.warning("the catalog can't be looked at: %s", error)
            mark = ""
        if mark != self._mark or not mark:
            self._champions.clear()
            self._mark = mark

    @staticmethod
    def _answer(group: Sequence[Waiting], outcomes: Sequence[Outcome]) -> None:
        """Hand the outcomes over to the event loops that wait for them, with one call each."""
        loops = dict[asyncio.AbstractEventLoop, list[tuple[asyncio.Future[Outcome], Outcome]]]()
        for one, outcome in zip(group, outcomes, strict=True):
            loops.setdefault(one.answer.get_loop(), []).append((one.answer, outcome))
        for loop, answers in loops.items():
            if not loop.is_closed():
                loop.call_soon_threadsafe(_settle, answers)


def _settle(answers: Iterable[tuple[asyncio.Future[Outcome], Outcome]]) -> None:
    for answer, outcome in answers:
        if not answer.done():  # its client may have gone
            answer.set_result(outcome)


def bug(error: BaseException) -> HttpError:
    """The answer to a request that met a fault of ours; what it was is in the log."""
    del error
    hint = "its traceback is in the server's log: report it with what `retrue doctor` says"
    return HttpError(500, f"this is a bug in retrue {VERSION}", hint=hint)
