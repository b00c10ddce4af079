"""`retrue serve`: the service on a store."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from retrue.cli import shared
from retrue.errors import ConfigError, RetrueError


def add_to(app: typer.Typer) -> None:
    """Add the command."""
    app.command("serve", rich_help_panel="The store")(serve)


def serve(
    folder: Annotated[
        str | None, typer.Argument(help="The store's folder; made where there is none.", metavar="[FOLDER]")
    ] = None,
    host: Annotated[str | None, typer.Option("--host", help="The address to listen on; 127.0.0.1.")] = None,
    port: Annotated[int | None, typer.Option("--port", help="Its port; 8000. 0 takes a free one.", min=0)] = None,
) -> None:
    """Serve a store over HTTP: take events, show pages, watch."""
    given = {name: value for name, value in (("host", host), ("port", port)) if value is not None}
    place = str(Path(shared.store_folder(folder)).absolute())
    try:
        from retrue.server import settings as server_settings
        from retrue.server import web
        from retrue.server.auth import binding
    except ModuleNotFoundError as error:
        raise missing(error) from error
    from retrue.config import load

    settings = server_settings.read({**load().server, **given})
    binding.check(place, settings)
    try:
        sock = web.listen(settings)
    except OSError as error:
        where = f"{settings.host}:{settings.port}"
        raise ConfigError(f"can't listen ({error.strerror})", where=where, hint="choose another --port") from error
    with sock:
        typer.echo(f"Retrue serves {place} on http://{settings.host}:{sock.getsockname()[1]}")
        web.run(place, settings, sock)


def missing(error: ModuleNotFoundError) -> RetrueError:
    """The error that says how to get a library which only the service needs."""
    return RetrueError(f"the service needs {error.name}", hint='pip install "retrue[server]"')
