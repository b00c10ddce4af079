"""Commands about one model: register, log, label, feedback, check, quarantine, models."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from retrue.cli import shared
from retrue.cli.forgetting import forget
from retrue.cli.registering import register
from retrue.cli.shared import (
    AnyModelArgument,
    AtOption,
    JsonOption,
    ModelArgument,
    NowOption,
    StoreOption,
    TableArgument,
)
from retrue.errors import ConfigError

if TYPE_CHECKING:
    from retrue.workspace import Model
    from retrue.workspace.receiving import Received

PANEL = "A model in production"
SHOWN = 50
"""Rows of the quarantine that are printed."""
PAGE = 10_000
"""Rows of it that are read at once."""
TOLD = 5
"""Documents that can't be read of which is said why."""

VersionOption = Annotated[
    str | None,
    typer.Option("--version", help="The version that predicted, where the rows don't say; the champion unless given."),
]
KeyOption = Annotated[
    str | None, typer.Option("--key", help="A text of your own: a batch with a key seen before is not taken twice.")
]
FormatOption = Annotated[
    str | None,
    typer.Option(
        "--format", help="What a serving system captured: sagemaker, kserve, vertex, azureml ...", metavar="NAME"
    ),
]
MapOption = Annotated[
    list[str] | None,
    typer.Option(
        "--map", help="What the capture calls it, and the model's column; once for each.", metavar="NAME=COLUMN"
    ),
]


def add_to(app: typer.Typer) -> None:
    """Add the commands."""
    for command in (register, log, label, feedback, check, quarantine, forget):
        app.command(command.__name__, rich_help_panel=PANEL)(command)
    app.command("models", rich_help_panel=PANEL)(list_models)


def log(
    name: ModelArgument,
    table: TableArgument,
    store: StoreOption = None,
    version: VersionOption = None,
    key: KeyOption = None,
    at: AtOption = None,
    format: FormatOption = None,
    map: MapOption = None,
    json: JsonOption = False,
) -> None:
    """Log predictions.

    When this returns, the rows survive kill -9 and power loss. An equal repeat of an event is ignored, a differing one
    is set aside. With --format, TABLE is what a serving system captured, such as 'capture/**/*.jsonl'.
    """
    model, arrived = shared.open_model(store, name), shared.moment(at, "--at")
    renamed = shared.pairs(map, "--map")
    if renamed and format is None:
        raise ConfigError("--map without --format", hint="--format json takes any JSON")
    with shared.working(f"logging {table}"):
        if format is None:
            received = model.log(shared.read_rows(table), version=version, key=key, at=arrived)
        else:
            received = log_captured(model, table, format, renamed, version=version, key=key, at=arrived)
    tell(received, "event", f"{name}{shared.same_store(store)}", json)


def log_captured(
    model: Model, table: str, format: str, columns: dict[str, str], *, version: str | None, key: str | None, at: Any
) -> Received:
    """Log what a serving system captured; on standard error what of it can't be read."""
    from retrue.client.capture import log_capture, read_capture

    found = read_capture(table, format, schema=model.schema, columns=columns)
    for one in found.broken[:TOLD]:
        typer.echo(f"document {one.number + 1}: {one.reason}", err=True)
    return log_capture(model, found, version=version, key=key, at=at)


def label(
    name: ModelArgument,
    table: TableArgument,
    store: StoreOption = None,
    key: KeyOption = None,
    at: AtOption = None,
    json: JsonOption = False,
) -> None:
    """Log the truth, whenever it comes: rows with id and label.

    In any order, repeated or corrected; labels of events that aren't there yet wait for them.
    """
    model, arrived = shared.open_model(store, name), shared.moment(at, "--at")
    with shared.working(f"labelling from {table}"):
        received = model.label(shared.read_rows(table), key=key, at=arrived)
    tell(received, "label", f"{name}{shared.same_store(store)}", json)


def feedback(
    name: ModelArgument,
    table: TableArgument,
    store: StoreOption = None,
    key: KeyOption = None,
    at: AtOption = None,
    json: JsonOption = False,
) -> None:
    """Log clicks, purchases, thumbs: rows with the id.

    Any other columns, and many rows for an id.
    """
    model, arrived = shared.open_model(store, name), shared.moment(at, "--at")
    with shared.working(f"logging {table}"):
        received = model.feedback(shared.read_rows(table), key=key, at=arrived)
    tell(received, "row", f"{name}{shared.same_store(store)}", json)


