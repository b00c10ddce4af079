"""Real object stores for tests: moto's S3 and Azurite on free ports of this machine, and a proxy in the way."""

from __future__ import annotations

import base64
import hashlib
import hmac
import os
import re
import shutil
import socket
import subprocess
import sys
import threading
import time
import urllib.request
import uuid
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from email.utils import formatdate
from importlib.util import find_spec
from pathlib import Path

import pytest
from tests.conftest import lacking

ACCOUNT = "devstoreaccount1"  # Azurite's own, as its documentation has it; no secret
KEY = "Eby8vdM02xNOcqFlqUwJPLlmEtlCDXJ1OUzFT50uSRZ6IFsuFq2UVErCz4I6tq/K1SZFPTOtr/KBHBeksoGMGw=="
VERSION = "2021-08-06"


@contextmanager
def started(command: list[str], sign: str) -> Iterator[int]:
    """A server, by the port that it says; ended by its process at the end."""
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    assert process.stdout is not None
    try:
        heard = next(found for line in process.stdout if (found := re.search(sign, line)))
        drain = threading.Thread(target=lambda: list(process.stdout or ()), daemon=True)
        drain.start()
        yield int(heard[1])
    finally:
        process.terminate()
        process.wait(20)
        drain.join(5)
        process.stdout.close()


@contextmanager
def s3() -> Iterator[int]:
    """An S3 of moto's."""
    if find_spec("moto") is None or find_spec("obstore") is None:
        lacking("moto and obstore", 'pip install "moto[s3]" obstore boto3')
    with started(
        [sys.executable, "-m", "moto.server", "-H", "127.0.0.1", "-p", "0"], r"http://127\.0\.0\.1:(\d+)"
    ) as port:
        yield port


@contextmanager
def azurite() -> Iterator[int]:
    """A blob store of Azurite's."""
    local = Path(__file__).parents[2] / ".peers" / "azurite" / "node_modules" / ".bin" / "azurite-blob"
    found = shutil.which("azurite-blob") or (str(local) if local.exists() else None)
    if found is None or find_spec("obstore") is None:
        lacking("azurite and obstore", "scripts/programs.sh")
    options = ["--blobHost", "127.0.0.1", "--blobPort", "0", "--inMemoryPersistence", "--skipApiVersionCheck"]
    with started([str(found), *options, "--disableTelemetry"], r"listens on http://127\.0\.0\.1:(\d+)") as port:
        yield port


@dataclass
class Proxy:
    """A way to a server that can be slow (`delay` seconds a request), or closed (`away`); it counts `requests`."""

    target: int
    delay: float = 0.0
    away: bool = False
    requests: int = 0
    held: set[socket.socket] = field(default_factory=set)

    def __post_init__(self) -> None:
        self._door = socket.create_server(("127.0.0.1", 0))
        self.port = int(self._door.getsockname()[1])
        threading.Thread(target=self._accept, daemon=True).start()

    def close(self, *, door: bool = False) -> None:
        """Cut all connections; and let nobody in any more."""
        self.away = True
        for one in list(self.held):
            with suppress(OSError):
                one.shutdown(socket.SHUT_RDWR)
        if door:
            self._door.close()

    def _accept(self) -> None:
        with suppress(OSError):
            while True:
                client, _ = self._door.accept()
                self.requests += 1
                if self.away:
                    client.close()
                    continue
                server = socket.create_connection(("127.0.0.1", self.target))
                self.held |= {client, server}
                for one, other, slow in ((client, server, True), (server, client, False)):
                    threading.Thread(target=self._carry, args=(one, other, slow), daemon=True).start()

    def _carry(self, one: socket.socket, other: socket.socket, slow: bool) -> None:
        with suppress(OSError):
            while data := one.recv(65_536):
                if slow:
                    self.requests += 1
                    time.sleep(self.delay)
                other.sendall(data)
        for end in (one, other):
            self.held.discard(end)
            with suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)
            end.close()


def bucket(port: int) -> str:
    """A new bucket of an S3 at a port; its URL."""
    name = f"retrue-{uuid.uuid4().hex[:12]}"
    asked = urllib.request.Request(f"http://127.0.0.1:{port}/{name}", method="PUT")
    with urllib.request.urlopen(asked, timeout=10):  # noqa: S310 - it is http
        return f"s3://{name}"


def container(port: int) -> str:
    """A new container of an Azurite at a port; its URL."""
    name, date = f"retrue-{uuid.uuid4().hex[:12]}", formatdate(usegmt=True)
    text = (
        "PUT" + "\n" * 12 + f"x-ms-date:{date}\nx-ms-version:{VERSION}\n/{ACCOUNT}/{ACCOUNT}/{name}\nrestype:container"
    )
    signed = base64.b64encode(hmac.new(base64.b64decode(KEY), text.encode(), hashlib.sha256).digest()).decode()
    heads = {"x-ms-date": date, "x-ms-version": VERSION, "Authorization": f"SharedKey {ACCOUNT}:{signed}"}
    address = f"http://127.0.0.1:{port}/{ACCOUNT}/{name}?restype=container"
    asked = urllib.request.Request(address, method="PUT", headers={**heads, "Content-Length": "0"})
    with urllib.request.urlopen(asked, timeout=10):  # noqa: S310 - it is http
        return f"az://{name}"


def s3_environment(port: int) -> dict[str, str]:
    """What reaches an S3 at a port of this machine."""
    return {
        "AWS_ENDPOINT_URL": f"http://127.0.0.1:{port}", "AWS_ALLOW_HTTP": "true", "AWS_REGION": "us-east-1",
        "AWS_ACCESS_KEY_ID": "test-key", "AWS_SECRET_ACCESS_KEY": "test-secret", "AWS_EC2_METADATA_DISABLED": "true",
    }  # fmt: skip


def azure_environment(port: int) -> dict[str, str]:
    """What reaches an Azurite at a port of this machine."""
    return {
        "AZURE_STORAGE_USE_EMULATOR": "true", "AZURITE_BLOB_STORAGE_URL": f"http://127.0.0.1:{port}",
        "AZURE_STORAGE_ACCOUNT_NAME": ACCOUNT, "AZURE_STORAGE_ACCOUNT_KEY": KEY,
    }  # fmt: skip


@contextmanager
def environment(said: dict[str, str]) -> Iterator[None]:
    """These variables for a while, and no others of the clouds."""
    with pytest.MonkeyPatch.context() as patch:
        for name in list(os.environ):
            if name.startswith(("AWS_", "AZURE_", "RETRUE_")):
                patch.delenv(name)
        for name, value in said.items():
            patch.setenv(name, value)
        yield
