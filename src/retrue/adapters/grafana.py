"""Grafana: dashboards of what Retrue exports, as JSON to import or to provision; `dashboards` says what is on them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

SOURCE = {"type": "prometheus", "uid": "${source}"}
MODEL = 'model=~"$model"'
WIDTH = 24
"""Columns of Grafana's grid."""


@dataclass(frozen=True, slots=True)
class Panel:
    """A panel: its finding as a question, its queries with what each line is called, and how it is drawn.

    Args:
        title: what it answers.
        queries: PromQL, and the legend of its lines.
        unit: Grafana's name of the unit; "" for a pure number.
        width: of 24.
        type: "timeseries", "stat" or "table".
        help: what a reader must know.
    """

    title: str
    queries: Sequence[tuple[str, str]]
    unit: str = ""
    width: int = 12
    type: str = "timeseries"
    help: str = ""


@dataclass(frozen=True, slots=True)
class Board:
    """A dashboard: its name in files and addresses, its title, its panels, and the variables that they ask for.

    Args:
        name: such as "fleet".
        title: what it is of.
        help: who looks at it, and when.
        panels: from left to right, from the top.
        variables: of "model" and "metric".
    """

    name: str
    title: str
    help: str
    panels: Sequence[Panel]
    variables: Sequence[str] = ()


LINKS = {
    "title": "Retrue",
    "type": "dashboards",
    "tags": ["retrue"],
    "asDropdown": True,
    "keepTime": True,
    "includeVars": True,
}
"""The way to the other dashboards."""


def dashboard(board: Board) -> dict[str, Any]:
    """A dashboard, as Grafana's import takes it; each has links to the others of the pack."""
    return {
        "uid": f"retrue-{board.name}",
        "title": f"Retrue: {board.title}",
        "description": board.help,
        "tags": ["retrue"],
        "links": [LINKS],
        "schemaVersion": 39,
        "editable": True,
        "refresh": "1m",
        "time": {"from": "now-7d", "to": "now"},
        "timezone": "browser",
        "templating": {"list": [_source(), *(_variable(one, several=one == "model") for one in board.variables)]},
        "panels": _placed(board.panels),
    }


def _source() -> dict[str, Any]:
    return {"name": "source", "label": "Source", "type": "datasource", "query": "prometheus"}


def _variable(name: str, *, several: bool) -> dict[str, Any]:
    of = "retrue_model_out_of_true, model" if name == "model" else f"retrue_performance{{{MODEL}}}, metric"
    query = f"label_values({of})"
    return {
        "name": name,
        "label": name.capitalize(),
        "type": "query",
        "datasource": SOURCE,
        "query": {"query": query, "refId": name},
        "refresh": 2,
        "multi": several,
        "includeAll": several,
        "sort": 1,
    }


def _placed(panels: Sequence[Panel]) -> list[dict[str, Any]]:
    """Panels from left to right, in rows of 24 columns."""
    told, x, y = [], 0, 0
    for number, panel in enumerate(panels, start=1):
        if x + panel.width > WIDTH:
            x, y = 0, y + 8
        told.append({**_panel(panel, number), "gridPos": {"x": x, "y": y, "w": panel.width, "h": 8}})
        x += panel.width
    return told


def _panel(panel: Panel, number: int) -> dict[str, Any]:
    instant = panel.type != "timeseries"
    return {
        "id": number,
        "type": panel.type,
        "title": panel.title,
        "description": panel.help,
        "datasource": SOURCE,
        "targets": [
            {
                "refId": chr(ord("A") + i),
                "datasource": SOURCE,
                "expr": query,
                "legendFormat": legend,
                "instant": instant,
                "format": "table" if panel.type == "table" else "time_series",
            }
            for i, (query, legend) in enumerate(panel.queries)
        ],
        "fieldConfig": {"defaults": {"unit": panel.unit} if panel.unit else {}, "overrides": []},
        "options": {},
    }
