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
            help="prometheus-rules: alerts, as YAML; grafana: a dashboard, as JSON; metrics: what /metrics shows, now.",
            show_default=False,
        ),
    ],
    output: Annotated[
        Path | None, typer.Option("--output", "-o", help="The file to write; standard output unless given.")
    ] = None,
    store: StoreOption = None,
) -> None:
    """Write alert rules, a dashboard, or all figures for others."""
    text = rules() if what is What.RULES else grafana() if what is What.GRAFANA else metrics(store)
    if output is None:
        typer.echo(text, nl=False)
        return
    output.write_text(text, encoding="utf-8")
    typer.echo(f"Written: {output}. {NEXT[what]}")


NEXT = {
    What.RULES: "Next: name it under rule_files in prometheus.yml; promtool check rules FILE checks it",
    What.GRAFANA: "Next: Grafana, Dashboards, New, Import",
    What.METRICS: "Next: let node_exporter's textfile collector read it, or scrape /metrics of retrue serve",
}


def rules() -> str:
    """The alert rules."""
    return files("retrue.adapters").joinpath("rules.yml").read_text(encoding="utf-8")


def grafana() -> str:
    """The dashboard."""
    from retrue.adapters.grafana import dashboard

    return json.dumps(dashboard(), indent=2) + "\n"


def metrics(store: str | None) -> str:
    """What `/metrics` shows of the store's models."""
    from retrue.adapters.prometheus import expose
    from retrue.adapters.samples import bounded
    from retrue.workspace.readings import MOST, readings

    with shared.open_store(store) as workspace:
        return expose(bounded(readings(workspace), MOST)).decode()
