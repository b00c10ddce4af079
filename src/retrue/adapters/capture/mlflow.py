"""MLflow's model server behind an inference table: a row for each call, with the two bodies as text."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from retrue.adapters.capture.exchange import Exchange, moment, need
from retrue.adapters.capture.payloads import answers_of, from_text, rows_of
from retrue.adapters.capture.registry import capture_format


@capture_format("mlflow", source="https://docs.databricks.com/aws/en/machine-learning/model-serving/inference-tables")
def mlflow(document: Mapping[str, Any]) -> Iterator[Exchange]:
    """MLflow model serving: inference tables (`request`, `response`, `databricks_request_id`), without failed calls."""
    if document.get("status_code") not in (None, 200, "200"):
        yield Exchange(str(document.get("databricks_request_id")), [], [], failed=True)
        return
    spent = document.get("execution_time_ms", document.get("execution_duration_ms"))
    version = document.get("served_entity_id")
    yield Exchange(
        str(document.get("client_request_id") or need(document, "databricks_request_id")),
        rows_of(json_of(document, "request"), "request"),
        answers_of(json_of(document, "response"), "response"),
        time_of(document),
        None if spent is None else float(spent) / 1000,
        None if version is None else str(version),
    )


def time_of(document: Mapping[str, Any]) -> Any:
    """When it was asked: `request_time`, or `timestamp_ms` of older tables."""
    if document.get("timestamp_ms") is not None:
        return moment(need(document, "timestamp_ms", int) / 1000, "timestamp_ms")
    return moment(need(document, "request_time"), "request_time")


def json_of(document: Mapping[str, Any], field: str) -> Any:
    """A body, which is text of JSON."""
    held = need(document, field)
    return from_text(held, field) if isinstance(held, str) else held
