"""Commands that prove and promote: golden, prove, promote, rollback, verify."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Annotated

import typer

from retrue.cli import shared
from retrue.cli.flywheel import PANEL
from retrue.cli.shared import JsonOption, ModelArgument, StoreOption

if TYPE_CHECKING:
    from retrue.workspace import Model

RunArgument = Annotated[
    str, typer.Argument(help="The run's id, or the start of it; the latest unless given.", metavar="RUN")
]


def add_to(app: typer.Typer) -> None:
    """Add the commands."""
    for command in (golden, prove, promote, rollback, verify):
        app.command(command.__name__, rich_help_panel=PANEL)(command)


def golden(
    name: ModelArgument,
    called: Annotated[str, typer.Argument(help="What to call the set.", metavar="NAME")],
    table: Annotated[str, typer.Argument(help="Labelled rows: a file or URL.", metavar="TABLE")],
    store: StoreOption = None,
    json: JsonOption = False,
) -> None:
    """Register rows that every challenger is compared on."""
    found = shared.open_model(store, name).golden(called, table)
    if json:
        shared.print_json(found.to_dict())
        return
    typer.echo(
        f"{found.frame.height:,} labelled rows are the golden set {found.name!r}: compared on, never trained on."
    )


def prove(name: ModelArgument, run: RunArgument = "latest", store: StoreOption = None, json: JsonOption = False) -> int:
    """Compare champion and challenger on events new to both.

    Exit status: 0 where the gate opens, 1 where it stays shut.
    """
    sys.path.insert(0, "")  # the code of a trained model is often in this folder
    found = shared.open_model(store, name).run(run)
    with shared.working("comparing champion and challenger"):
        proof = found.prove()
    if json:
        shared.print_json(proof.to_dict())
        return int(not proof.passed)
    from retrue.report.proof import proof_view

    shared.console().print(proof_view(proof))
    if proof.passed and found.passed_over is not None:
        typer.echo(f"\nBut it can't be promoted: {found.passed_over}. Hint: retrain")
    elif proof.passed:
        typer.echo(f"\nNext: retrue promote {name} {found.id}{shared.same_store(store)}")
    return int(not proof.passed)


def promote(
    name: ModelArgument,
    run: RunArgument = "latest",
    store: StoreOption = None,
    override: Annotated[
        str | None, typer.Option(help="Who answers for it where the gate refuses.", metavar="PERSON")
    ] = None,
    note: Annotated[str | None, typer.Option(help="Why the gate is overridden.", metavar="TEXT")] = None,
    json: JsonOption = False,
) -> None:
    """Make the challenger the champion.

    Refused, with the reasons and exit status 1, unless the gate passes, or a named person overrides it with a note.
    """
    sys.path.insert(0, "")  # as in `prove`
    model = shared.open_model(store, name)
    found = model.run(run)
    before, again = found.kept.get("proof", {}).get("at"), found.rolled_back
    with shared.working("promoting"):
        version = found.promote(override=override, note=note)
    if json:
        shared.print_json(model.run(found.id).to_dict())
        return
    where = shared.same_store(store)
    said = "the champion again" if again else "the champion"
    typer.echo(f"Version {version} of {name} is {said}; its model is {found.folder / 'model.joblib'}.")
    if not again:
        typer.echo(on_proof(model.run(found.id).kept["proof"]["at"], before))
    say_registry(model, found.id)
    typer.echo(f"Next: retrue log {name} EVENTS --version {version}{where}")
    typer.echo(f"Back: retrue rollback {name}{where}")


def on_proof(at: str, before: str | None) -> str:
    """Say which proof a promotion stands on: the one that was kept, or one that was made for it.

    >>> on_proof("2026-11-22T08:50:11.123+00:00", "2026-11-22T08:50:11.123+00:00")
    'It stands on the proof of 2026-11-22 08:50 UTC: nothing that it looked at has changed since.'
    """
    if at == before:
        moment = f"{at[:16].replace('T', ' ')} UTC"
        return f"It stands on the proof of {moment}: nothing that it looked at has changed since."
    return "It was proven just now" + ("." if before is None else ": what the proof before looked at has changed.")


def rollback(name: ModelArgument, store: StoreOption = None, json: JsonOption = False) -> None:
    """Make the version before the champion the champion again."""
    model = shared.open_model(store, name)
    left = next((row.body.get("run") for row in model.versions() if row.stage == "champion"), None)
    version = model.rollback()
    if json:
        shared.print_json({"model": name, "version": version})
        return
    typer.echo(f"Version {version} of {name} is the champion again.")
    if left is not None:
        say_registry(model, str(left))


def say_registry(model: Model, run: str) -> None:
    """Say where MLflow stands with a run, if it is to know of it."""
    from retrue.workspace.promote.registry import state_of

    said = state_of(model.run(run))
    if said is not None:
        typer.echo(said)


def verify(
    name: ModelArgument,
    store: StoreOption = None,
    version: Annotated[str | None, typer.Option(help="The champion unless given.", metavar="VERSION")] = None,
    since: Annotated[str | None, typer.Option(help="First event time (ISO, UTC).", metavar="TIME")] = None,
    until: Annotated[str | None, typer.Option(help="Events from here on are left out.", metavar="TIME")] = None,
    json: JsonOption = False,
) -> int:
    """Replay logged inputs through the artefact: is it served?

    Exit status: 0 where every logged score is the trained model's, 1 where some aren't.
    """
    sys.path.insert(0, "")  # as in `prove`
    model = shared.open_model(store, name)
    ends = shared.moment(since, "--since"), shared.moment(until, "--until")
    with shared.working("replaying"):
        found = model.verify(version, since=ends[0], until=ends[1])
    if json:
        shared.print_json(found.to_dict())
        return int(not found.same)
    typer.echo(found.sentence)
    for row in found.differing.head(10).iter_rows(named=True):
        typer.echo(f"  {row['id']}: logged {row['logged']}, the trained model says {row['replayed']}")
    return int(not found.same)
