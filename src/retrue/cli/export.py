"""The command `export`: what other systems take in to watch what Retrue knows."""

from __future__ import annotations

import json
from enum import StrEnum
from importlib.resources import files
from pathlib import Path
from typing import Annotated

import typer

from retrue.cli import shared
from retrue.cli.shared import StoreOption
from retrue.errors import ConfigError

PANEL = "The service"


class What(StrEnum):
    """What can be exported."""

    RULES = "prometheus-rules"
    GRAFANA = "grafana"
    METRICS = "metrics"


def add_to(app: typer.Typer) -> None:
    """Add the command."""
    app.command("export", rich_help_panel=PANEL)(export)


def export(
    what: Annotated[
        What,
        typer.Argument(
            help="prometheus-rules: alerts, as YAML; grafana: dashboards; metrics: what /metrics shows, now.",
            show_default=False,
        ),
    ],
    output: Annotated[
        Path | None,
        typer.Option("--output", "-o", help="The file to write, of grafana the folder; else standard output."),
    ] = None,
    store: StoreOption = None,
) -> None:
    """Write alert rules, dashboards, or all figures for others."""
    if what is What.GRAFANA:
        grafana(output)
        return
    text = rules() if what is What.RULES else metrics(store)
    if output is None:
        typer.echo(text, nl=False)
        return
    output.write_text(text, encoding="utf-8")
    typer.echo(f"Written: {output}. {NEXT[what]}")


NEXT = {
    What.RULES: "Next: name it under rule_files in prometheus.yml; promtool check rules FILE checks it",
    What.GRAFANA: "Next: Grafana, Dashboards, New, Import; or name the folder in a provisioning file",
    What.METRICS: "Next: let node_exporter's textfile collector read it, or scrape /metrics of retrue serve",
}


def rules() -> str:
    """The alert rules."""
    return files("retrue.adapters").joinpath("rules.yml").read_text(encoding="utf-8")


def grafana(folder: Path | None) -> None:
    """Write each dashboard into a file of its own.

    Raises:
        ConfigError: no folder was named, or it can't be written to.
    """
    from retrue.adapters.dashboards import PACK
    from retrue.adapters.grafana import dashboard

    if folder is None:
        hint = "retrue export grafana --output grafana"
        raise ConfigError(f"{len(PACK)} dashboards, and no folder", expected="--output FOLDER", hint=hint)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for board in PACK:
            text = json.dumps(dashboard(board), indent=2) + "\n"
            (folder / f"retrue-{board.name}.json").write_text(text, encoding="utf-8")
    except OSError as error:
        raise ConfigError(f"can't write dashboards: {error.strerror}", where=str(folder)) from error
    typer.echo(f"Written: {len(PACK)} dashboards in {folder}. {NEXT[What.GRAFANA]}")


def metrics(store: str | None) -> str:
    """What `/metrics` shows of the store's models."""
    from retrue.adapters.prometheus import expose
    from retrue.adapters.samples import bounded
    from retrue.workspace.readings import MOST, readings

    with shared.open_store(store) as workspace:
        return expose(bounded(readings(workspace), MOST)).decode()
