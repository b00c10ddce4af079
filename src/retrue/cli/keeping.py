"""Commands that keep a store safe: backup, restore, and the move of its catalog to PostgreSQL."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from retrue.cli import shared
from retrue.cli.shared import CatalogOption, JsonOption, StoreOption

if TYPE_CHECKING:
    from retrue.store.backup import Card

PANEL = "The store"


def add_to(app: typer.Typer) -> None:
    """Add the commands."""
    for name, command in (("backup", backup), ("restore", restore), ("move-catalog", move_catalog)):
        app.command(name, rich_help_panel=PANEL)(command)


def backup(
    target: Annotated[str, typer.Argument(help="A new folder for the backup.", metavar="FOLDER")],
    store: StoreOption = None,
    catalog: CatalogOption = None,
    json: JsonOption = False,
) -> None:
    """Copy the store as it is at one moment, while it runs.

    The copy holds catalog, acknowledged rows, lake, references, runs and the privacy key; a lake at a URL stays there.
    """
    from retrue.store.backup import backup as copy
    from retrue.workspace import open as open_workspace

    place = shared.store_catalog(catalog)
    with open_workspace(shared.store_folder(store), catalog=place, create=False) as found, shared.working("copying"):
        card = copy(found.store, target)
    if json:
        shared.print_json(card.to_dict())
        return
    lake = "" if card.lake else " The lake stays where it is."
    typer.echo(f"Backup of {held(card)} in {target}.{lake}")


def restore(
    source: Annotated[str, typer.Argument(help="The backup.", metavar="BACKUP")],
    folder: Annotated[str, typer.Argument(help="Where the store shall be.", metavar="FOLDER")],
    catalog: CatalogOption = None,
    lake: Annotated[
        str | None, typer.Option("--lake", help="The lake to take over, if it is at a URL.", metavar="URL")
    ] = None,
    json: JsonOption = False,
) -> None:
    """Make a store of a backup, where there is none.

    A lake that is still there is kept: what came after the backup is counted anew. It has one catalog: whatever other
    one it had is refused from then on. To rehearse, copy the lake and name the copy.
    """
    import retrue.workspace  # noqa: F401 - what events are counted with: the lake may have to be counted anew
    from retrue.store.backup import restore as make

    with shared.working("restoring"):
        card = make(source, folder, catalog=catalog, lake=lake)
    if json:
        shared.print_json(card.to_dict())
        return
    typer.echo(f"The store of {card.at} is in {Path(folder)}: {held(card)}.")
    if lake is not None:
        typer.echo(f"It has taken over {lake}: any other catalog of that lake is refused from now on.")


def held(card: Card) -> str:
    """How many models a backup has."""
    from retrue.report.words import plural

    return plural(len(card.models), "model")


def move_catalog(
    to: Annotated[str, typer.Argument(help="An empty database: postgresql://...", metavar="URL")],
    store: StoreOption = None,
) -> None:
    """Move the catalog from SQLite to PostgreSQL.

    Stop the service first. The files stay, sealed, so that nothing is written to them by mistake.
    """
    from retrue.store.backup import move_catalog as move

    with shared.working("moving"):
        where = move(shared.store_folder(store), to)
    typer.echo(f"The catalog is in {where} now; the folder knows, so commands find it.")
