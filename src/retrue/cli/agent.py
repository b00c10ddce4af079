"""The command that records how the process behind a model is doing."""

from __future__ import annotations

import os
import signal
from pathlib import Path
from typing import Annotated

import typer

from retrue.cli import shared
from retrue.cli.shared import JsonOption, ModelArgument, StoreOption

PANEL = "The service"


def add_to(app: typer.Typer) -> None:
    """Add the command."""
    app.command("agent", rich_help_panel=PANEL)(agent)


def agent(
    name: ModelArgument,
    store: StoreOption = None,
    to: Annotated[
        str | None,
        typer.Option("--to", envvar="RETRUE_URL", show_envvar=False, help="The server's URL; else the store's folder."),
    ] = None,
    pid: Annotated[int | None, typer.Option(help="The process to watch; the machine alone unless given.")] = None,
    interval: Annotated[str, typer.Option(help="Time between two records.", metavar="DURATION")] = "10s",
    most: Annotated[int | None, typer.Option(help="Stop after so many records.", min=1)] = None,
    overflow: Annotated[Path | None, typer.Option(help="Where records wait that can't be sent.", metavar="DIR")] = None,
    json: JsonOption = False,
) -> None:
    """Record CPU, memory, disk, network and GPU of a service.

    They become the model NAME-system, which rules judge. The server's token is read from RETRUE_TOKEN. Ends with the
    process that it watches, or when told to stop.
    """
    from retrue.client.agent import Agent
    from retrue.jobs.ending import until_told
    from retrue.workspace.options import seconds

    goal = to if to is not None and store is None else shared.store_folder(store)
    made = Agent(
        name, goal, token=os.environ.get("RETRUE_TOKEN"), pid=pid, interval=seconds(interval), overflow=overflow
    )
    with until_told(signal.SIGTERM, signal.SIGINT) as stopped:
        sent = made.run(most=most, stop=stopped.is_set)
    if json:
        shared.print_json({"sent": sent, "waiting": made.courier.overflow.rows()})
    else:
        typer.echo(f"{sent} records sent, {made.courier.overflow.rows()} wait on disk")
