"""Commands about messages to people: notify list, notify test, notify log."""

from __future__ import annotations

from typing import Annotated

import typer

from retrue.cli import shared
from retrue.cli.shared import JsonOption, StoreOption

PANEL = "The service"

notify = typer.Typer(
    name="notify", help="Tell people of incidents: channels, a test, what was sent.", no_args_is_help=True
)


def add_to(app: typer.Typer) -> None:
    """Add the commands."""
    for name, command in (("list", list_channels), ("test", send_a_test), ("log", show_log)):
        notify.command(name)(command)
    app.add_typer(notify, name="notify", rich_help_panel=PANEL)


def list_channels(store: StoreOption = None, json: JsonOption = False) -> None:
    """List the channels, their URLs without secrets."""
    from retrue.jobs.channels import channels

    with shared.open_store(store) as workspace:
        found = [one.public() for one in channels(workspace)]
    if json:
        shared.print_json(found)
    elif found:
        from retrue.report.jobs import channels_view

        shared.console().print(channels_view(found))
        typer.echo(f"\nNext: retrue notify test {found[0]['name']!r}{shared.same_store(store)}")
    else:
        typer.echo("No channels yet: write [[channels]] into retrue.toml, with a name and a url")


def send_a_test(
    channel: Annotated[str, typer.Argument(help="The channel's name.", metavar="CHANNEL")], store: StoreOption = None
) -> None:
    """Send a test through a channel."""
    from retrue.jobs.channels import channels, named
    from retrue.jobs.notify import send_test
    from retrue.workspace import clock

    with shared.open_store(store) as workspace:
        chosen = named(channels(workspace), channel)
        with shared.working("sending"):
            send_test(workspace, chosen, clock.now())
    typer.echo(f"The service behind {channel!r} took it. Whether it arrived, you see there.")


def show_log(
    store: StoreOption = None,
    model: Annotated[str | None, typer.Option("--model", help="Of this model only.", metavar="MODEL")] = None,
    incident: Annotated[str | None, typer.Option(help="Of this incident only.", metavar="INCIDENT")] = None,
    channel: Annotated[str | None, typer.Option(help="Of this channel only.", metavar="CHANNEL")] = None,
    limit: Annotated[int, typer.Option("--limit", min=1, max=10_000, help="How many at most.", metavar="N")] = 20,
    json: JsonOption = False,
) -> None:
    """List what was sent, newest first, and what became of it."""
    from retrue.jobs.notify import find_deliveries
    from retrue.report.jobs import deliveries_view, delivery_dict

    with shared.open_store(store) as workspace:
        catalog = workspace.store.catalog
        found = find_deliveries(catalog, model=model, incident=incident, channel=channel, limit=limit)
    if json:
        shared.print_json([delivery_dict(row) for row in found.rows])
    elif found.rows:
        shared.console().print(deliveries_view(found.rows, found.total))
    else:
        typer.echo("No messages yet.")
