"""Commands about the store: migrate, recount, doctor."""

from __future__ import annotations

import platform
import sys
from typing import Annotated

import typer

from retrue.cli import shared
from retrue.cli.shared import DEFAULT_STORE, JsonOption, StoreOption


def add_to(app: typer.Typer) -> None:
    """Add the commands."""
    for command in (migrate, recount, doctor):
        app.command(command.__name__)(command)


def migrate(store: StoreOption = DEFAULT_STORE) -> None:
    """Bring a store that an older version wrote up to date, after a backup beside it."""
    from retrue.store.upgrade import upgrade

    backup = upgrade(store)
    typer.echo(
        "The store is up to date." if backup is None else f"The store is up to date. The old catalog is in {backup}."
    )


def recount(
    name: Annotated[str | None, typer.Argument(help="The model's name; all models unless given.")] = None,
    store: StoreOption = DEFAULT_STORE,
) -> None:
    """Rebuild the profiles from the logged events."""
    workspace = shared.open_store(store)
    for model in [workspace.model(name)] if name else workspace.models():
        typer.echo(f"{model.name}: {workspace.store.recount(model.name):,} profiles rebuilt.")


def doctor(store: StoreOption = DEFAULT_STORE, json: JsonOption = False) -> int:
    """Say which versions are at work and whether the store is sound."""
    from importlib.metadata import version as installed

    from retrue.version import VERSION

    facts = {"retrue": VERSION, "python": sys.version.split()[0], "system": platform.platform(terse=True)}
    facts |= {name: installed(name) for name in ("polars", "numpy", "deltalake", "sqlalchemy", "scikit-learn")}
    problems: list[str] = []
    with shared.open_store(store) as workspace:
        for model in workspace.models():
            pending = workspace.store.pending(model.name)
            facts[f"model {model.name}"] = f"version {model.version}, {pending} rows not applied yet"
    if json:
        shared.print_json({**facts, "problems": problems})
    else:
        for name, value in facts.items():
            typer.echo(f"{name}: {value}")
    return int(bool(problems))
