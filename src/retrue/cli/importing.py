"""`retrue import`: what other tools check, as rules for `retrue.toml` or for a model."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from retrue.cli import shared
from retrue.cli.shared import JsonOption, StoreOption

if TYPE_CHECKING:
    from retrue.adapters.imports import Imported

PANEL = "A model in production"


class Tool(StrEnum):
    """Tools whose checks can be read."""

    GX = "gx"
    EVIDENTLY = "evidently"
    TFDV = "tfdv"


def add_to(app: typer.Typer) -> None:
    """Add the command."""
    app.command("import", rich_help_panel=PANEL)(import_checks)


def import_checks(
    tool: Annotated[
        Tool,
        typer.Argument(
            help="gx: a suite's JSON; evidently: a report's JSON; tfdv: a schema's .pbtxt.", show_default=False
        ),
    ],
    file: Annotated[Path, typer.Argument(help="The file that the tool wrote.", metavar="FILE", show_default=False)],
    model: Annotated[
        str | None, typer.Option("--model", help="Let this model be watched by them, too.", metavar="MODEL")
    ] = None,
    store: StoreOption = None,
    json: JsonOption = False,
) -> None:
    """Turn the checks of another tool into rules.

    Prints them as TOML for retrue.toml, with what has no counterpart and why. With --model they are added to its rules.
    """
    from retrue.adapters.imports import READERS
    from retrue.config import read_text

    found = READERS[tool.value](read_text(file, "what the tool wrote"))
    if model is not None:
        adopt(found, model, store)
    if json:
        shared.print_json(found.to_dict())
        return
    typer.echo(found.to_toml(model or "NAME"), nl=False)
    typer.echo(said(found, model), err=True)


def adopt(found: Imported, model: str, store: str | None) -> None:
    """Add rules to a model's own."""
    target = shared.open_model(store, model)
    own = list(target.options.rules)
    target.adopt([*own, *(rule for one in found.rules if (rule := str(one.rule)) not in own)])


def said(found: Imported, model: str | None) -> str:
    """How many there are, and what to do next."""
    from retrue.report.words import plural

    rest = f"{len(found.watched)} watched anyway, {len(found.left)} without a counterpart"
    counts = f"{plural(len(found.rules), 'rule')}, {rest}."
    if model is not None:
        return f"{counts} {model} is watched by them from the next check on."
    return f"{counts} Next: put it into a file, with the model's name, and see: retrue backtest MODEL --config FILE"
