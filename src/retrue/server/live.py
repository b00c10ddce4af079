"""Live pages: who looks at one is told, by server-sent events, in what state the store is; the page asks for the rest.

    catalog ── one look a second, for all ──> state of each model (a digest) ──> event: state, where it is another

What is sent is a state, not a change: who was away, or is connected to another process after a restart, compares what
it shows with what is told now, and has missed nothing. Nobody looks while nobody is connected.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import AsyncGenerator, Callable
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Annotated

from fastapi import APIRouter, Depends, FastAPI, Query, Request, Response
from starlette.concurrency import run_in_threadpool
from starlette.responses import StreamingResponse

from retrue.errors import StoreError
from retrue.server.auth import Actor, some_viewer
from retrue.server.auth.guard import caller
from retrue.server.errors import HttpError
from retrue.server.service import Service, service
from retrue.server.states import States

router = APIRouter(include_in_schema=False)

EVERY = 1.0
"""Seconds between two looks."""
HEARTBEAT = 15.0
"""Seconds after which a quiet connection is told that it still stands."""
MOST, MOST_EACH = 200, 20
"""Connections at a time, of all and of one caller (a token, a session, or an address); more are told to come back."""
HEADERS = {"Cache-Control": "no-store", "X-Accel-Buffering": "no"}


@dataclass
class Live:
    """All connections of a process, by caller, and the one task that looks at the catalog for them."""

    look: Callable[[], States]
    every: float = EVERY
    connected: Counter[str] = field(default_factory=Counter)
    ended: bool = False
    found: States = field(default_factory=dict)
    task: asyncio.Task[None] | None = None
    turn: asyncio.Event = field(default_factory=asyncio.Event)

    def refuse_many(self, who: str) -> None:
        """Raise HttpError where a caller, or all together, follow as much as may be."""
        if self.connected[who] >= MOST_EACH:
            raise busy(429, f"{MOST_EACH} of your pages are live already")
        if self.connected.total() >= MOST:
            raise busy(503, f"{MOST} pages are live already")

    async def follow(self, model: str, who: str) -> AsyncGenerator[bytes]:
        """Tell a caller the state of a model ("": of the whole store) now, and whenever it is another."""
        self.connected[who] += 1
        self.task = self.task or asyncio.create_task(self.watch())
        told = None
        try:
            yield b"retry: 3000\n\n"
            while not self.ended:
                turn = self.turn
                now = self.found.get(model)
                if now is not None and now != told:
                    told = now
                    yield f"event: state\ndata: {now}\n\n".encode()
                try:
                    await asyncio.wait_for(turn.wait(), HEARTBEAT)
                except TimeoutError:
                    yield b": still here\n\n"
            yield b"event: end\ndata: the server stops\n\n"
        finally:
            self.connected -= Counter((who,))  # it forgets who is at zero

    async def watch(self) -> None:
        """Look once in a while for as long as somebody is connected."""
        try:
            while self.connected and not self.ended:
                with suppress(StoreError):  # busy, or gone for a moment: the next look tells
                    found = await run_in_threadpool(self.look)
                    if found != self.found:
                        self.found = found
                        self.wake()
                await asyncio.sleep(self.every)
        finally:
            self.task, self.found = None, {}

    def wake(self) -> None:
        """Let all connections look at what was found."""
        turn, self.turn = self.turn, asyncio.Event()
        turn.set()

    def end(self) -> None:
        """End all connections: the server stops."""
        self.ended = True
        self.wake()


@router.get("/live")
async def live(
    request: Request,
    served: Annotated[Service, Depends(service)],
    actor: Annotated[Actor, Depends(some_viewer)],
    model: Annotated[str, Query(max_length=200)] = "",
) -> Response:
    """Tell in what state a model or the store is, now and whenever it changes."""
    if model and not actor.sees(model):
        raise HttpError(403, f"{actor.name!r} is not for model {model[:100]!r}")
    following, who = live_of(request, served), caller(request, actor)
    following.refuse_many(who)
    return StreamingResponse(following.follow(model, who), media_type="text/event-stream", headers=HEADERS)


def busy(status: int, what: str) -> HttpError:
    """The error for a page that can't be live now."""
    return HttpError(status, what, hint="this one stays as it is", headers={"Retry-After": "30"})


def live_of(request: Request, served: Service) -> Live:
    """The process's connections; made when the first one comes."""
    state = request.app.state
    if not hasattr(state, "live"):
        state.live = Live(served.watch.look)
    found: Live = state.live
    return found


def end_live(app: FastAPI) -> None:
    """End the connections of a process that stops."""
    found: Live | None = getattr(app.state, "live", None)
    if found is not None:
        found.end()
