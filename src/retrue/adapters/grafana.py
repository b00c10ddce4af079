"""Grafana: a dashboard of what Retrue exports, as JSON to import, with variables for the model and a metric."""

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


PERFORMANCE = f'{MODEL}, metric="$metric"'
PANELS = (
    Panel("Models out of true", [("sum(retrue_model_out_of_true)", "out of true")], width=6, type="stat"),
    Panel("Models", [("count(retrue_model_out_of_true)", "models")], width=6, type="stat"),
    Panel(
        "Incidents that aren't over",
        [("sum by (model, kind, severity) (retrue_incidents)", "{{model}}: {{kind}}, {{severity}}")],
        type="table",
    ),
    Panel(
        "How well does the model do?",
        [
            (f"retrue_performance{{{PERFORMANCE}}}", "{{model}} {{source}}"),
            (f"retrue_performance_low{{{PERFORMANCE}}}", "{{model}} {{source}}, low"),
            (f"retrue_performance_high{{{PERFORMANCE}}}", "{{model}} {{source}}, high"),
            (f"retrue_performance_reference{{{PERFORMANCE}}}", "{{model}} reference"),
        ],
        width=24,
        help="Realised by labels, or estimated without them; low and high are the ends of the 95 % interval.",
    ),
    Panel("Which columns cost most?", [(f"topk(10, abs(retrue_impact{{{MODEL}}}))", "{{model}} {{column}}")]),
    Panel("Which columns moved?", [(f"topk(10, retrue_drift{{{MODEL}}})", "{{model}} {{column}}, {{metric}}")]),
    Panel(
        "What is missing?",
        [(f'topk(10, retrue_quality{{{MODEL}, metric="missing"}})', "{{model}} {{column}}")],
        unit="percentunit",
    ),
    Panel("What do labels say beyond the estimate?", [(f"retrue_concept_drift{{{PERFORMANCE}}}", "{{model}}")]),
    Panel("Events a second", [(f"rate(retrue_events_total{{{MODEL}}}[15m])", "{{model}}")], unit="rps"),
    Panel(
        "What share of events is labelled?",
        [(f"retrue_labelled_events{{{MODEL}}} / retrue_events_total{{{MODEL}}}", "{{model}}")],
        unit="percentunit",
    ),
    Panel(
        "How long do predictions take?",
        [
            (f"histogram_quantile(0.5, retrue_latency_bucket{{{MODEL}}})", "{{model}} median"),
            (f"histogram_quantile(0.99, retrue_latency_bucket{{{MODEL}}})", "{{model}} p99"),
        ],
        help="In the newest window, in the model's own unit.",
    ),
    Panel("Rows set aside", [(f'rate(retrue_rows_special_total{{{MODEL}, what="set aside"}}[15m])', "{{model}}")]),
    Panel("Batches that wait for the lake", [(f"retrue_spool_batches{{{MODEL}}}", "{{model}}")]),
    Panel("Jobs", [("sum by (kind, status) (retrue_jobs)", "{{kind}}: {{status}}")]),
    Panel(
        "How fast does Retrue answer?",
        [("histogram_quantile(0.95, sum by (le, route) (rate(retrue_http_seconds_bucket[5m])))", "{{route}} p95")],
        unit="s",
    ),
    Panel(
        "Requests a second",
        [("sum by (route, status) (rate(retrue_http_seconds_count[5m]))", "{{route}} {{status}}")],
        unit="rps",
    ),
)  # fmt: skip


def dashboard() -> dict[str, Any]:
    """The dashboard, as Grafana's import takes it."""
    return {
        "uid": "retrue",
        "title": "Retrue: models in production",
        "tags": ["retrue"],
        "schemaVersion": 39,
        "editable": True,
        "refresh": "1m",
        "time": {"from": "now-7d", "to": "now"},
        "timezone": "browser",
        "templating": {"list": [_source(), _variable("model", several=True), _variable("metric", several=False)]},
        "panels": _placed(PANELS),
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
