"""Commands about incidents: incidents, explain, acknowledge, snooze, resolve, mark."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Annotated

import typer

from retrue.cli import named, shared
from retrue.cli.shared import HtmlOption, JsonOption, ModelArgument, StoreOption
from retrue.errors import ConfigError, StoreError

if TYPE_CHECKING:
    from retrue.workspace.incident import ModelIncident

PANEL = "Incidents"

IncidentArgument = Annotated[
    str, typer.Argument(help="The incident's id, or the start of it; the latest unless given.", metavar="INCIDENT")
]


def add_to(app: typer.Typer) -> None:
    """Add the commands."""
    for command in (incidents, explain, acknowledge, snooze, resolve, mark):
        app.command(command.__name__, rich_help_panel=PANEL)(command)


def incidents(
    name: ModelArgument,
    store: StoreOption = None,
    live: Annotated[bool, typer.Option("--live", help="Only those that aren't resolved.")] = False,
    json: JsonOption = False,
) -> None:
    """List the incidents: those that last first, the worst first."""
    found = shared.open_model(store, name).incidents(live=live)
    found.sort(key=lambda one: (not one.live, -one.severity.rank))
    if json:
        shared.print_json([one.to_dict() for one in found])
        return
    where = shared.same_store(store)
    if not found:
        typer.echo(f"No {'live ' if live else ''}incidents. Next: retrue check {name}{where}")
        return
    from retrue.report.incident import incidents_view

    shared.console().print(incidents_view([one.incident for one in found]))
    typer.echo(f"\nNext: retrue explain {name} {found[0].id}{where}")


def explain(
    name: ModelArgument,
    incident: IncidentArgument = "latest",
    store: StoreOption = None,
    predict: Annotated[
        str | None,
        typer.Option(help="The model, to part predictions among features.", metavar="FILE:NAME"),
    ] = None,
    html: HtmlOption = None,
    json: JsonOption = False,
) -> None:
    """Explain an incident: since when, which rows, what it costs."""
    from retrue.cli.flywheel import load_function

    named.check_page(html)
    chosen = find(store, name, incident)
    with shared.working("looking for the rows that explain it"):
        explanation = chosen.explain(None if predict is None else load_function(predict, "--predict"))
    if json:
        shared.print_json(explanation.to_dict())
    else:
        from retrue.report.incident import explanation_view

        shared.console().print(explanation_view(explanation, where=shared.same_store(store)))
    if html is not None:
        named.write_page(html, explanation.to_html(), quiet=json)


def acknowledge(
    name: ModelArgument, incident: IncidentArgument = "latest", store: StoreOption = None, json: JsonOption = False
) -> None:
    """Say that somebody is on it.

    It stays acknowledged until it is resolved.
    """
    chosen = lasting(find(store, name, incident))
    chosen.acknowledge()
    tell(chosen, json)


def snooze(
    name: ModelArgument,
    incident: IncidentArgument = "latest",
    length: Annotated[
        str | None, typer.Option("--for", help="How long from now: 12h, 3d, 2w.", metavar="LENGTH")
    ] = None,
    until: Annotated[str | None, typer.Option("--until", help="Until when (ISO 8601).", metavar="TIME")] = None,
    store: StoreOption = None,
    json: JsonOption = False,
) -> None:
    """Hear no more of it before a time.

    Alerts in windows that end later open it again.
    """
    from retrue.workspace import clock
    from retrue.workspace.options import seconds

    if (length is None) == (until is None):
        raise ConfigError("until when?", where="snooze", expected="either --for 2d or --until 2024-03-14T09:00")
    given = shared.moment(until, "--until")
    end = given if given is not None else clock.now() + timedelta(seconds=seconds(length or ""))
    chosen = lasting(find(store, name, incident))
    chosen.snooze(end)
    tell(chosen, json)


def resolve(
    name: ModelArgument,
    incident: IncidentArgument = "latest",
    at: Annotated[
        str | None, typer.Option("--at", help="When it ended (ISO 8601); now unless given.", metavar="TIME")
    ] = None,
    store: StoreOption = None,
    json: JsonOption = False,
) -> None:
    """Say that it is over.

    Alerts in windows that end later open it again.
    """
    chosen = find(store, name, incident)
    chosen.resolve(shared.moment(at, "--at"))
    tell(chosen, json)


def mark(
    name: ModelArgument,
    incident: IncidentArgument = "latest",
    real: Annotated[
        bool | None, typer.Option("--real/--false-alarm", help="Whether it is real or a false alarm.")
    ] = None,
    note: Annotated[str | None, typer.Option("--note", help="Why, in your own words.", metavar="TEXT")] = None,
    store: StoreOption = None,
    json: JsonOption = False,
) -> None:
    """Say whether it is real or a false alarm.

    The windows of a false alarm count as good ones: what they show is normal. A backtest takes the real ones as known.
    """
    if real is None:
        raise ConfigError("real or not?", where="mark", expected="either --real or --false-alarm")
    chosen = find(store, name, incident)
    chosen.mark(real=real, note=note)
    now = chosen.now().incident
    if json:
        shared.print_json(now.to_dict())
        return
    typer.echo(
        f"{now.id} is {'real' if now.real else 'a false alarm'}{f' ({now.note})' if now.note else ''}: {now.sentence}"
    )


def find(store: str | None, name: str, incident: str) -> ModelIncident:
    """The incident that is meant."""
    return shared.open_model(store, name).incident(incident)


def lasting(chosen: ModelIncident) -> ModelIncident:
    """The same; what is resolved needs nobody.

    Raises:
        StoreError: it is resolved.
    """
    if not chosen.incident.live:
        raise StoreError(f"incident {chosen.id} is resolved", hint="alerts that come soon after open it again")
    return chosen


def tell(before: ModelIncident, json: bool) -> None:
    """Print the incident as it is kept now."""
    now = before.now().incident
    if json:
        shared.print_json(now.to_dict())
        return
    until = f" until {now.snoozed_until}" if now.snoozed_until else ""
    typer.echo(f"{now.id} is {now.state}{until}: {now.sentence}")
