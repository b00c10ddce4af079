"""Captured calls into a store: what is whole is logged, what is no document is set aside."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from tests.server.conftest import loans

import retrue as rt
from retrue.cli.app import run


def line(key: str, asked: str, told: str) -> str:
    """A line of a SageMaker data capture file."""
    side = {"observedContentType": "text/csv", "encoding": "CSV"}
    sides = {"endpointInput": {**side, "data": asked}, "endpointOutput": {**side, "data": told}}
    return json.dumps(
        {"captureData": sides, "eventMetadata": {"eventId": key, "inferenceTime": "2026-01-06T10:00:00Z"}}
    )


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A store with a model, and a file of calls beside it."""
    made = tmp_path_factory.mktemp("captured")
    with rt.open(made / "store") as store:
        store.register(
            "loans", loans(-1_000, 1_000), id="id", time="at", label="y", score="p", window="1d", estimate="off"
        )
    lines = [
        line("a", "1500,north", "0.25"),
        line("b", "1000", "0.5"),
        "{oops",
        line("c", "2000.5,east\n7,west", "0.5\n0.75"),
    ]
    (made / "calls.jsonl").write_text("\n".join(lines), encoding="utf-8")
    return made


def test_the_command_logs_them_and_says_what_it_can_not_read(folder: Path, capsys: Any) -> None:
    status = run(
        [
            "log",
            "loans",
            str(folder / "calls.jsonl"),
            "--format",
            "sagemaker",
            "--store",
            str(folder / "store"),
            "--json",
        ]
    )
    said = capsys.readouterr()
    told = json.loads(said.out)
    assert (status, told["accepted"], told["quarantined"]) == (0, 3, 2)
    assert "document 2: 1 values without names, and the model has 2 features" in said.err
    assert "document 3: it can't be read as JSON" in said.err
    with rt.open(folder / "store") as store:
        kept = store.store.quarantine_page("loans", 10).rows["reason"].to_list()
        assert sorted(reason.split(":")[0].split(",")[0] for reason in kept) == [
            "1 values without names",
            "it can't be read as JSON",
        ]


def cloud_event(kind: str) -> dict[str, Any]:
    """A CloudEvent that is about something else than one side of a call, or about one side alone."""
    return {"type": kind, "id": "1", "correlationid": "1", "time": "2026-01-06T10:00:00Z", "data": [{"income": 1.5}]}


HTTP = {"spanId": "1", "attributes": [{"key": "http.request.method", "value": {"stringValue": "GET"}}]}
NOTHING: dict[str, tuple[str, list[dict[str, Any]], dict[str, int]]] = {
    "an empty file": ("sagemaker", [], {}),
    "spans of HTTP": (
        "otel", [{"resourceSpans": [{"scopeSpans": [{"spans": [HTTP, HTTP]}]}]}], {"documents about something else": 2},
    ),
    "failed calls": ("mlflow", [{"databricks_request_id": "1", "status_code": 500}], {"failed calls": 1}),
    "requests alone": (
        "azureml", [cloud_event("azureml.inference.model_inputs")], {"requests without an answer": 1},
    ),
    "both sides at once": (
        "azureml", [cloud_event("azureml.inference.model_inputs_outputs")], {"documents about something else": 1},
    ),
}  # fmt: skip


@pytest.mark.parametrize("case", NOTHING)
def test_a_file_with_nothing_to_log_is_no_error_and_says_what_it_had(folder: Path, case: str, capsys: Any) -> None:
    form, documents, counts = NOTHING[case]
    (folder / "nothing.jsonl").write_text("\n".join(map(json.dumps, documents)), encoding="utf-8")
    command = ["log", "loans", str(folder / "nothing.jsonl"), "--format", form, "--store", str(folder / "store")]
    assert run([*command, "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert (told["accepted"], told["quarantined"], told["counts"]) == (0, 0, counts)
    assert run(command) == 0
    said = capsys.readouterr().out
    assert all(f"{count} {what}" in said for what, count in counts.items())


def test_what_is_of_another_format_is_an_error_that_says_where(folder: Path, capsys: Any) -> None:
    status = run(["log", "loans", str(folder / "calls.jsonl"), "--format", "vertex", "--store", str(folder / "store")])
    assert status == 2
    assert (
        "nothing of it is vertex: it has no such field in field 'request_id' in document 1 of 4"
        in capsys.readouterr().err
    )
