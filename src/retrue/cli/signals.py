"""Commands about watched signals: signals add, signals list, signals remove, signals collect."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from retrue.cli import shared
from retrue.cli.shared import JsonOption, ModelArgument, StoreOption
from retrue.errors import ConfigError

if TYPE_CHECKING:
    from retrue.slices import Slice
    from retrue.workspace import Model
    from retrue.workspace.incident import ModelIncident

PANEL = "True it again"

signals = typer.Typer(name="signals", help="Watch for edge cases, and collect them as they come.", no_args_is_help=True)


def add_to(app: typer.Typer) -> None:
    """Add the commands."""
    for name, command in (("add", add), ("list", list_signals), ("remove", remove), ("collect", collect_new)):
        signals.command(name)(command)
    app.add_typer(signals, name="signals", rich_help_panel=PANEL)


def add(
    name: ModelArgument,
    where: Annotated[str | None, typer.Argument(help='The slice: "precip > 0.1".', metavar="SQL")] = None,
    store: StoreOption = None,
    signal: Annotated[
        str | None, typer.Option(help="A built-in one, such as low_confidence.", metavar="SIGNAL")
    ] = None,
    incident: Annotated[str | None, typer.Option(help="The guilty slice of an incident.", metavar="ID")] = None,
    policy: Annotated[str, typer.Option(help="always, 10 %, 200 per day by benefit ...", metavar="POLICY")] = (
        "200 per day"
    ),
    since: Annotated[str | None, typer.Option(help="First event time (ISO, UTC).", metavar="TIME")] = None,
    as_name: Annotated[str | None, typer.Option("--as", help="What to call it.", metavar="NAME")] = None,
    json: JsonOption = False,
) -> None:
    """Watch a signal: judge its share, collect its rows."""
    begins = shared.moment(since, "--since")
    model = shared.open_model(store, name)
    kept = model.watch_signal(chosen(model, where, signal, incident), name=as_name, policy=policy, since=begins)
    if json:
        shared.print_json(kept.to_dict())
        return
    typer.echo(f"Signal {kept.name!r} is watched: {kept.slice}; collected: {kept.policy}.")
    typer.echo(f"Next: retrue signals collect {name}{shared.same_store(store)}, or let retrue serve do it.")


def chosen(model: Model, where: str | None, signal: str | None, incident: str | None) -> str | Slice | ModelIncident:
    """What is to be watched.

    Raises:
        ConfigError: nothing is named, or more than one thing.
    """
    if sum(one is not None for one in (where, signal, incident)) != 1:
        raise ConfigError("which signal?", expected="a slice, --signal or --incident, one of them")
    if incident is not None:
        return model.incident(incident)
    if signal is not None:
        from retrue.refine.signals import named

        return named(signal)
    return str(where)


def list_signals(name: ModelArgument, store: StoreOption = None, json: JsonOption = False) -> None:
    """List what is watched, and how much was collected."""
    from retrue.report.layout import add_row, quiet_table

    found = shared.open_model(store, name).watched_signals()
    if json:
        shared.print_json([one.to_dict() for one in found])
        return
    if not found:
        typer.echo(f"Nothing is watched. Next: retrue signals add {name} --signal low_confidence")
        return
    table = quiet_table("Signal", "Rows", "Of", "Policy", "Slice", right=["Rows", "Of"])
    for one in found:
        said = one.slice or one.function or ""
        add_row(table, (one.name, f"{one.rows:,}", f"{one.matched:,}", one.policy, one.error or said))
    shared.console().print(table)


def remove(
    name: ModelArgument,
    signal: Annotated[str, typer.Argument(help="The signal's name.", metavar="SIGNAL")],
    store: StoreOption = None,
) -> None:
    """Watch a signal no more; what it collected stays."""
    shared.open_model(store, name).unwatch_signal(signal)
    typer.echo(f"Signal {signal!r} is watched no more; what it collected stays.")


def collect_new(name: ModelArgument, store: StoreOption = None, json: JsonOption = False) -> None:
    """Collect now what newly met the signals."""
    model = shared.open_model(store, name)
    with shared.working("collecting"):
        gained = model.collect_new()
    if json:
        shared.print_json(gained)
        return
    from retrue.report.words import plural

    for signal, count in gained.items():
        typer.echo(f"{plural(count, 'new row')} of {signal!r}.")
    for one in model.watched_signals():
        if one.error is not None:
            typer.echo(f"{one.name!r} can't be told: {one.error}")
    if not gained:
        typer.echo("Nothing new was logged.")
