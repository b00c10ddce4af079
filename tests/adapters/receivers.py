"""Receivers of messages on loopback: a web hook that takes JSON, and a mail server."""

from __future__ import annotations

import asyncio
import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from email import message_from_bytes
from email.message import Message
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import Any


@dataclass
class Hook:
    """A web hook: what came, and what it answers."""

    port: int = 0
    got: list[dict[str, Any]] = field(default_factory=list)
    status: int = 200

    @property
    def url(self) -> str:
        """Its URL, as Apprise has it, with a password."""
        return f"json://anna:geheimnis@127.0.0.1:{self.port}/hook"


@contextmanager
def hook() -> Iterator[Hook]:
    """A web hook in a thread of its own."""
    made = Hook()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            if made.status == 200:
                made.got.append(body)
            self.send_response(made.status)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    server = HTTPServer(("127.0.0.1", 0), Handler)
    made.port = server.server_port
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
    thread.start()
    try:
        yield made
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


@dataclass
class Post:
    """A mail server: the mails that came."""

    port: int = 0
    got: list[Message] = field(default_factory=list)

    @property
    def url(self) -> str:
        """A channel to somebody whose mail it takes."""
        return f"mailto://127.0.0.1:{self.port}/?from=retrue@example.org&to=ops@example.org&mode=insecure"


async def talk(post: Post, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Speak as much SMTP (RFC 5321) as a client needs to leave a mail."""
    writer.write(b"220 here\r\n")
    while line := (await reader.readline()).strip().upper():
        if line == b"DATA":
            writer.write(b"354 go on\r\n")
            data = await reader.readuntil(b"\r\n.\r\n")
            post.got.append(message_from_bytes(data[:-5].replace(b"\r\n..", b"\r\n.")))
        writer.write(b"221 bye\r\n" if line == b"QUIT" else b"250 yes\r\n")
        await writer.drain()
        if line == b"QUIT":
            break
    writer.close()


@contextmanager
def post() -> Iterator[Post]:
    """A mail server in a thread of its own."""
    made, ready, loop = Post(), threading.Event(), asyncio.new_event_loop()
    over = asyncio.Event()

    async def serve() -> None:
        server = await asyncio.start_server(lambda r, w: talk(made, r, w), "127.0.0.1", 0)
        made.port = server.sockets[0].getsockname()[1]
        ready.set()
        async with server:
            await over.wait()

    thread = threading.Thread(target=lambda: loop.run_until_complete(serve()))
    thread.start()
    ready.wait(5)
    try:
        yield made
    finally:
        loop.call_soon_threadsafe(over.set)
        thread.join(5)
        loop.close()
