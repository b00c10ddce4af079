"""`retrue suggest`: rules that a reference keeps, as TOML to edit."""

from __future__ import annotations

from typing import Annotated

import typer

from retrue.cli import shared
from retrue.cli.shared import IdRole, JsonOption, KindRole, LabelRole, StoreOption, TimeRole

PANEL = "Two tables"


def add_to(app: typer.Typer) -> None:
    """Add the command."""
    app.command("suggest", rich_help_panel=PANEL)(suggest)


def suggest(
    what: Annotated[str, typer.Argument(help="A model's name, for its reference; or a table.", metavar="MODEL|TABLE")],
    id: IdRole = None,
    time: TimeRole = None,
    label: LabelRole = None,
    kind: KindRole = None,
    store: StoreOption = None,
    json: JsonOption = False,
) -> None:
    """Suggest rules that a reference keeps, as TOML to edit.

    Each with how often it would have alarmed in the reference's own windows, though nothing was wrong there.
    """
    from retrue.judge.suggest import suggest as run

    given = shared.roles(locals())
    with shared.working(f"reading {what}"):
        if is_table(what):
            name, found = "NAME", run(what, **given)
        else:
            model = shared.open_model(store, what)
            name, found = what, run(model.reference.frame, schema=model.schema, window=model.options.window)
    if json:
        shared.print_json(found.to_dict())
        return
    typer.echo(found.to_toml(name), nl=False)


def is_table(what: str) -> bool:
    """Whether a text names a table: a model's name has no slash, and none of a table's endings.

    >>> is_table("train.parquet"), is_table("data/train"), is_table("flights")
    (True, True, False)
    """
    endings = (".parquet", ".pq", ".csv", ".tsv", ".ndjson", ".jsonl", ".gz", ".zst")
    return "/" in what or what.lower().endswith(endings)