def tell(received: Received, what: str, model: str, json: bool) -> None:
    """Print what became of rows; `model` is how the next command names it."""
    if json:
        shared.print_json(received.to_dict())
        return
    from retrue.report.status import fresh, received_view

    shared.console().print(received_view(received, what))
    if received.quarantined:
        typer.echo(f"Next: retrue quarantine {model}")
    elif fresh(received):
        typer.echo(f"Next: retrue check {model}")


def check(
    name: AnyModelArgument = None,
    store: StoreOption = None,
    now: NowOption = None,
    against: Annotated[
        str | None,
        typer.Option(help="Compare windows with it this time: 'last 7d'.", metavar="TIME"),
    ] = None,
    json: JsonOption = False,
) -> int:
    """Judge the windows that closed or changed since the last check.

    Exit status: 0 in true (notices included), 1 out of true, 2 wrong use or input.
    """
    at, workspace = shared.moment(now, "--now"), shared.open_store(store)
    found = {}
    for model in [workspace.model(name)] if name else workspace.models():
        with shared.working(f"judging {model.name}"):
            found[model.name] = model.check(at, against=against)
    if json:
        said = {model: [verdict.to_dict() for verdict in verdicts] for model, verdicts in found.items()}
        shared.print_json(said[name] if name else said)
    else:
        show_checked(found, shared.same_store(store))
    return int(any(verdict.alarms for verdicts in found.values() for verdict in verdicts))


def show_checked(found: dict[str, list[Any]], where: str) -> None:
    """Print each model's verdicts, and what to type next."""
    from retrue.report.checked import checked_view

    if not found:
        typer.echo("No models yet. Next: retrue register NAME --reference TABLE")
    for model, verdicts in found.items():
        shared.console().print(checked_view(model, verdicts))
        if any(verdict.alarms for verdict in verdicts):
            typer.echo(f"\nNext: retrue incidents {model}{where}")


def quarantine(
    name: ModelArgument,
    store: StoreOption = None,
    replay: Annotated[bool, typer.Option("--replay", help="Let all of them in again, as they are.")] = False,
    mended: Annotated[
        str | None,
        typer.Option("--mended", help="A table of what to let in again: `number`, and the columns.", metavar="TABLE"),
    ] = None,
    limit: Annotated[
        int | None, typer.Option("--limit", min=1, max=100_000, help="How many at most: 50; with --json all.")
    ] = None,
    after: Annotated[
        str | None, typer.Option("--after", help="Older ones than the row with this number.", metavar="NUMBER")
    ] = None,
    json: JsonOption = False,
) -> None:
    """List rows that were set aside, or let them in again."""
    model = shared.open_model(store, name)
    if replay or mended is not None:
        received = model.replay(None if mended is None else mended_rows(mended))
        tell(received, "row", f"{name}{shared.same_store(store)}", json)
        return
    model.store.apply(model.name)
    if json:
        shared.print_json(rows_aside(model, limit, after))
        return
    from retrue.report.status import quarantine_view

    known = model.store.set_aside(model.name)
    page = model.store.quarantine_page(model.name, limit or SHOWN, after=after)
    shared.console().print(quarantine_view(page.rows, known.total))
    if page.next is not None:
        typer.echo(f"Older ones: retrue quarantine {name}{shared.same_store(store)} --after {page.next}")


def rows_aside(model: Model, limit: int | None, after: str | None) -> list[dict[str, Any]]:
    """Rows that are set aside, newest first; all of them unless there is a limit."""
    found: list[dict[str, Any]] = []
    while limit is None or len(found) < limit:
        most = PAGE if limit is None else min(PAGE, limit - len(found))
        page = model.store.quarantine_page(model.name, most, after=after)
        found += page.rows.to_dicts()
        after = page.next
        if after is None:
            break
    return found


def mended_rows(source: str) -> dict[str, dict[str, Any]]:
    """The rows of a table by their numbers in the quarantine.

    Raises:
        TableError: it has no column `number`.
    """
    from retrue.errors import TableError

    table = shared.read_rows(source).collect()
    if "number" not in table.columns:
        raise TableError("no column 'number'", where=source, hint="retrue quarantine MODEL --json shows the numbers")
    return {str(row.pop("number")): row for row in table.to_dicts()}


def list_models(store: StoreOption = None, json: JsonOption = False) -> None:
    """List the registered models."""
    from retrue.workspace.facts import facts

    workspace = shared.open_store(store)
    said = [facts(model) for model in workspace.models()]
    if json:
        shared.print_json(said)
    elif not said:
        typer.echo("No models yet. Next: retrue register NAME --reference TABLE")
    else:
        from retrue.report.status import models_view

        shared.console().print(models_view(said))
