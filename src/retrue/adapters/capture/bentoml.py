"""BentoML: lines of `bentoml.monitor`, features and prediction by the names that they were logged under."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from retrue.adapters.capture.exchange import Exchange, moment, need
from retrue.adapters.capture.registry import capture_format

OWN = ("timestamp", "request_id", "trace_id")
NO_ID = (None, "", "None", "0")
"""What stands for an id that a call doesn't have: BentoML writes them as text."""


@capture_format(
    "bentoml", flat=True, rows=True,
    source="https://docs.bentoml.com/en/latest/build-with-bentoml/observability/monitoring-and-data-collection.html",
)  # fmt: skip
def bentoml(document: Mapping[str, Any]) -> Iterator[Exchange]:
    """BentoML: data files of `bentoml.monitor` (`data.*.log`), a JSON object a line."""
    row = {name: value for name, value in document.items() if name not in OWN}
    request = document.get("request_id")
    key = need(document, "trace_id") if request in NO_ID else request
    yield Exchange(str(key), [row], [{}], moment(need(document, "timestamp"), "timestamp"))
