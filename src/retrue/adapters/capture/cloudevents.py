"""CloudEvents, as KServe, Knative and Seldon send what was asked and answered: one event for each half, joined by id.

binary mode       the attributes are headers (`ce-id`, `ce-type`), the body is the data
structured mode   one JSON object (`application/cloudevents+json`) with `data` in it; a batch is a list of them
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Iterator, Mapping
from typing import Any

from retrue.adapters.capture.exchange import BadDocumentError, Exchange, moment, need
from retrue.adapters.capture.payloads import answers_of, from_text, is_error, rows_of
from retrue.adapters.capture.registry import capture_format

STRUCTURED = "application/cloudevents+json"
BATCH = "application/cloudevents-batch+json"
REQUEST, RESPONSE = "inference.request", "inference.response"
"""How the types of the two halves end: `org.kubeflow.serving.inference.request`, `io.seldon.serving...`."""


def in_headers(headers: Mapping[str, str]) -> bool:
    """Whether a message is in binary mode: its attributes, or some of them, are headers."""
    return any(name in headers for name in ("ce-id", "ce-type", "ce-specversion"))


def structured(headers: Mapping[str, str], body: bytes) -> dict[str, Any]:
    """A message in binary mode as the object that it would be in structured mode.

    Source: https://github.com/cloudevents/spec/blob/v1.0.2/cloudevents/bindings/http-protocol-binding.md, 3.1.
    """
    said = {name.lower(): value for name, value in headers.items()}
    attributes = {name[3:]: value for name, value in said.items() if name.startswith("ce-")}
    return {**attributes, "data": body.decode("utf-8-sig", "replace")}


@capture_format(
    "kserve", source="https://kserve.github.io/website/docs/model-serving/predictive-inference/logger/basic-logger"
)
def kserve(document: Mapping[str, Any]) -> Iterator[Exchange]:
    """KServe and Knative: CloudEvents of the inference logger, Open Inference Protocol v2 or v1 payloads."""
    yield from halves(document, "id")


@capture_format("seldon", source="https://docs.seldon.ai/seldon-core-1/configuration/integrations/logging")
def seldon(document: Mapping[str, Any]) -> Iterator[Exchange]:
    """Seldon Core: CloudEvents joined by `requestid`, with SeldonMessage or v2 payloads."""
    yield from halves(document, "requestid")


def halves(document: Mapping[str, Any], key: str) -> Iterator[Exchange]:
    """The half that an event is; none of one that is about something else, such as outliers or feedback."""
    named = key if document.get(key) else "id"
    if missing := next((name for name in ("type", named) if not document.get(name)), None):
        expected = f"the header ce-{missing} (binary mode), or {missing!r} beside 'data' (structured mode)"
        raise BadDocumentError("it is no CloudEvent", where=f"field {missing!r}", expected=expected)
    kind = need(document, "type", str)
    if not kind.endswith((REQUEST, RESPONSE)):
        return
    joins = str(need(document, named))
    time = moment(document["time"], "time") if document.get("time") else None
    data = data_of(document)
    if kind.endswith(REQUEST):
        yield Exchange(joins, inputs=rows_of(data, "data"), time=time)
        return
    if is_error(data):
        yield Exchange(joins, outputs=[], time=time, failed=True)
        return
    version = data.get("model_version") if isinstance(data, Mapping) else None
    yield Exchange(
        joins, outputs=answers_of(data, "data"), time=time, version=None if version is None else str(version)
    )


def data_of(document: Mapping[str, Any]) -> Any:
    """The data of an event: JSON, text of JSON, or that in base64."""
    if isinstance(packed := document.get("data_base64"), str):
        return from_text(unpacked64(packed, "data_base64").decode("utf-8", "replace"), "data_base64")
    data = need(document, "data")
    return from_text(data, "data") if isinstance(data, str) else data


def unpacked64(text: str, field: str) -> bytes:
    """What base64 holds.

    Raises:
        BadDocumentError: it is none.
    """
    try:
        return base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError) as error:
        raise BadDocumentError("it is no base64", where=f"field {field!r}") from error
