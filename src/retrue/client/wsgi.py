"""WSGI middleware: what `rt.WatchMiddleware` does for ASGI, for Flask, Django and the like.

app.wsgi_app = rt.WatchWSGI(app.wsgi_app, to="http://host:8000", model="flights", paths=["/predict"])
"""

from __future__ import annotations

import io
from collections.abc import Callable, Iterable, Iterator, MutableMapping, Sequence
from pathlib import Path
from typing import Any, TypeAlias

from retrue.client.calls import RowMaker
from retrue.client.middleware import LARGEST, Body, Exchange, Watched

Environ: TypeAlias = MutableMapping[str, Any]
Start: TypeAlias = Callable[..., Any]
App: TypeAlias = Callable[[Environ, Start], Iterable[bytes]]


class WatchWSGI(Watched):
    """Logs the prediction routes of a WSGI application.

    Args:
        app: the application, such as a Flask application's `wsgi_app`.
        model: the registered model that it serves.
        paths: the routes to log; each a path, exactly.
        row: as of `WatchMiddleware`.
        to: as of `watch`.
        options: what else `watch` takes.
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

    def __call__(self, environ: Environ, start: Start) -> Iterable[bytes]:
        """Pass a request on, and log it where its path is one of those."""
        if not self.logs(environ.get("PATH_INFO"), environ.get("REQUEST_METHOD")):
            return self.app(environ, start)
        exchange, begun = Exchange(self.watch.fresh_id()), self.begin()
        read(environ, exchange.asked)

        def started(said: str, headers: list[tuple[str, str]], *rest: Any) -> Any:
            exchange.status = int(said.split(maxsplit=1)[0])
            return start(said, [*headers, ("retrue-id", exchange.id)], *rest)

        try:
            answer = self.app(environ, started)
        except Exception as error:
            self.failed(begun, error)
            raise
        return Passing(answer, exchange, lambda: self.end(begun, exchange))


class Passing:
    """An answer as it is handed on, logged when it ends or is closed before (PEP 3333), once."""

    def __init__(self, answer: Iterable[bytes], exchange: Exchange, over: Callable[[], None]) -> None:
        self._answer, self._parts, self._exchange = answer, iter(answer), exchange
        self._over: Callable[[], None] | None = over

    def __iter__(self) -> Iterator[bytes]:
        return self

    def __next__(self) -> bytes:
        try:
            part = next(self._parts)
        except StopIteration:
            self._log()
            raise
        except Exception:
            self._exchange.status = 500
            raise
        self._exchange.answered.add(part)
        return part

    def close(self) -> None:
        """Close the application's answer."""
        try:
            if hasattr(self._answer, "close"):
                self._answer.close()
        finally:
            self._log()

    def _log(self) -> None:
        over, self._over = self._over, None
        if over is not None:
            over()


def read(environ: Environ, asked: Body) -> None:
    """Keep the request's body and put it back for the application; nothing of one that doesn't say how long it is."""
    said = str(environ.get("CONTENT_LENGTH") or "")
    length = int(said) if said.isdecimal() else LARGEST + 1
    if length > LARGEST:
        asked.skip()
        return
    body: bytes = environ["wsgi.input"].read(length)
    environ["wsgi.input"] = io.BytesIO(body)
    asked.add(body)
