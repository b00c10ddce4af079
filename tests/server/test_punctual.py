"""The head of a request has a deadline and a size; requests that come in time notice neither."""

from __future__ import annotations

import http.client
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
import uvicorn
from starlette.types import Receive, Scope, Send
from uvicorn.protocols.http.h11_impl import H11Protocol
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from retrue.server import answering, punctual
from retrue.server.settings import ServerSettings


async def answer(scope: Scope, receive: Receive, send: Send) -> None:
    """Read the body, unless it is for `/full`, and say how long it was."""
    size, more = 0, scope["path"] != "/full"
    while more:
        message = await receive()
        size, more = size + len(message.get("body", b"")), message.get("more_body", False)
    await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"%d" % len(str(size)))]})
    await send({"type": "http.response.body", "body": str(size).encode()})


@pytest.fixture(scope="module")
def port() -> Iterator[int]:
    """A server that waits half a second for a head."""
    with serving(punctual.protocol(0.5)) as port:
        yield port


@contextmanager
def serving(protocol: type) -> Iterator[int]:
    """A server that speaks so; gives its port."""
    config = uvicorn.Config(answer, http=protocol, lifespan="off", log_config=None, access_log=False)
    server = uvicorn.Server(config)
    with socket.create_server(("127.0.0.1", 0)) as sock:
        thread = threading.Thread(target=server.run, args=([sock],))
        thread.start()
        try:
            yield sock.getsockname()[1]
        finally:
            server.should_exit = True
            thread.join(10)


def sent(port: int, *parts: bytes, pause: float = 0.0) -> bytes:
    """Send some bytes, and give all that comes until the connection ends."""
    with socket.create_connection(("127.0.0.1", port), timeout=20) as sock:
        for part in parts:
            sock.sendall(part)
            time.sleep(pause)
        found = b""
        while data := sock.recv(65_536):
            found += data
        return found


def test_a_head_that_never_ends_is_answered_and_cut_off(port: int) -> None:
    """A byte now and then earns no more time."""
    assert sent(port, b"GET / HTTP/1.1\r\n", b"a: b\r\n", b"c: d\r\n", pause=0.1).startswith(b"HTTP/1.1 408 ")


def test_a_connection_without_a_word_is_closed(port: int) -> None:
    assert sent(port) == b""


def test_a_second_head_on_a_connection_has_the_same_time(port: int) -> None:
    found = sent(port, b"GET / HTTP/1.1\r\nhost: a\r\n\r\n", b"GET / HT", pause=0.1)
    assert found.startswith(b"HTTP/1.1 200 ")
    assert b"HTTP/1.1 408 " in found


def test_a_head_that_is_too_large_is_cut_off_before_it_fills_the_memory(port: int) -> None:
    lines = [b"a" * 100 + b": " + b"b" * 20_000 + b"\r\n"] * 4
    assert sent(port, b"GET / HTTP/1.1\r\n", *lines, pause=0.02).startswith(b"HTTP/1.1 431 ")


def test_who_is_in_time_notices_nothing(port: int) -> None:
    """Several requests on a connection, a body that takes longer than a head may, a head in two parts."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=20)
    for _ in range(2):
        connection.putrequest("POST", "/")
        connection.putheader("content-length", "6")
        connection.endheaders()
        for part in (b"abc", b"def"):
            time.sleep(0.4)
            connection.send(part)
        assert connection.getresponse().read() == b"6"
    connection.close()


@pytest.mark.parametrize("reads", [HttpToolsProtocol, H11Protocol])
def test_the_rest_of_a_body_that_nobody_reads_is_no_head(reads: type) -> None:
    """It was answered before it was whole; the next request on the connection is answered, too."""
    with serving(type("Own", (punctual.Punctual, reads), {"patience": 5.0})) as port:
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=20)
        connection.putrequest("POST", "/full")
        connection.putheader("content-length", "400000")
        connection.endheaders(b"x" * 1000)
        time.sleep(0.1)
        for _ in range(3):
            connection.send(b"x" * 133_000)
            time.sleep(0.02)
        assert connection.getresponse().read() == b"0"
        connection.request("POST", "/", b"abc")
        assert connection.getresponse().read() == b"3"
        connection.close()


def test_the_service_has_it() -> None:
    config = answering.configured(answer, ServerSettings())
    assert issubclass(config.http_protocol_class, punctual.Punctual)
    assert config.http_protocol_class.patience == punctual.PATIENCE
