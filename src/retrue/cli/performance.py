"""The command `performance`: how a model did, window by window, with labels and without."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from retrue.cli import shared
from retrue.cli.shared import JsonOption, ModelArgument, StoreOption

if TYPE_CHECKING:
    from retrue.workspace import Model

PANEL = "A model in production"


def add_to(app: typer.Typer) -> None:
    """Add the command."""
    app.command("performance", rich_help_panel=PANEL)(performance)


def performance(
    name: ModelArgument,
    metric: Annotated[
        str | None,
        typer.Option("--metric", help="The metric to show; the first that judges the model unless given."),
    ] = None,
    version: Annotated[str | None, typer.Option("--version", help="The version; the champion unless given.")] = None,
    store: StoreOption = None,
    json: JsonOption = False,
) -> None:
    """Show how a model did in each window, with labels and without.

    What labels say, what was estimated before they came, and how far apart they are: what the inputs don't explain.
    """
    model = shared.open_model(store, name)
    if json:
        shared.print_json(model.performance(metric, version=version).to_dicts())
        return
    from retrue.report.performance import performance_view

    chosen = version or model.version
    shown = metric or main_metric(model, chosen)
    found = model.performance(shown, version=chosen)
    shared.console().print(performance_view(name, chosen, shown, found))
    if found.is_empty():
        told = next_of(model, chosen, shown)
        if told is not None:
            typer.echo(f"Next: {told}{shared.same_store(store)}")


def next_of(model: Model, version: str, metric: str) -> str | None:
    """What to ask next where nothing is known of a version: a check, or the newest other version that something is."""
    from retrue.workspace.check.timeline import is_judged

    if not is_judged(model):
        return f"retrue check {model.name}"
    others = [one.version for one in reversed(model.versions()) if one.version != version]
    known = next((one for one in others if not model.performance(metric, version=one).is_empty()), None)
    return None if known is None else f"retrue performance {model.name} --version {known}"


def main_metric(model: Model, version: str) -> str:
    """The metric that a version is judged by first."""
    from retrue.judge.main_metrics import MAIN, judged
    from retrue.judge.measured import measure_outcome

    outcome = model.reference_of(version).load().profile.outcome
    names = ("accuracy",) if outcome is None else MAIN[outcome.task]
    return next(iter(judged(outcome, measure_outcome(outcome, names))), names[0])
