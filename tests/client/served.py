"""A server in a thread of the test process, on a free port: what connects to it goes over a real socket."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import uvicorn

import retrue as rt
from retrue.server.app import create_app
from retrue.server.settings import ServerSettings


@contextmanager
def serving(folder: Path, port: int = 0, settings: ServerSettings | None = None) -> Iterator[str]:
    """Serve a store until the block ends; gives the address."""
    with rt.open(folder) as workspace, socket.create_server(("127.0.0.1", port)) as sock:
        config = uvicorn.Config(
            create_app(workspace, settings), log_config=None, log_level="critical", access_log=False, lifespan="auto"
        )
        server = uvicorn.Server(config)
        thread = threading.Thread(target=server.run, args=([sock],), daemon=True)
        thread.start()
        end = time.monotonic() + 20
        while not server.started and time.monotonic() < end:
            time.sleep(0.01)
        try:
            yield f"http://127.0.0.1:{sock.getsockname()[1]}"
        finally:
            server.should_exit = True
            thread.join(20)
