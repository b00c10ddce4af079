"""SageMaker: data capture files, a JSON object a line, with CSV, JSON or base64 within."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from retrue.adapters.capture.cloudevents import unpacked64
from retrue.adapters.capture.exchange import MISSING, BadDocumentError, Exchange, moment, need
from retrue.adapters.capture.payloads import answers_of, from_csv, from_text, rows_of
from retrue.adapters.capture.registry import capture_format

INPUT, OUTPUT = "captureData.endpointInput", "captureData.endpointOutput"
UNTYPED = ("", "application/octet-stream", "binary/octet-stream")
"""Types of content that say nothing of it."""


@capture_format(
    "sagemaker", source="https://docs.aws.amazon.com/sagemaker/latest/dg/model-monitor-data-capture-endpoint.html"
)
def sagemaker(document: Mapping[str, Any]) -> Iterator[Exchange]:
    """Amazon SageMaker: data capture files of endpoints and batch transforms (`captureData`, `eventMetadata`)."""
    said = need(document, "captureData", Mapping)
    asked = said.get("endpointInput", said.get("batchTransformInput"))
    told = said.get("endpointOutput", said.get("batchTransformOutput"))
    inputs = MISSING if asked is None else rows_of(body(asked, INPUT), f"{INPUT}.data")
    outputs = MISSING if told is None else answers_of(body(told, OUTPUT), f"{OUTPUT}.data")
    if isinstance(inputs, list) and isinstance(outputs, list) and is_line(outputs, len(inputs)):
        outputs = outputs[0]
    key = need(document, "eventMetadata", Mapping).get("inferenceId") or need(document, "eventMetadata.eventId")
    time = moment(need(document, "eventMetadata.inferenceTime"), "eventMetadata.inferenceTime")
    yield Exchange(str(key), inputs, outputs, time)


def is_line(outputs: list[Any], asked: int) -> bool:
    """Whether the answers to several rows stand in one line of CSV (`0.5,0.7`), as of SageMaker's XGBoost."""
    return asked > 1 == len(outputs) and isinstance(outputs[0], list) and len(outputs[0]) == asked


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
        packed = unpacked64(text, f"{field}.data")
        text = packed.decode("utf-8", "replace")
        kind = guessed(packed) if kind in UNTYPED else kind
    if "jsonlines" in kind:
        return [from_text(line, f"{field}.data") for line in text.splitlines() if line.strip()]
    if "json" in kind or encoding == "JSON":
        return from_text(text, f"{field}.data")
    if "csv" in kind or encoding == "CSV" or kind == "text/plain":
        return from_csv(text)
    said = f"content of type {kind!r}" if kind else "content without a type"
    raise BadDocumentError(said, where=f"field '{field}.observedContentType'", expected="text/csv or application/json")


def guessed(packed: bytes) -> str:
    """The type of content that came without one, which is what SageMaker packs as base64; "": no text.

    >>> guessed(b"0.5,JFK"), guessed(b'{"instances": [[1]]}'), guessed(b"\\x89PNG\\r\\n")
    ('text/csv', 'application/json', '')
    """
    try:
        text = packed.decode("utf-8").strip()
    except UnicodeDecodeError:
        return ""
    if "\0" in text:
        return ""
    return "application/json" if text.startswith(("{", "[")) else "text/csv"
