"""Commands about what is chosen for a model: decide, trial start, trial status, trial stop."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from retrue.cli import shared
from retrue.cli.shared import JsonOption, ModelArgument, NowOption, StoreOption

if TYPE_CHECKING:
    from retrue.workspace.decide.trials import Trial

PANEL = "True it again"

trial = typer.Typer(name="trial", help="Compare two versions side by side in production.", no_args_is_help=True)

TrialArgument = Annotated[
    str, typer.Argument(help="The trial's id, or the start of it; the latest unless given.", metavar="TRIAL")
]


def add_to(app: typer.Typer) -> None:
    """Add the commands."""
    app.command("decide", rich_help_panel=PANEL)(decide)
    for name, command in (("start", start), ("status", status), ("stop", stop)):
        trial.command(name)(command)
    app.add_typer(trial, name="trial", rich_help_panel=PANEL)


def decide(name: ModelArgument, store: StoreOption = None, now: NowOption = None, json: JsonOption = False) -> None:
    """Say whether retraining pays by now, and why."""
    at = shared.moment(now, "--now")
    model = shared.open_model(store, name)
    with shared.working("weighing"):
        found = model.decide(at)
    if json:
        shared.print_json(found.to_dict())
        return
    from retrue.report.choosing import decision_view

    shared.console().print(decision_view(found.to_dict()))
    if not found.answer.situation.judged:
        typer.echo(f"Next: retrue check {name}{shared.same_store(store)}")


def start(
    name: ModelArgument,
    version: Annotated[str, typer.Argument(help="The version that is tried beside the champion.", metavar="VERSION")],
    store: StoreOption = None,
    kind: Annotated[
        str, typer.Option(help="shadow: both score the same events; ab: each event is scored by one.", metavar="KIND")
    ] = "shadow",
    share: Annotated[float, typer.Option(help="Of ab: the version's share of the events.", metavar="SHARE")] = 0.5,
    margin: Annotated[
        float, typer.Option(help="The share of the champion's loss that is worth a change.", metavar="SHARE")
    ] = 0.01,
    slices: Annotated[
        list[str] | None, typer.Option("--slice", help="Compare here too; watched ones unless given.", metavar="SQL")
    ] = None,
    run: Annotated[
        str | None, typer.Option(help="The run whose model it is: promoted as this version.", metavar="RUN")
    ] = None,
    now: NowOption = None,
    json: JsonOption = False,
) -> None:
    """Compare a version with the champion from now on."""
    at = shared.moment(now, "--now")
    model = shared.open_model(store, name)
    found = model.trial(version, kind=kind, share=share, margin=margin, slices=slices, run=run, now=at)
    if json:
        shared.print_json(found.to_dict())
        return
    said = f"{found.body['champion']} and {found.body['challenger']}"
    typer.echo(f"Trial {found.id}: versions {said} of {name} are compared by {found.body['metric']}.")
    where = shared.same_store(store)
    typer.echo(f"Next: retrue log {name} EVENTS --version {version}{where}, and: retrue trial status {name}{where}")


def status(
    name: ModelArgument, id: TrialArgument = "latest", store: StoreOption = None, now: NowOption = None,
    json: JsonOption = False,
) -> None:  # fmt: skip
    """Say what a trial has shown by now, and whether to stop."""
    show(found(name, id, store), now, json=json)


def stop(
    name: ModelArgument,
    id: TrialArgument = "latest",
    store: StoreOption = None,
    note: Annotated[str, typer.Option(help="Why.", metavar="TEXT")] = "",
    now: NowOption = None,
    json: JsonOption = False,
) -> None:
    """End a trial: events from now on don't count."""
    at = shared.moment(now, "--now")
    print_trial(found(name, id, store).stop(note, at), json=json)


def found(name: str, id: str, store: Any) -> Trial:
    """The trial that is meant."""
    from retrue.workspace.decide.trials import find

    return find(shared.open_model(store, name), id)


def show(chosen: Trial, now: str | None, *, json: bool) -> None:
    """Judge a trial, and print it."""
    at = shared.moment(now, "--now")
    with shared.working("comparing"):
        judged = chosen.update(at)
    print_trial(judged, json=json)


def print_trial(chosen: Trial, *, json: bool) -> None:
    """Print a trial as it was last judged."""
    if json:
        shared.print_json(chosen.to_dict())
        return
    from retrue.report.choosing import trial_view

    shared.console().print(trial_view(chosen.to_dict()))
