"""SageMaker: data capture files, a JSON object a line, with CSV, JSON or base64 within."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from retrue.adapters.capture.cloudevents import unpacked64
from retrue.adapters.capture.exchange import MISSING, BadDocumentError, Exchange, moment, need
from retrue.adapters.capture.payloads import answers_of, from_csv, from_text, rows_of
from retrue.adapters.capture.registry import capture_format


@capture_format(
    "sagemaker", source="https://docs.aws.amazon.com/sagemaker/latest/dg/model-monitor-data-capture-endpoint.html"
)
def sagemaker(document: Mapping[str, Any]) -> Iterator[Exchange]:
    """Amazon SageMaker: data capture files of endpoints and batch transforms (`captureData`, `eventMetadata`)."""
    said = need(document, "captureData", Mapping)
    asked = said.get("endpointInput", said.get("batchTransformInput"))
    told = said.get("endpointOutput", said.get("batchTransformOutput"))
    yield Exchange(
        str(need(document, "eventMetadata.eventId")),
        MISSING
        if asked is None
        else rows_of(body(asked, "captureData.endpointInput"), "captureData.endpointInput.data"),
        MISSING
        if told is None
        else answers_of(body(told, "captureData.endpointOutput"), "captureData.endpointOutput.data"),
        moment(need(document, "eventMetadata.inferenceTime"), "eventMetadata.inferenceTime"),
    )


def body(side: Any, field: str) -> Any:
    """What one side's `data` holds: rows of CSV, or JSON (one value, or one a line).

    Raises:
        BadDocumentError: it holds something else, such as an image.
    """
    if not isinstance(side, Mapping):
        raise BadDocumentError("no object", where=f"field {field!r}")
    text, encoding = need(side, "data", str), str(side.get("encoding", "")).upper()
    kind = str(side.get("observedContentType") or "").partition(";")[0].strip().lower()
    if encoding == "BASE64":
        text = unpacked64(text, f"{field}.data").decode("utf-8", "replace")
    if "jsonlines" in kind:
        return [from_text(line, f"{field}.data") for line in text.splitlines() if line.strip()]
    if "json" in kind or encoding == "JSON":
        return from_text(text, f"{field}.data")
    if "csv" in kind or encoding == "CSV" or kind == "text/plain":
        return from_csv(text)
    said = f"content of type {kind!r}" if kind else "content without a type"
    raise BadDocumentError(said, where=f"field '{field}.observedContentType'", expected="text/csv or application/json")
