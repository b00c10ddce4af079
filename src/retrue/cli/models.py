"""Commands about one model: register, log, label, feedback, check, incidents, explain."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from retrue.cli import shared
from retrue.cli.shared import (
    DEFAULT_STORE,
    AtOption,
    IdRole,
    JsonOption,
    KindRole,
    LabelRole,
    ModelArgument,
    NowOption,
    PredictionRole,
    ScoreRole,
    SliceRole,
    StoreOption,
    TableArgument,
    TaskRole,
    TimeRole,
)

if TYPE_CHECKING:
    from retrue.workspace.model import Received

VersionOption = Annotated[
    str | None, typer.Option("--version", help="Model version, where the rows don't say; the champion.")
]
KeyOption = Annotated[
    str | None, typer.Option("--key", help="A text of your own: the same batch with the same key is taken once.")
]


def add_to(app: typer.Typer) -> None:
    """Add the commands."""
    for command in (register, log, label, feedback, check, incidents, explain, quarantine):
        app.command(command.__name__)(command)
    app.command("models")(list_models)


def register(
    name: ModelArgument,
    reference: Annotated[str, typer.Option("--reference", "-r", help="The table it was trained or validated on.")],
    store: StoreOption = DEFAULT_STORE,
    id: IdRole = None,
    time: TimeRole = None,
    label: LabelRole = None,
    score: ScoreRole = None,
    prediction: PredictionRole = None,
    task: TaskRole = None,
    slice: SliceRole = None,
    kind: KindRole = None,
    timezone: Annotated[str, typer.Option(help="Of times that name none.", rich_help_panel="Roles")] = "UTC",
    window: Annotated[str | None, typer.Option(help="Length of a window, such as 1h or 1d.")] = None,
    grace: Annotated[str | None, typer.Option(help="Wait so long after a window before judging it.")] = None,
    maturity: Annotated[str | None, typer.Option(help="A label is final so long after its event.")] = None,
    alarm_budget: Annotated[str | None, typer.Option(help="False alarms accepted, such as '1 per 30d'.")] = None,
    rule: Annotated[list[str] | None, typer.Option("--rule", help="What must hold in every window.")] = None,
    json: JsonOption = False,
) -> None:
    """Register a model by the table it was trained or validated on; makes the store where there is none."""
    given = shared.roles(
        id=id, time=time, label=label, score=score, prediction=prediction, task=task, slice=slice, kind=kind
    )
    options: dict[str, Any] = {
        "window": window, "grace": grace, "maturity": maturity, "alarm_budget": alarm_budget, "rules": rule,
    }  # fmt: skip
    chosen = {key: value for key, value in options.items() if value is not None}
    workspace = shared.open_store(store, create=True)
    model = workspace.register(name, reference, options=chosen, timezone=timezone, **given)
    if json:
        shared.print_json(
            {
                "model": name,
                "version": model.version,
                "schema": model.schema.to_dict(),
                "options": model.options.to_dict(),
            }
        )
        return
    out = shared.console()
    out.print(f"[bold]{name}[/bold] is registered in {workspace.folder}, version {model.version}.")
    for column in model.schema.columns:
        out.print(f"  {column.name}  [dim]{column.kind}: {column.reason}[/dim]", highlight=False)
    out.print(f"Next: retrue log {name} EVENTS --store {store}")


def log(
    name: ModelArgument,
    table: TableArgument,
    store: StoreOption = DEFAULT_STORE,
    version: VersionOption = None,
    key: KeyOption = None,
    at: AtOption = None,
    json: JsonOption = False,
) -> None:
    """Log predictions. When this returns, the rows survive kill -9 and power loss."""
    model = shared.open_model(store, name)
    tell(model.log(table, version=version, key=key, at=shared.moment(at, "--at")), "events", name, json)


def label(
    name: ModelArgument,
    table: TableArgument,
    store: StoreOption = DEFAULT_STORE,
    key: KeyOption = None,
    at: AtOption = None,
    json: JsonOption = False,
) -> None:
    """Log the truth: rows with the id and the label, in any order, repeated or corrected."""
    model = shared.open_model(store, name)
    tell(model.label(table, key=key, at=shared.moment(at, "--at")), "labels", name, json)


def feedback(
    name: ModelArgument,
    table: TableArgument,
    store: StoreOption = DEFAULT_STORE,
    key: KeyOption = None,
    at: AtOption = None,
    json: JsonOption = False,
) -> None:
    """Log clicks, purchases, thumbs: rows with the id; many for an id."""
    model = shared.open_model(store, name)
    tell(model.feedback(table, key=key, at=shared.moment(at, "--at")), "rows of feedback", name, json)


def tell(received: Received, what: str, name: str, json: bool) -> None:
    """Print what became of rows."""
    if json:
        shared.print_json(received.to_dict())
        return
    out = shared.console()
    out.print(f"{received.accepted:,} {what} taken.")
    for said, count in received.counts.items():
        out.print(f"  {count:,} {said}")
    for change in received.changes:
        out.print(f"  [yellow]changed:[/yellow] {change}")
    if received.quarantined:
        out.print(f"[yellow]{received.quarantined:,} rows set aside[/yellow] (retrue quarantine {name}):")
        for reason, count in received.reasons.items():
            out.print(f"  {count:,}  {reason}")


def check(
    name: Annotated[str | None, typer.Argument(help="The model's name; all models unless given.")] = None,
    store: StoreOption = DEFAULT_STORE,
    now: NowOption = None,
    json: JsonOption = False,
) -> int:
    """Judge every window that closed or changed since the last check.

    Exit status: 0 in true (notices included), 1 out of true, 2 wrong use or input.
    """
    workspace = shared.open_store(store)
    chosen = [workspace.model(name)] if name else workspace.models()
    at = shared.moment(now, "--now")
    found = {model.name: model.check(at) for model in chosen}
    if json:
        shared.print_json([{"model": name, **v.to_dict()} for name, verdicts in found.items() for v in verdicts])
    else:
        for model, verdicts in found.items():
            show_verdicts(model, verdicts)
    return int(any(verdict.alarms for verdicts in found.values() for verdict in verdicts))


def show_verdicts(model: str, verdicts: list[Any]) -> None:
    """Print one model's verdicts: what alarms, what is only noticed, and how much is in true."""
    out = shared.console()
    windows = len({verdict.window for verdict in verdicts})
    alarms, notices = [v for v in verdicts if v.alarms], [v for v in verdicts if v.notice]
    if not verdicts:
        out.print(f"[bold]{model}[/bold]: no window closed or changed since the last check.")
        return
    state = f"{len(alarms)} alarms" if alarms else "in true"
    out.print(f"[bold]{model}[/bold]: {state} in {windows} windows, {len(notices)} notices.")
    for verdict in [*alarms, *notices]:
        day = verdict.window[0][:16].replace("T", " ") if verdict.window else ""
        colour = "red" if verdict.kind.value == "broken" else "yellow" if verdict.alarms else "dim"
        about = verdict.column or verdict.metric or ""
        out.print(
            f"  [dim]{day}[/dim]  [{colour}]{verdict.kind.value:<10}[/{colour}] [bold]{about}[/bold] {verdict.reason}"
        )
    if alarms:
        out.print(f"Next: retrue incidents {model}")


