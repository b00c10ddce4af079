"""What the web process does once it is loaded: uvicorn answers on a socket that the supervisor opened."""

from __future__ import annotations

import socket

import uvicorn
from fastapi import FastAPI
from starlette.types import ASGIApp

from retrue.jobs.journal import kept
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
    """The web server: when it stops, it ends what would go on for long: live pages, and who waits for the lake."""

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Stop taking requests, and end those that are open."""
        app = self.config.app
        if isinstance(app, FastAPI):
            end_live(app)
            app.state.retrue.ending.set()
        await super().shutdown(sockets)


def serve(folder: str, settings: ServerSettings, sock: socket.socket) -> None:
    """Serve a store until SIGTERM or SIGINT."""
    with open_workspace(folder) as workspace, kept(workspace.store.catalog, "web"):
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
