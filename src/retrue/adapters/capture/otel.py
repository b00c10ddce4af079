"""OpenTelemetry: spans of calls to models (`gen_ai.*` attributes), as OTLP writes them as JSON."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from retrue.adapters.capture.exchange import BadDocumentError, Exchange, moment, need
from retrue.adapters.capture.payloads import from_text
from retrue.adapters.capture.registry import capture_format

PREFIXES = ("gen_ai.", "ml.")
"""Spans with an attribute of these names are events; others, such as those of HTTP, aren't."""
MESSAGES = ("gen_ai.input.messages", "gen_ai.output.messages", "gen_ai.system_instructions")
"""Attributes with messages: of them their text is kept."""


def spans(document: Mapping[str, Any]) -> Iterator[Any]:
    """The spans of an export, each of which is read by itself; OTLP leaves out lists that are empty."""
    for resource in need(document, "resourceSpans", list):
        for scope in listed(resource, "scopeSpans"):
            yield from listed(scope, "spans")


def listed(holder: Mapping[str, Any], name: str) -> list[Any]:
    """A list that may be left out where it is empty."""
    return need(holder, name, list) if holder.get(name) else []


@capture_format(
    "otel", source="https://opentelemetry.io/docs/specs/semconv/gen-ai/gen-ai-spans", flat=True, split=spans
)
def otel(span: Mapping[str, Any]) -> Iterator[Exchange]:
    """OpenTelemetry: spans of GenAI and ML calls in OTLP's JSON (`resourceSpans`), each attribute a column."""
    attributes = attributes_of(span)
    if any(name.startswith(PREFIXES) for name in attributes):
        yield event(span, attributes)


def event(span: Mapping[str, Any], attributes: dict[str, Any]) -> Exchange:
    """A span as an event: it is named by its id, and happened when it ended."""
    start, end = nanoseconds(span, "startTimeUnixNano"), nanoseconds(span, "endTimeUnixNano")
    failed = isinstance(span.get("status"), Mapping) and span["status"].get("code") in (2, "STATUS_CODE_ERROR")
    row = {name: text_of(said, name) if name in MESSAGES else plain(said) for name, said in attributes.items()}
    row["span.name"], row["span.failed"] = str(span.get("name", "")), failed
    spent = max(end - start, 0) / 1e9
    return Exchange(str(need(span, "spanId")), [row], [{}], moment(end / 1e9, "endTimeUnixNano"), spent)


def nanoseconds(span: Mapping[str, Any], field: str) -> int:
    """A time since 1970, which OTLP writes as text since JSON has no 64 bits."""
    said = need(span, field)
    try:
        return int(said)
    except (TypeError, ValueError) as error:
        raise BadDocumentError(
            f"{str(said)[:40]!r} is no time", where=f"field {field!r}", expected="nanoseconds"
        ) from error


def attributes_of(span: Mapping[str, Any]) -> dict[str, Any]:
    """A span's attributes by name."""
    said = span.get("attributes") or []
    return {str(one["key"]): value_of(one.get("value")) for one in said if isinstance(one, Mapping) and "key" in one}


def value_of(said: Any) -> Any:
    """An attribute's value: OTLP's AnyValue, in which lists and objects may be nested.

    >>> value_of({"intValue": "12"}), value_of({"arrayValue": {"values": [{"stringValue": "stop"}]}})
    (12, ['stop'])
    >>> value_of({"kvlistValue": {"values": [{"key": "role", "value": {"stringValue": "user"}}]}})
    {'role': 'user'}
    """
    if not isinstance(said, Mapping) or not said:
        return None
    kind, value = next(iter(said.items()))
    if kind == "intValue":
        return int(value)
    if kind == "arrayValue":
        return [value_of(one) for one in listed(value, "values")]
    if kind == "kvlistValue":
        return {str(need(one, "key")): value_of(one.get("value")) for one in listed(value, "values")}
    return value if kind in ("stringValue", "doubleValue", "boolValue") else str(value)


def plain(value: Any) -> Any:
    """A value as a column has it: a list of plain values as one text, what is nested as JSON.

    >>> plain(["stop", "length"]), plain({"city": "Rome"})
    ('stop, length', '{"city": "Rome"}')
    """
    if isinstance(value, list) and not any(isinstance(one, list | dict) for one in value):
        return ", ".join(map(str, value))
    return json.dumps(value, ensure_ascii=False) if isinstance(value, list | dict) else value


def text_of(messages: Any, name: str) -> str:
    """The text of messages, each with its parts: `[{"role": ..., "parts": [{"type": "text", "content": ...}]}]`.

    The convention lets them be structured, or JSON as text where a library can't do that.
    """
    held = from_text(messages, name) if isinstance(messages, str) and messages[:1] in ("[", "{") else messages
    held = [held] if isinstance(held, Mapping) else held
    return "\n".join(texts(held)) if isinstance(held, list) else str(held)


def texts(held: Sequence[Any]) -> Iterator[str]:
    """Each text among messages and their parts."""
    for one in held:
        if isinstance(one, str):
            yield one
        elif isinstance(one, Mapping):
            inner = one.get("parts", one.get("content"))
            yield from texts(inner) if isinstance(inner, list) else [str(inner)] if inner is not None else []
