"""The web process: uvicorn on a socket that the supervisor opened.

`python -m retrue.server.web FOLDER SOCKET SETTINGS`: the socket's number, and `ServerSettings` as JSON.
"""

from __future__ import annotations

import socket
import sys

import uvicorn
from fastapi import FastAPI
from starlette.types import ASGIApp

from retrue.adapters import logs
from retrue.errors import RetrueError
from retrue.server.app import create_app
from retrue.server.live import end_live
from retrue.server.punctual import protocol
from retrue.server.settings import ServerSettings
from retrue.workspace import open as open_workspace

CONNECTIONS = 900
"""Connections at a time, idle ones included; more are answered 503."""
DRAIN = 5
"""Seconds that requests have to end after SIGTERM."""


class Server(uvicorn.Server):
    """The web server: when it stops, it ends the connections of live pages, which would never end by themselves."""

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Stop taking requests, and end those that are open."""
        app = self.config.app
        if isinstance(app, FastAPI):
            end_live(app)
        await super().shutdown(sockets)


def serve(folder: str, settings: ServerSettings, sock: socket.socket) -> None:
    """Serve a store until SIGTERM or SIGINT."""
    with open_workspace(folder) as workspace:
        Server(configured(create_app(workspace, settings), settings)).run([sock])


def configured(app: ASGIApp, settings: ServerSettings) -> uvicorn.Config:
    """How uvicorn serves an application."""
    config = uvicorn.Config(
        app, http=protocol(), log_config=None, log_level="warning", access_log=False, server_header=False,
        proxy_headers=bool(settings.proxies), forwarded_allow_ips=list(settings.proxies),
        timeout_graceful_shutdown=DRAIN, limit_concurrency=CONNECTIONS,
    )  # fmt: skip
    config.load()
    return config


def main(arguments: list[str]) -> int:
    """Serve; gives the exit status."""
    folder, number, settings = arguments
    logs.configure("web")
    try:
        with socket.socket(fileno=int(number)) as sock:
            serve(folder, ServerSettings.model_validate_json(settings), sock)
    except RetrueError as error:
        sys.stderr.write(f"error: {error}\n")
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
