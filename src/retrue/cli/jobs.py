"""Commands about what runs by itself: jobs, logs."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from retrue.cli import shared
from retrue.cli.shared import JsonOption, StoreOption

if TYPE_CHECKING:
    from retrue.jobs.records import Page
    from retrue.store import rows

PANEL = "The service"

ModelOption = Annotated[str | None, typer.Option("--model", help="Of this model only.", metavar="MODEL")]
RunOption = Annotated[
    str | None, typer.Option("--run", help="Of this training run, or the start of its id.", metavar="ID")
]
VersionOption = Annotated[str | None, typer.Option("--version", help="About this version.", metavar="VERSION")]
LimitOption = Annotated[int, typer.Option("--limit", min=1, max=10_000, help="How many at most.", metavar="N")]


def add_to(app: typer.Typer) -> None:
    """Add the commands."""
    for command in (jobs, logs):
        app.command(command.__name__, rich_help_panel=PANEL)(command)


def jobs(
    store: StoreOption = None,
    model: ModelOption = None,
    kind: Annotated[str | None, typer.Option(help="Of this kind: check, notify, prune ...", metavar="KIND")] = None,
    status: Annotated[str | None, typer.Option(help="running, done or failed.", metavar="STATUS")] = None,
    run: RunOption = None,
    version: VersionOption = None,
    limit: LimitOption = 20,
    json: JsonOption = False,
) -> None:
    """List what ran by itself, newest first, and what came of it."""
    from retrue.report.jobs import job_dict, jobs_view

    with shared.open_store(store) as workspace:
        found: Page[rows.Job] = workspace.jobs(
            kind=kind, status=status, model=model, run=run, version=version, limit=limit
        )
    if json:
        shared.print_json([job_dict(job) for job in found.rows])
    elif found.rows:
        shared.console().print(jobs_view(found.rows, found.total))
    else:
        typer.echo(f"No such jobs. What runs them: retrue serve{shared.same_store(store)}")


def logs(
    text: Annotated[
        str | None, typer.Argument(help="Lines that hold this, in whatever case.", metavar="[TEXT]")
    ] = None,
    store: StoreOption = None,
    model: ModelOption = None,
    job: Annotated[str | None, typer.Option(help="Of this run of a job, or the start of its id.", metavar="ID")] = None,
    run: RunOption = None,
    version: VersionOption = None,
    level: Annotated[str | None, typer.Option(help="info, warning or error, and graver ones.", metavar="LEVEL")] = None,
    since: Annotated[str | None, typer.Option(help="From then on (ISO, UTC).", metavar="TIME")] = None,
    limit: LimitOption = 50,
    json: JsonOption = False,
) -> None:
    """Search what jobs, trainings and the server said."""
    from retrue.report.jobs import log_dict, logs_view

    at = shared.moment(since, "--since")
    with shared.open_store(store) as workspace:
        about = {"model": model, "job": job, "run": run, "version": version}
        asked = {**about, "text": text, "level": level, "since": at, "limit": limit}
        found: Page[rows.Log] = workspace.logs(**asked)
    if json:
        shared.print_json([log_dict(line) for line in found.rows])
    elif found.rows:
        shared.console().print(logs_view(tuple(reversed(found.rows)), found.total))
    else:
        typer.echo("No such lines.")
