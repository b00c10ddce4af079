"""ASGI middleware: logs what a web service's prediction routes are asked and answer, whatever framework made it.

    app = rt.WatchMiddleware(app, to="http://host:8000", model="flights", paths=["/predict"])

Bodies are read as they pass, and parsed in the background. Answers carry the event's id as the header `retrue-id`, so
that the caller can send a label for it.
"""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable, Mapping, MutableMapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeAlias

from retrue.client.calls import RowMaker
from retrue.client.watch import Given, Watch, watch

Message: TypeAlias = MutableMapping[str, Any]
Receive: TypeAlias = Callable[[], Awaitable[Message]]
Send: TypeAlias = Callable[[Message], Awaitable[None]]
App: TypeAlias = Callable[[Message, Receive, Send], Awaitable[None]]

LARGEST = 4_000_000
"""Bytes of a body up to which a request is logged; larger ones pass, and are counted as unread."""
WRAPPED = ("instances", "inputs", "rows", "data", "predictions", "outputs")
"""Names under which services wrap their rows: a dict with one of them alone stands for what it holds."""


class Watched:
    """What both kinds of middleware share: which routes are logged, and how.

    Args:
        model: the registered model that the application serves.
        paths: the routes to log; each a path, exactly.
        row: a function of the request's and the answer's JSON that gives a dict, or one for each row; otherwise both
            are read as `watch` reads inputs and outputs, out of `instances`, `predictions` and the like.
        to: as of `watch`.
        options: what else `watch` takes: `token`, `version`, `signals`, `overflow`.
    """

    def __init__(
        self, model: str, paths: Sequence[str], row: RowMaker | None, to: str | Path | None, options: Mapping[str, Any]
    ) -> None:
        self.paths = frozenset(paths)
        self.watch: Watch = watch(_pass, model=model, to=to, row=Reader(row), **options).watch

    def logs(self, path: object, method: object) -> bool:
        """Whether a request is one of those that are logged."""
        return path in self.paths and method != "OPTIONS"

    def begin(self) -> Given:
        """Note when a request came."""
        return self.watch.given((), {})

    def end(self, begun: Given, exchange: Exchange) -> None:
        """Log an exchange that is over; an answer of 400 or more is an error."""
        failed = RuntimeError(f"status {exchange.status}") if exchange.status >= 400 else None
        with self.watch.named(exchange.id):
            self.watch.record(((exchange.asked.whole(),), {}, begun[2]), exchange.answered.whole(), failed)

    def failed(self, begun: Given, error: Exception) -> None:
        """Log that the application itself failed."""
        self.watch.record(begun, None, error)


def _pass(answer: Any) -> Any:
    """What is watched: nothing is called by way of it."""
    return answer


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

    def skip(self) -> None:
        """It passes unread."""
        self._size = LARGEST + 1

    def whole(self) -> bytes | None:
        """All of it; None where it is too large."""
        return b"".join(self._parts) if self._size <= LARGEST else None


@dataclass
class Exchange:
    """A request and its answer.

    Attributes:
        id: what names its event.
        status: of the answer.
        asked: the request's body.
        answered: the answer's body.
    """

    id: str
    status: int = 500
    asked: Body = field(default_factory=Body)
    answered: Body = field(default_factory=Body)


class WatchMiddleware(Watched):
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
        super().__init__(model, paths, row, to, options)
        self.app = app

    async def __call__(self, scope: Message, receive: Receive, send: Send) -> None:
        """Pass a request on, and log it where its path is one of those."""
        if scope["type"] != "http" or not self.logs(scope["path"], scope["method"]):
            await self.app(scope, receive, send)
            return
        exchange, begun = Exchange(self.watch.fresh_id()), self.begin()

        async def received() -> Message:
            message = await receive()
            if message["type"] == "http.request":
                exchange.asked.add(message.get("body", b""))
            return message

        async def sent(message: Message) -> None:
            if message["type"] == "http.response.start":
                exchange.status = int(message["status"])
                message = {**message, "headers": [*message.get("headers", ()), (b"retrue-id", exchange.id.encode())]}
            elif message["type"] == "http.response.body":
                exchange.answered.add(message.get("body", b""))
            await send(message)

        try:
            await self.app(scope, received, sent)
        except Exception as error:
            self.failed(begun, error)
            raise
        self.end(begun, exchange)


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
