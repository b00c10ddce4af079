"""Vertex AI: rows of the BigQuery table that request-response logging writes."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from retrue.adapters.capture.exchange import Exchange, moment, need
from retrue.adapters.capture.payloads import answers_of, from_text, rows_of
from retrue.adapters.capture.registry import capture_format


@capture_format("vertex", source="https://cloud.google.com/vertex-ai/docs/predictions/online-prediction-logging")
def vertex(document: Mapping[str, Any]) -> Iterator[Exchange]:
    """Google Vertex AI: rows of request-response logging, exported from BigQuery as JSON lines or Parquet."""
    version = document.get("deployed_model_id")
    yield Exchange(
        str(need(document, "request_id")),
        [row for one in parts(document, "request_payload") for row in rows_of(one, "request_payload")],
        [row for one in parts(document, "response_payload") for row in answers_of(one, "response_payload")],
        moment(need(document, "logging_time"), "logging_time"),
        version=None if version is None else str(version),
    )


def parts(document: Mapping[str, Any], field: str) -> list[Any]:
    """A repeated column of JSON texts: one for each instance, or a single one with all."""
    held = need(document, field, (list, str, dict))
    return [
        from_text(one, field) if isinstance(one, str) else one for one in (held if isinstance(held, list) else [held])
    ]
