"""Commands about what is marked on the time axes: marker add, marker list, marker remove."""

from __future__ import annotations

from typing import Annotated

import typer

from retrue.cli import shared
from retrue.cli.shared import JsonOption, StoreOption

PANEL = "Incidents"

marker = typer.Typer(name="marker", help="Mark deployments, holidays and notes on time axes.", no_args_is_help=True)

ModelOption = Annotated[
    str | None, typer.Option("--model", help="Of this model; of all unless given.", metavar="MODEL")
]


def add_to(app: typer.Typer) -> None:
    """Add the commands."""
    for name, command in (("add", add), ("list", list_markers), ("remove", remove)):
        marker.command(name)(command)
    app.add_typer(marker, name="marker", rich_help_panel=PANEL)


def add(
    text: Annotated[str, typer.Argument(help="What there is to remember.", metavar="TEXT")],
    store: StoreOption = None,
    model: ModelOption = None,
    kind: Annotated[str, typer.Option(help="deployment, holiday or note.", metavar="KIND")] = "note",
    at: Annotated[str | None, typer.Option("--at", help="When (ISO, UTC); now unless given.", metavar="TIME")] = None,
    until: Annotated[str | None, typer.Option("--until", help="Until when, where it lasts.", metavar="TIME")] = None,
    json: JsonOption = False,
) -> None:
    """Mark something on the time axes."""
    from retrue.workspace.notes import marker_dict

    begins, ends = shared.moment(at, "--at"), shared.moment(until, "--until")
    with shared.open_store(store) as workspace:
        kept = workspace.add_marker(text, model=model, kind=kind, at=begins, until=ends)
    if json:
        shared.print_json(marker_dict(kept))
    else:
        typer.echo(f"Marker {kept.number}: {kept.kind}, {kept.text}.")


def list_markers(store: StoreOption = None, model: ModelOption = None, json: JsonOption = False) -> None:
    """List what is marked, oldest first."""
    from retrue.report.layout import add_row, quiet_table
    from retrue.workspace.notes import marker_dict

    with shared.open_store(store) as workspace:
        found = [marker_dict(one) for one in workspace.markers(None if model is None else workspace.model(model).name)]
    if json:
        shared.print_json(found)
        return
    if not found:
        typer.echo("Nothing is marked. Next: retrue marker add 'new pipeline' --kind deployment")
        return
    table = quiet_table("No.", "At (UTC)", "Until", "Kind", "Model", "Text", right=["No."])
    for one in found:
        cells = (one["at"][:16], (one["until"] or "")[:16], one["kind"], one["model"] or "all", one["text"])
        add_row(table, (str(one["number"]), *cells))
    shared.console().print(table)


def remove(
    number: Annotated[int, typer.Argument(help="The marker's number.", metavar="NUMBER")], store: StoreOption = None
) -> None:
    """Forget a marker."""
    with shared.open_store(store) as workspace:
        workspace.remove_marker(number)
    typer.echo(f"Marker {number} is forgotten.")
