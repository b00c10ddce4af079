"""`retrue serve`: the service on a store."""

from __future__ import annotations

import importlib.util
import os
import socket
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from retrue.cli import shared
from retrue.cli.shared import CatalogOption
from retrue.errors import ConfigError, RetrueError, StoreError

if TYPE_CHECKING:
    from retrue.server.settings import ServerSettings

ALONE = ("127.0.0.1", "::1", "localhost")
"""Addresses that only this machine reaches: nothing heavy is loaded to see that it may listen there."""
NEEDED = ("fastapi", "uvicorn", "msgspec", "zstandard", "structlog", "prometheus_client")
"""Libraries that the service needs besides the base install."""


def add_to(app: typer.Typer) -> None:
    """Add the command."""
    app.command("serve", rich_help_panel="The store")(serve)


def serve(
    folder: Annotated[
        str | None, typer.Argument(help="The store's folder; made where there is none.", metavar="[FOLDER]")
    ] = None,
    host: Annotated[str | None, typer.Option("--host", help="The address to listen on; 127.0.0.1.")] = None,
    catalog: CatalogOption = None,
    port: Annotated[int | None, typer.Option("--port", help="Its port; 8000. 0 takes a free one.", min=0)] = None,
) -> int:
    """Serve a store over HTTP: take events, show pages, watch."""
    given = {name: value for name, value in (("host", host), ("port", port)) if value is not None}
    place = str(Path(shared.store_folder(folder)).absolute())
    refuse_missing()
    name_catalog(catalog)
    name_engine()
    from retrue.config import find, load
    from retrue.server import settings as server_settings
    from retrue.server.deaths import Deaths
    from retrue.server.supervise import Supervisor, parts

    settings = server_settings.read({**load().server, **given})
    if settings.host not in ALONE or settings.proxies:
        from retrue.server.auth import binding

        binding.check(place, settings)
    from retrue.adapters import logs

    logs.configure("serve")
    with listen(settings) as sock:
        refuse_no_folder(Path(place))
        typer.echo(f"Retrue serves {place} on http://{settings.host}:{sock.getsockname()[1]}")
        typer.echo(f"Settings: {find() or 'the defaults, as there is no retrue.toml'}")
        status = Supervisor(parts(place, settings.model_dump_json(), sock.fileno()), Deaths(place)).run()
    if status == 0:
        typer.echo("Stopped; all that was acknowledged is kept.")
    return status


def name_catalog(given: str | None) -> None:
    """Let all parts of the service find the catalog: in the environment, as it may have a password.

    Raises:
        ConfigError: it is no place for a catalog.
    """
    if (said := shared.store_catalog(given)) is not None:
        from retrue.store.home import VARIABLE
        from retrue.store.place import place_of

        place_of(Path(), said)
        os.environ[VARIABLE] = said


def name_engine() -> None:
    """Let all parts of the service count where the store says: in the environment, as they read no `retrue.toml`.

    Raises:
        ConfigError: there is no such engine.
    """
    if (engine := shared.store_engine()) != "local":
        from retrue.engine.opening import VARIABLE

        os.environ[VARIABLE] = engine


def refuse_no_folder(place: Path) -> None:
    """Refuse what can't be a store's folder, before anything is served; a folder that isn't there is made.

    Raises:
        StoreError: it is a file, or can't be made.
    """
    expected, hint = "a folder, or a place where one can be made", "name a folder: retrue serve FOLDER"
    try:
        if place.exists() and not place.is_dir():
            raise StoreError("a store can't be in a file", where=str(place), expected=expected, hint=hint)
        place.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        why = f"the store's folder can't be made ({error.strerror})"
        raise StoreError(why, where=str(place), expected=expected, hint=hint) from error


def listen(settings: ServerSettings) -> socket.socket:
    """Open the socket to serve on.

    Raises:
        ConfigError: the address is taken, or isn't this machine's.
    """
    family = socket.AF_INET6 if ":" in settings.host else socket.AF_INET
    try:
        return socket.create_server((settings.host, settings.port), family=family, backlog=2048)
    except OSError as error:
        where = f"{settings.host}:{settings.port}"
        raise ConfigError(f"can't listen ({error.strerror})", where=where, hint="choose another --port") from error


def refuse_missing() -> None:
    """Raise RetrueError where a library of the service isn't installed, saying how to get it."""
    for name in NEEDED:
        if importlib.util.find_spec(name) is None:
            raise RetrueError(f"the service needs {name}", hint='pip install "retrue[server]"')