def incidents(
    name: ModelArgument,
    store: StoreOption = DEFAULT_STORE,
    live: Annotated[bool, typer.Option("--live", help="Only those that aren't resolved.")] = False,
    json: JsonOption = False,
) -> None:
    """List the incidents, latest first."""
    found = shared.open_model(store, name).incidents(live=live)
    if json:
        shared.print_json([one.to_dict() for one in found])
        return
    out = shared.console()
    if not found:
        out.print("No incidents. `retrue check` judges the windows that closed since the last check.")
    for one in found:
        colour = "dim" if one.state.value == "resolved" else "yellow"
        out.print(f"[bold]{one.id}[/bold]  [{colour}]{one.kind.value}, {one.state.value}[/{colour}]  {one.sentence}")
    if found:
        out.print(f"Next: retrue explain {name} {found[0].id}")


def explain(
    name: ModelArgument,
    incident: Annotated[str, typer.Argument(help="The incident's id, or the start of it.")],
    store: StoreOption = DEFAULT_STORE,
    json: JsonOption = False,
) -> None:
    """Explain an incident: since when, which features, which rows, what it costs."""
    explanation = shared.open_model(store, name).incident(incident).explain()
    if json:
        shared.print_json(explanation.to_dict())
        return
    from retrue.report.incident import explanation_view

    shared.console().print(explanation_view(explanation))


def quarantine(name: ModelArgument, store: StoreOption = DEFAULT_STORE, json: JsonOption = False) -> None:
    """List the rows that were set aside, with the reason for each."""
    found = shared.open_model(store, name).quarantine()
    if json:
        shared.print_json(found.to_dicts())
        return
    out = shared.console()
    out.print("Nothing was set aside." if not found.height else f"{found.height:,} rows were set aside:")
    for row in found.head(50).iter_rows(named=True):
        out.print(f"  [dim]{row['_at']:%Y-%m-%d %H:%M}[/dim] {row['kind']} [bold]{row['id']}[/bold]: {row['reason']}")


def list_models(store: StoreOption = DEFAULT_STORE, json: JsonOption = False) -> None:
    """List the registered models."""
    found = shared.open_store(store).models()
    rows = [{"model": m.name, "version": m.version, "open incidents": len(m.incidents(live=True))} for m in found]
    if json:
        shared.print_json(rows)
        return
    if not rows:
        typer.echo("No models yet. Next: retrue register NAME --reference TABLE")
    for row in rows:
        typer.echo(f"{row['model']}  version {row['version']}  {row['open incidents']} open incidents")
