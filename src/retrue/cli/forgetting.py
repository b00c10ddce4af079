"""`retrue forget`: erase the rows of some ids, once somebody has seen what that takes and said yes."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from retrue.cli import named, shared
from retrue.cli.shared import JsonOption, ModelArgument, StoreOption
from retrue.errors import ConfigError

if TYPE_CHECKING:
    from retrue.workspace.forgetting import Sought

NAMED = 20
"""Ids that are nowhere and are named; of more the number is told."""


def forget(
    name: ModelArgument,
    id: Annotated[
        list[str] | None, typer.Option("--id", help="An id, as it was logged; once for each.", metavar="ID")
    ] = None,
    file: Annotated[Path | None, typer.Option("--file", help="A file with an id on each line.", metavar="FILE")] = None,
    note: Annotated[
        str | None, typer.Option(help="Why, for the audit log; no personal data belongs in it.", metavar="TEXT")
    ] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Say what would go, and erase nothing.")] = False,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Erase without asking first.")] = False,
    store: StoreOption = None,
    json: JsonOption = False,
) -> None:
    """Erase every row of some ids, for good; asks first.

    From events, labels, feedback, quarantine, collections, references and training tables, older versions included.
    Profiles and figures stay: no row can be told from them. It can be done again, and should be where it was cut off.
    """
    from retrue.report.words import plural
    from retrue.workspace.forgetting import seek

    ids = [*(id or []), *(named.lines_of(file) if file else [])]
    if not (dry_run or yes or sys.stdin.isatty()):
        raise ConfigError(
            "nothing was erased: it is for good, and there is no terminal to ask at", where="retrue forget",
            expected="--yes, or --dry-run to see what would go",
        )  # fmt: skip
    model = shared.open_model(store, name)
    with shared.working(f"looking for rows of {model.name}"):
        sought = seek(model, ids)
    if dry_run and json:
        shared.print_json(sought.to_dict())
        return
    typer.echo(missing(sought), nl=bool(sought.missing), err=json)
    if dry_run or not yes:
        typer.echo(f"{plural(sought.ids, 'id')}: {places(sought.rows) or 'nothing'} would go.", err=json)
    if dry_run:
        return
    if not yes:
        typer.confirm("Erase them for good?", abort=True, err=json)
    with shared.working(f"erasing rows of {model.name}"):
        erased = model.forget(ids, note=note)
    if json:
        shared.print_json({**erased.to_dict(), "missing": list(sought.missing)})
        return
    typer.echo(f"{plural(erased.ids, 'id')}: {places(erased.rows) or 'no rows were there'}. Profiles stay.")
    for one in erased.left:
        typer.echo(f"not erased: {one}")


def places(rows: Mapping[str, int]) -> str:
    """How many rows of which places; "" where there are none.

    >>> places({"events": 2, "labels": 0}), places({})
    ('2 rows of events', '')
    """
    from retrue.report.words import plural

    return ", ".join(f"{plural(n, 'row')} of {place}" for place, n in rows.items() if n)


def missing(sought: Sought) -> str:
    """Name the ids that are nowhere; "" where each was found."""
    if not sought.missing:
        return ""
    more = len(sought.missing) - NAMED
    return f"not found: {', '.join(sought.missing[:NAMED])}{f' and {more:,} more' if more > 0 else ''}"
