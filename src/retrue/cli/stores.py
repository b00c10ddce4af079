"""Commands about the store: migrate, recount, upkeep, doctor."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer

from retrue.cli import shared
from retrue.cli.doctor import doctor
from retrue.cli.shared import AnyModelArgument, CatalogOption, JsonOption, StoreEngineOption, StoreOption

PANEL = "The store"


def add_to(app: typer.Typer) -> None:
    """Add the commands."""
    for command in (migrate, recount, upkeep, doctor):
        app.command(command.__name__, rich_help_panel=PANEL)(command)


def migrate(
    store: StoreOption = None,
    catalog: CatalogOption = None,
    to: Annotated[
        str | None, typer.Option("--to", help="Go back to an older form instead.", metavar="MIGRATION")
    ] = None,
    json: JsonOption = False,
) -> None:
    """Bring a store of an older version up to date, after a backup.

    With --to an older Retrue can open it again; what that has no place for is dropped.
    """
    from retrue.report.words import plural
    from retrue.store.catalog import HEAD
    from retrue.store.upgrade import upgrade

    folder = shared.store_folder(store)
    done = upgrade(folder, catalog=shared.store_catalog(catalog), to=to or HEAD)
    backup = done.backup
    if to not in (None, HEAD) and not json:
        typer.echo(f"The store is at migration {to}." + (f" The catalog as it was is in {backup}." if backup else ""))
        return
    if backup is not None and to in (None, HEAD):
        note_migration(folder, backup)
    if json:
        shared.print_json({"backup": None if backup is None else str(backup), "mended": done.mended})
        return
    kept = "" if backup is None else f" The catalog as it was is in {backup}."
    mended = f" {plural(done.mended, 'text')} with a NUL can be read again." if done.mended else ""
    typer.echo(f"The store is up to date.{kept}{mended}")


def note_migration(folder: str, backup: Path) -> None:
    """Write into the audit log that a store was migrated."""
    from retrue.workspace.acting import audit

    with shared.open_store(folder) as workspace, workspace.store.catalog.write() as tx:
        audit(tx, "migrated", body={"backup": backup.name})


def recount(
    name: AnyModelArgument = None,
    store: StoreOption = None,
    engine: StoreEngineOption = None,
    json: JsonOption = False,
) -> None:
    """Rebuild the profiles from the logged events."""
    from retrue.report.words import plural

    workspace = shared.open_store(store, engine=engine)
    rebuilt = {}
    for model in [workspace.model(name)] if name else workspace.models():
        with shared.working(f"recounting {model.name}"):
            rebuilt[model.name] = model.recount()
        if not json:
            typer.echo(f"{model.name}: {plural(rebuilt[model.name], 'profile')} rebuilt from the lake.")
    if json:
        shared.print_json(rebuilt)


def upkeep(
    folder: Annotated[
        str | None, typer.Argument(help="The store's folder; otherwise found as by --store.", metavar="[STORE]")
    ] = None,
    store: StoreOption = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Say what is due, and do nothing.")] = False,
    json: JsonOption = False,
) -> int:
    """Merge small files, drop what is too old, clean up.

    What `retrue serve` does by itself every hour. How long things are kept is said on the settings page, or by
    \\[retention] of retrue.toml. Exit status: 1 where something failed.
    """
    from retrue.jobs.upkeep import upkeep as keep_up

    with shared.open_store(folder or store) as workspace, shared.working("tidying up"):
        done = keep_up(workspace, datetime.now(UTC), dry=dry_run)
    if json:
        shared.print_json([one.to_dict() for one in done])
    else:
        for one in done:
            typer.echo(f"would have {one}" if dry_run and one.step != "failed" else str(one))
        if not done:
            typer.echo("Nothing is due.")
    return int(any(one.step == "failed" for one in done))
