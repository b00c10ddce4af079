"""A deadline for the head of a request: a socket that sends its headers byte by byte holds nothing for ever.

uvicorn limits how long an answered connection may idle, and the guard how long a body may take; between them nothing
says when the headers must have come. What is too slow is answered 408, what is too much 431, and both are cut off.
"""

from __future__ import annotations

import asyncio
from typing import Any

from uvicorn.protocols.http.auto import AutoHTTPProtocol

PATIENCE = 15.0
"""Seconds that the head of a request has to come, from its first byte, or from when the connection was made."""
MOST = 65_536
"""Bytes that may come of a head before it is whole; how much of it may be headers is the guard's to say."""
LATE = b"HTTP/1.1 408 Request Timeout\r\nconnection: close\r\ncontent-length: 0\r\n\r\n"
LARGE = b"HTTP/1.1 431 Request Header Fields Too Large\r\nconnection: close\r\ncontent-length: 0\r\n\r\n"


class Punctual(asyncio.Protocol):
    """What is put before uvicorn's protocol: it watches the heads of requests, and passes everything on."""

    patience = PATIENCE
    transport: asyncio.Transport
    cycle: Any = None  # uvicorn's: the request that was begun last
    conn: Any = None  # where the protocol is h11's
    _deadline: asyncio.TimerHandle | None = None
    _came = 0
    _body = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Wait for the first head."""
        super().connection_made(transport)
        self._wait()

    def connection_lost(self, exc: Exception | None) -> None:
        """Wait no more."""
        self._met()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Pass on what came; while it makes no request yet, the time runs."""
        rest = self._in_body()
        super().data_received(data)
        if self.cycle is not None and not self.cycle.response_complete:
            self._met()
            return
        if not rest:
            self._came += len(data)
        if self._came > MOST:
            self._cut(LARGE)
        elif self._deadline is None:
            self._wait()

    def on_headers_complete(self) -> None:
        """A body begins."""
        self._body = True
        super().on_headers_complete()  # type: ignore[misc]

    def on_message_complete(self) -> None:
        """A body ends."""
        self._body = False
        super().on_message_complete()  # type: ignore[misc]

    def _in_body(self) -> bool:
        """Whether what comes is the rest of a body that was answered before it was whole: the time runs, no more."""
        return self._body if self.conn is None else self.conn.their_state.__name__ == "SEND_BODY"

    def _wait(self) -> None:
        self._deadline = asyncio.get_running_loop().call_later(self.patience, self._late)

    def _met(self) -> None:
        if self._deadline is not None:
            self._deadline.cancel()
        self._deadline, self._came = None, 0

    def _late(self) -> None:
        self._cut(LATE if self._came else b"")

    def _cut(self, said: bytes) -> None:
        self._met()
        if not self.transport.is_closing():
            self.transport.write(said)
            self.transport.close()


def protocol(patience: float = PATIENCE) -> type[asyncio.Protocol]:
    """The protocol for uvicorn: the fastest one that is installed, with a deadline."""
    return type("PunctualHttp", (Punctual, AutoHTTPProtocol), {"patience": patience})
