"""Captured calls over HTTP: halves that find each other, whatever their order; against one real server."""

from __future__ import annotations

import json
import sqlite3
import time
from contextlib import closing
from typing import Any

import httpx
import pytest
from tests.server.conftest import Served

URL = "/api/v1/models/loans/capture"


def half(kind: str, key: str, data: Any) -> tuple[bytes, dict[str, str]]:
    """A CloudEvent in binary mode, as KServe's logger sends it."""
    headers = {
        "ce-specversion": "1.0", "ce-id": key, "ce-type": f"org.kubeflow.serving.inference.{kind}", "ce-source": "x",
        "ce-time": "2026-01-06T10:00:00Z", "content-type": "application/json", "ce-inferenceservicename": "loans",
    }  # fmt: skip
    return json.dumps(data).encode(), headers


def send(client: httpx.Client, body: bytes, headers: dict[str, str], path: str = "kserve") -> dict[str, Any]:
    """Send, and give the answer."""
    said = client.post(f"{URL}/{path}", content=body, headers=headers)
    assert said.status_code == 202, said.text
    found: dict[str, Any] = said.json()
    return found


ASKED = {"instances": [{"income": 1_000.0, "region": "north"}]}


def test_halves_in_binary_mode_find_each_other_in_any_order(client: httpx.Client) -> None:
    first = send(client, *half("response", "k1", {"predictions": [0.25]}))
    again = send(client, *half("response", "k1", {"predictions": [0.25]}))
    second = send(client, *half("request", "k1", ASKED))
    assert [(one["accepted"], one["waiting"]) for one in (first, again, second)] == [(0, 1), (0, 1), (1, 0)]


def test_structured_mode_and_batches_of_it_are_taken(client: httpx.Client) -> None:
    def event(kind: str, data: Any) -> dict[str, Any]:
        kind = f"org.kubeflow.serving.inference.{kind}"
        return {"specversion": "1.0", "id": "k2", "type": kind, "time": "2026-01-06T10:00:00Z", "data": data}

    one = json.dumps(event("request", ASKED)).encode()
    assert send(client, one, {"content-type": "application/cloudevents+json"})["waiting"] == 1
    batch = json.dumps([event("response", {"predictions": [0.5]}), event("response", 7) | {"id": "k3"}]).encode()
    said = send(client, batch, {"content-type": "application/cloudevents-batch+json"})
    assert (said["accepted"], said["waiting"]) == (1, 1)


def test_what_is_no_document_is_set_aside_and_told_with_its_field(client: httpx.Client) -> None:
    said = send(client, *half("request", "k4", {"inputs": [{"name": "x", "shape": [3], "data": [1]}]}))
    assert (said["quarantined"], said["waiting"]) == (1, 0)
    assert said["reasons"] == {"1 rows of shape [3] in field 'data.inputs[0]'": 1}


@pytest.mark.parametrize("missing", ["id", "type"])
def test_a_message_without_an_attribute_says_which_header_it_needs(missing: str, client: httpx.Client) -> None:
    body, headers = half("request", "k5", ASKED)
    headers.pop(f"ce-{missing}")
    said = send(client, body, headers)
    assert said["quarantined"] == 1
    assert f"it is no CloudEvent in field '{missing}': expected the header ce-{missing} (binary mode)" in str(said)


def test_a_half_that_waits_too_long_is_set_aside(client: httpx.Client, server: Served) -> None:
    send(client, *half("request", "k5", ASKED))
    with closing(sqlite3.connect(server.folder / "halves.db")) as db, db:
        db.execute("UPDATE halves SET at = ? WHERE id = 'k5'", (time.time() - 3_700,))
    said = send(
        client, b'{"id": "k6", "at": "2026-01-06T10:00:00Z", "income": 1.5, "region": "north", "p": 0.5}', {}, "json"
    )
    assert (said["accepted"], said["reasons"]) == (1, {"no answer came within an hour": 1})


def test_names_are_mapped_by_the_address_and_unknown_formats_refused(client: httpx.Client) -> None:
    body = b'{"who": "k7", "at": "2026-01-06T10:00:00Z", "in": {"money": 3.5}, "region": "north", "p": 0.5}'
    assert send(client, body, {}, "json?map=who=id&map=in.money=income")["accepted"] == 1
    assert client.post(f"{URL}/json?map=x", content=body).status_code == 422
    assert client.post(f"{URL}/jsn", content=body).status_code == 400
    assert client.post("/api/v1/models/nobody/capture/json", content=body).status_code == 404


def test_what_is_nothing_to_log_is_counted(client: httpx.Client) -> None:
    said = [send(client, *half("request", "k8", ASKED)), send(client, *half("response", "k8", {"error": "boom"}))]
    assert [(one["accepted"], one["waiting"], one["counts"]) for one in said] == [
        (0, 1, {}),
        (0, 0, {"failed calls": 1}),
    ]
    other = {"type": "io.seldon.serving.feedback", "id": "1", "data": {}}
    said = [send(client, json.dumps(other).encode(), {}, "seldon")]
    assert said[0]["counts"] == {"documents about something else": 1}
