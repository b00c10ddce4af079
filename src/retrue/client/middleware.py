"""ASGI middleware: logs what a web service's prediction routes are asked and answer, whatever framework made it.

    app = rt.WatchMiddleware(app, to="http://host:8000", model="flights", paths=["/predict"])

Bodies are read as they pass, and parsed in the background. Answers carry the event's id as the header `retrue-id`, so
that the caller can send a label for it.
"""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable, Mapping, MutableMapping, Sequence
from pathlib import Path
from typing import Any, TypeAlias

from retrue.client.calls import RowMaker
from retrue.client.watch import Watch, watch

Message: TypeAlias = MutableMapping[str, Any]
Receive: TypeAlias = Callable[[], Awaitable[Message]]
Send: TypeAlias = Callable[[Message], Awaitable[None]]
App: TypeAlias = Callable[[Message, Receive, Send], Awaitable[None]]

LARGEST = 4_000_000
"""Bytes of a body up to which a request is logged; larger ones pass, and are counted as unread."""
WRAPPED = ("instances", "inputs", "rows", "data", "predictions", "outputs")
"""Names under which services wrap their rows: a dict with one of them alone stands for what it holds."""


class WatchMiddleware:
    """Logs the prediction routes of an ASGI application.

    Args:
        app: the application.
        model: the registered model that it serves.
        paths: the routes to log; each a path, exactly.
        row: a function of the request's and the answer's JSON that gives a dict, or one for each row; otherwise both
            are read as `watch` reads inputs and outputs, out of `instances`, `predictions` and the like.
        options: what else `watch` takes: `to`, `token`, `version`, `signals`, `overflow`.
    """

    def __init__(
        self,
        app: App,
        *,
        model: str,
        paths: Sequence[str] = ("/predict",),
        row: RowMaker | None = None,
        to: str | Path | None = None,
        **options: Any,
    ) -> None:
        self.app, self.paths = app, frozenset(paths)
        reader = Reader(row)
        watched = watch(_pass, model=model, to=to, row=reader, **options)
        self.watch: Watch = watched.watch

    async def __call__(self, scope: Message, receive: Receive, send: Send) -> None:
        """Pass a request on, and log it where its path is one of those."""
        if scope["type"] != "http" or scope["path"] not in self.paths or scope["method"] == "OPTIONS":
            await self.app(scope, receive, send)
            return
        exchange = Exchange(receive, send, self.watch.fresh_id())
        given = self.watch.given((), {})
        try:
            await self.app(scope, exchange.receive, exchange.send)
        except Exception as error:
            self.watch.record(given, None, error)
            raise
        failed = RuntimeError(f"status {exchange.status}") if exchange.status >= 400 else None
        with self.watch.named(exchange.id):
            self.watch.record(((exchange.asked(),), {}, given[2]), exchange.answered(), failed)


def _pass(answer: Any) -> Any:
    """What is watched: nothing is called by way of it."""
    return answer


class Exchange:
    """A request and its answer while they pass.

    Args:
        receive: the server's.
        send: the server's.
        id: what names its event.
    """

    def __init__(self, receive: Receive, send: Send, id: str) -> None:
        self._receive, self._send, self.id = receive, send, id
        self.status = 500
        self._asked, self._answered = Body(), Body()

    async def receive(self) -> Message:
        """Hand on what the client sends."""
        message = await self._receive()
        if message["type"] == "http.request":
            self._asked.add(message.get("body", b""))
        return message

    async def send(self, message: Message) -> None:
        """Hand on what the application answers, with the id."""
        if message["type"] == "http.response.start":
            self.status = int(message["status"])
            headers = [*message.get("headers", ()), (b"retrue-id", self.id.encode())]
            message = {**message, "headers": headers}
        elif message["type"] == "http.response.body":
            self._answered.add(message.get("body", b""))
        await self._send(message)

    def asked(self) -> bytes | None:
        """The request's body; None where it was too large."""
        return self._asked.whole()

    def answered(self) -> bytes | None:
        """The answer's body; None where it was too large."""
        return self._answered.whole()


class Body:
    """A body as it passes, up to a size."""

    def __init__(self) -> None:
        self._parts: list[bytes] = []
        self._size = 0

    def add(self, part: bytes) -> None:
        """Keep a part."""
        self._size += len(part)
        if self._size <= LARGEST:
            self._parts.append(part)

    def whole(self) -> bytes | None:
        """All of it; None where it is too large."""
        return b"".join(self._parts) if self._size <= LARGEST else None


class Reader:
    """Reads the two bodies of an exchange as rows; runs in the background.

    Args:
        row: the user's own; None: as `watch` reads inputs and outputs.
    """

    def __init__(self, row: RowMaker | None) -> None:
        self._row = row

    def __call__(self, asked: bytes, answered: bytes) -> list[dict[str, Any]]:
        """The rows of an exchange.

        Raises:
            TableError: they don't fit together.
            ValueError: a body isn't JSON.
        """
        from retrue.client.calls import INPUT, OUTPUT, as_rows, joined, outputs_of

        inputs, output = (bare(json.loads(body)) for body in (asked, answered))
        if self._row is not None:
            return as_rows(self._row(inputs, output), OUTPUT)
        rows = as_rows(inputs, INPUT)
        return joined(rows, outputs_of(output, len(rows)))


def bare(said: Any) -> Any:
    """What is wrapped in a dict under one of the usual names.

    >>> bare({"instances": [{"x": 1}]}), bare({"x": 1})
    ([{'x': 1}], {'x': 1})
    """
    if isinstance(said, Mapping) and len(said) == 1:
        name, value = next(iter(said.items()))
        return value if name in WRAPPED and isinstance(value, list) else said
    return said
