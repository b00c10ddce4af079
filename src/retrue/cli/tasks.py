"""Commands about rows that need labels: tasks make, tasks list, tasks export, tasks import."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer

from retrue.cli import shared
from retrue.cli.shared import JsonOption, ModelArgument, StoreOption
from retrue.errors import ConfigError

PANEL = "True it again"

tasks = typer.Typer(name="tasks", help="Ask people for labels, and take what they say.", no_args_is_help=True)


def add_to(app: typer.Typer) -> None:
    """Add the commands."""
    for name, command in (("make", make), ("list", list_tasks), ("export", export), ("import", take)):
        tasks.command(name)(command)
    app.add_typer(tasks, name="tasks", rich_help_panel=PANEL)


def make(
    name: ModelArgument,
    where: Annotated[str | None, typer.Argument(help="A slice; all events unless given.", metavar="[SQL]")] = None,
    store: StoreOption = None,
    collection: Annotated[str | None, typer.Option(help="What was collected as NAME.", metavar="NAME")] = None,
    most: Annotated[
        int | None, typer.Option(help="The most new tasks; those asked before don't count.", metavar="TASKS")
    ] = None,
    people: Annotated[int, typer.Option(help="How many answers each needs.", metavar="PEOPLE")] = 1,
    since: Annotated[str | None, typer.Option(help="First event time (ISO, UTC).", metavar="TIME")] = None,
    until: Annotated[str | None, typer.Option(help="Events from here on are left out.", metavar="TIME")] = None,
    json: JsonOption = False,
) -> None:
    """Ask for labels of events that have none, each once."""
    from retrue.report.words import plural
    from retrue.workspace.annotate.asking import collection_of

    if where is not None and collection is not None:
        raise ConfigError("a slice and --collection", expected="one of them, or neither")
    model = shared.open_model(store, name)
    ends = {"since": shared.moment(since, "--since"), "until": shared.moment(until, "--until")}
    of = where if collection is None else collection_of(model, collection)
    made = model.labelling.make(of, most=most, people=people, **ends)
    if json:
        shared.print_json(made.to_dict())
        return
    typer.echo(
        f"{plural(made.new, 'new task')}; {made.known:,} were asked about before, {made.labelled:,} have a label."
    )
    if made.new:
        typer.echo(f"Next: retrue tasks export {name} --to tasks.csv{shared.same_store(store)}")


def list_tasks(name: ModelArgument, store: StoreOption = None, json: JsonOption = False) -> None:
    """Tell how far labelling is, who said how much, and whether they agree."""
    from retrue.report.layout import add_row, quiet_table
    from retrue.report.words import plural

    progress = shared.open_model(store, name).labelling.progress()
    if json:
        shared.print_json(progress.to_dict())
        return
    if not progress.total:
        typer.echo(f"Nothing is asked. Next: retrue tasks make {name} --most 100{shared.same_store(store)}")
        return
    typer.echo(f"{progress.left:,} of {plural(progress.total, 'task')} still need somebody.")
    table = quiet_table("State", "Tasks", right=["Tasks"])
    for state, n in progress.tasks.items():
        add_row(table, (state, f"{n:,}"))
    shared.console().print(table)
    for who, n in progress.people.items():
        typer.echo(f"{who}: {plural(n, 'answer')}")
    found = progress.agreement
    ends = f" ({found.interval[0]:.2f} to {found.interval[1]:.2f})" if found.interval else ""
    said = f"{found.alpha:.2f}{ends}, {found.word}" if found.alpha is not None else f"can't tell: {found.note}"
    typer.echo(f"Agreement (Krippendorff's alpha): {said}")


def export(
    name: ModelArgument,
    store: StoreOption = None,
    to: Annotated[Path | None, typer.Option(help="The file; standard output unless given.", metavar="FILE")] = None,
    format: Annotated[
        str, typer.Option(help="csv, json, label-studio or label-studio-interface.", metavar="FORMAT")
    ] = "csv",
    status: Annotated[
        str | None, typer.Option(help="open, disputed, agreed or known; what is left unless given.", metavar="STATE")
    ] = None,
) -> None:
    """Write tasks as a file that people fill in."""
    text = shared.open_model(store, name).labelling.export(format, status)
    if to is None:
        typer.echo(text, nl=False)
        return
    to.write_text(text, encoding="utf-8", newline="")
    typer.echo(f"Written to {to}. Next: retrue tasks import {name} {to}{shared.same_store(store)}")


def take(
    name: ModelArgument,
    file: Annotated[str, typer.Argument(help="CSV, JSON, or Label Studio's export; - for input.", metavar="FILE")],
    store: StoreOption = None,
    annotator: Annotated[str | None, typer.Option(help="Who said it, where the rows don't.", metavar="NAME")] = None,
    json: JsonOption = False,
) -> None:
    """Take what people said; the same file again changes nothing."""
    from retrue.report.words import plural

    text = read(file)
    model = shared.open_model(store, name)
    taken = model.labelling.take(text, annotator=annotator)
    if json:
        shared.print_json(taken.to_dict())
        return
    more = [(taken.changed, "changed"), (taken.repeated, "came before"), (taken.unknown, "of tasks that aren't here")]
    rest = "".join(f", {n:,} {what}" for n, what in more if n)
    rest += f", {plural(taken.blank, 'row')} without a label" if taken.blank else ""
    left = model.labelling.progress().left
    typer.echo(f"{plural(taken.new, 'new answer')}{rest}. {plural(left, 'task')} left.")


def read(file: str) -> str:
    """Read a file, or what is typed.

    Raises:
        ConfigError: it is no text in UTF-8.
    """
    try:
        data = sys.stdin.buffer.read() if file == "-" else Path(file).read_bytes()
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise ConfigError("no UTF-8", where=file, expected="CSV or JSON in UTF-8") from error
