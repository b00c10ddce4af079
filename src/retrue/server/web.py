"""The web process: uvicorn on a socket that somebody else opened."""

from __future__ import annotations

import socket

import uvicorn
from fastapi import FastAPI

from retrue.server.app import create_app
from retrue.server.live import end_live
from retrue.server.settings import ServerSettings
from retrue.workspace import open as open_workspace


def listen(settings: ServerSettings) -> socket.socket:
    """Open the socket to serve on.

    Raises:
        OSError: the address is taken, or isn't this machine's.
    """
    family = socket.AF_INET6 if ":" in settings.host else socket.AF_INET
    sock = socket.create_server((settings.host, settings.port), family=family, backlog=2048)
    sock.set_inheritable(True)
    return sock


class Server(uvicorn.Server):
    """The web server: when it stops, it ends the connections of live pages, which would never end by themselves."""

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Stop taking requests, and end those that are open."""
        app = self.config.app
        if isinstance(app, FastAPI):
            end_live(app)
        await super().shutdown(sockets)


def run(folder: str, settings: ServerSettings, sock: socket.socket) -> None:
    """Serve a store until SIGTERM or SIGINT."""
    with open_workspace(folder) as workspace:
        config = uvicorn.Config(
            create_app(workspace, settings), log_level="warning", access_log=False, server_header=False,
            proxy_headers=bool(settings.proxies), forwarded_allow_ips=list(settings.proxies),
        )  # fmt: skip
        Server(config).run([sock])
