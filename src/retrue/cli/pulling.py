"""Commands about rows that are elsewhere: pull, consume."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from retrue.cli import shared
from retrue.cli.shared import AnyModelArgument, JsonOption, ModelArgument, StoreOption
from retrue.errors import ConfigError, RetrueError

if TYPE_CHECKING:
    from retrue.workspace import Model
    from retrue.workspace.receiving import Received

PANEL = "A model in production"


def add_to(app: typer.Typer) -> None:
    """Add the commands."""
    app.command("pull", rich_help_panel=PANEL)(pull)
    app.command("consume", rich_help_panel=PANEL)(consume)


def pull(name: AnyModelArgument = None, store: StoreOption = None, json: JsonOption = False) -> int:
    """Take what is new where events, labels and feedback are.

    \\[models.NAME.sources.events] of retrue.toml, or `sources=` of register, says where that is. Each row comes in
    once, whatever dies in between. `retrue serve` does this by itself.

    Exit status: 0 all was read, 2 something couldn't be.
    """
    from retrue.workspace.pulling import adopt, sources_of

    workspace = shared.open_store(store)
    models = [workspace.model(name)] if name else workspace.models()
    found: dict[str, dict[str, Received]] = {}
    failed = list[RetrueError]()
    for model in models:
        adopt(model)
        with shared.working(f"reading for {model.name}"):
            taken = pull_model(model, failed)
        if name or sources_of(model.store, model.name):
            found[model.name] = taken
    if name and not workspace.model(name).sources():
        hint = f"describe one: [models.{name}.sources.events] in retrue.toml"
        raise ConfigError(f"{name!r} has no sources", hint=hint)
    if json:
        shared.print_json({model: {kind: one.to_dict() for kind, one in of.items()} for model, of in found.items()})
    else:
        show(found, shared.same_store(store))
    for error in failed:
        typer.echo(f"error: {error}", err=True)
    return 2 if failed else 0


def consume(
    name: ModelArgument,
    kind: Annotated[str, typer.Argument(help="events, labels or feedback.", metavar="[KIND]")] = "events",
    store: StoreOption = None,
) -> None:
    """Take the messages of a Kafka topic until it is stopped.

    \\[models.NAME.sources.events] names the topic and the consumer group. Several of these share the partitions; each
    message comes in once, whichever of them dies. SIGTERM and Ctrl-C end it behind the chunk that it is at.
    """
    import signal

    from retrue.jobs.ending import until_told
    from retrue.workspace.consuming import consume as consume_topic
    from retrue.workspace.consuming import topic_of
    from retrue.workspace.pulling import adopt

    model = shared.open_model(store, name)
    adopt(model)

    def told(received: Received) -> None:
        aside = f", {received.quarantined:,} set aside" if received.quarantined else ""
        typer.echo(f"{received.accepted:,} {kind} taken{aside}")

    source = topic_of(model, kind)
    with until_told(signal.SIGTERM, signal.SIGINT) as stop:
        typer.echo(f"Consuming {kind} of {name} from {source.name} in group {source.group!r}; Ctrl-C ends it.")
        consume_topic(model, kind, stop, told=told, warned=lambda error: typer.echo(f"warning: {error}", err=True))


def pull_model(model: Model, failed: list[RetrueError]) -> dict[str, Received]:
    """Pull all sources of a model; what fails is added to `failed`."""
    from retrue.workspace.pulling import pull as pull_one

    taken: dict[str, Received] = {}
    for kind, source in model.sources().items():
        try:
            taken[kind] = pull_one(model, kind, source)
        except RetrueError as error:
            failed.append(error)
    return taken


def show(found: dict[str, dict[str, Received]], where: str) -> None:
    """Print what came of each source."""
    from retrue.report.status import received_view

    if not found:
        typer.echo("No model has a source. Next: describe one, [models.NAME.sources.events] in retrue.toml")
    fresh = list[str]()
    for model, kinds in found.items():
        for kind, received in kinds.items():
            typer.echo(f"{model}, {kind}:")
            shared.console().print(received_view(received, {"events": "event", "labels": "label"}.get(kind, "row")))
            if received.accepted and model not in fresh:
                fresh.append(model)
    for model in fresh:
        typer.echo(f"Next: retrue check {model}{where}")
