"""Azure Machine Learning: files of the data collector, a CloudEvent a line; the two halves share a correlationid."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from retrue.adapters.capture.cloudevents import data_of
from retrue.adapters.capture.exchange import BadDocumentError, Exchange, moment, need
from retrue.adapters.capture.payloads import answers_of, rows_of
from retrue.adapters.capture.registry import capture_format

SIDES = {
    **dict.fromkeys(("inputs", "model_inputs", "request"), "inputs"),
    **dict.fromkeys(("outputs", "model_outputs", "response"), "outputs"),
}
"""How the types of the two halves end: `azureml.inference.inputs`, or the name of a collection of one's own."""


@capture_format(
    "azureml", source="https://learn.microsoft.com/en-us/azure/machine-learning/how-to-collect-production-data"
)
def azureml(document: Mapping[str, Any]) -> Iterator[Exchange]:
    """Azure Machine Learning: data collector files (`model_inputs`, `model_outputs`), joined by correlationid."""
    side = SIDES.get(need(document, "type", str).rpartition(".")[2])
    if side is None:
        return
    key, time = str(need(document, "correlationid")), moment(need(document, "time"), "time")
    if document.get("data") is None and document.get("dataref"):
        hint = "its payload was larger than 4 MB, and lies in the blob that it names"
        raise BadDocumentError("its data isn't in the file", where="field 'data'", hint=hint)
    data = data_of(document)
    version = None if document.get("modelversion") is None else str(document["modelversion"])
    if side == "inputs":
        yield Exchange(key, inputs=rows_of(data, "data"), time=time, version=version)
    else:
        yield Exchange(key, outputs=answers_of(data, "data"), time=time, version=version)
