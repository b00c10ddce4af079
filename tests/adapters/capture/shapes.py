"""Documents of the shapes that serving systems publish (the URL is each format's `source`)."""

from __future__ import annotations

import json
from typing import Any

import retrue as rt

AT = "2023-04-05T07:39:53.505997782Z"


def event(kind: str, data: Any, **more: Any) -> dict[str, Any]:
    """A CloudEvent of KServe's logger, as its documentation shows it."""
    said = {
        "specversion": "1.0",
        "type": f"org.kubeflow.serving.inference.{kind}",
        "source": "http://localhost:9081/",
        "id": "689b15e7",
        "time": AT,
        "inferenceservicename": "sklearn-iris",
        "namespace": "default",
        "data": data,
    }
    return {**said, **more}


def read(documents: list[dict[str, Any]], format: str, **options: Any) -> list[dict[str, Any]]:
    """The events that documents come to."""
    found = rt.read_capture(documents, format, **options)
    assert not found.broken
    return found.events.to_dicts()


def without_time(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return [{name: value for name, value in row.items() if name not in ("time", "latency")} for row in rows]


def captured(asked: str, told: str, kinds: tuple[str, str], encoding: str) -> dict[str, Any]:
    """A line of a SageMaker data capture file."""
    sides = zip(("Input", "Output"), (asked, told), kinds, strict=True)
    return {
        "captureData": {
            f"endpoint{side}": {"observedContentType": kind, "mode": side.upper(), "data": data, "encoding": encoding}
            for side, data, kind in sides
        },
        "eventMetadata": {"eventId": "8f45e35c", "inferenceTime": "2020-07-30T13:36:30Z"},
        "eventVersion": "0",
    }


def vertex_row(asked: list[Any], told: list[Any]) -> dict[str, Any]:
    """A row of request-response logging, its payloads as text."""
    return {
        "deployed_model_id": "12", "logging_time": "2024-03-01T10:00:00Z", "request_id": 77,
        "request_payload": [json.dumps(one) for one in asked], "response_payload": [json.dumps(one) for one in told],
    }  # fmt: skip


def any_value(said: Any) -> dict[str, Any]:
    """A value as OTLP's JSON has it."""
    if isinstance(said, dict):
        return {"kvlistValue": {"values": [{"key": key, "value": any_value(one)} for key, one in said.items()]}}
    if isinstance(said, list):
        return {"arrayValue": {"values": [any_value(one) for one in said]} if said else {}}
    return {"intValue": str(said)} if isinstance(said, int) else {"stringValue": said}


def span(key: str, **attributes: Any) -> dict[str, Any]:
    """A span of a call to a model, as OTLP's JSON has it."""
    named = {"gen_ai.request.model": "gpt-4o", **attributes}
    return {
        "traceId": "5b8e", "spanId": key, "name": "chat gpt-4o", "kind": 3,
        "startTimeUnixNano": "1700000000000000000", "endTimeUnixNano": "1700000001500000000", "status": {},
        "attributes": [{"key": name, "value": any_value(value)} for name, value in named.items()],
    }  # fmt: skip


def export(*spans: dict[str, Any]) -> dict[str, Any]:
    """An OTLP export; its second scope has no span, and says so by leaving them out."""
    return {"resourceSpans": [{"resource": {}, "scopeSpans": [{"scope": {}, "spans": list(spans)}, {"scope": {}}]}]}
