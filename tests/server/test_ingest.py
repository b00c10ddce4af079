"""Ingestion over HTTP: every form, every row's fate, keys, bounds; against one real server."""

from __future__ import annotations

import gzip
import io
import json
import socket
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, closing
from http.client import HTTPConnection
from typing import Any

import httpx
import polars as pl
import pytest
import zstandard
from tests.server.conftest import Served, loans
from tests.server.hammer import until

import retrue as rt

EVENTS = "/api/v1/models/loans/events"
JSON = {"content-type": "application/json"}
NDJSON = {"content-type": "application/x-ndjson"}
ARROW = {"content-type": "application/vnd.apache.arrow.stream"}


def rows(first: int, n: int) -> list[dict[str, Any]]:
    """Loans without their label, as JSON has them."""
    found: list[dict[str, Any]] = json.loads(loans(first, n).drop("y").write_json())
    return found


def columns(first: int, n: int) -> dict[str, Any]:
    """The same by column."""
    return {"columns": {name: [row[name] for row in rows(first, n)] for name in rows(first, 1)[0]}}


def arrow(first: int, n: int, *, stream: bool = True) -> bytes:
    """The same as Arrow IPC."""
    buffer, frame = io.BytesIO(), loans(first, n).drop("y")
    _ = frame.write_ipc_stream(buffer) if stream else frame.write_ipc(buffer)
    return buffer.getvalue()


def text(value: object) -> bytes:
    return json.dumps(value).encode()


FORMS: dict[str, tuple[bytes, dict[str, str]]] = {
    "one row": (text(rows(100, 1)[0]), JSON),
    "rows": (text(rows(110, 3)), JSON),
    "columns": (text(columns(120, 3)), JSON),
    "lines": (b"\n".join(map(text, rows(130, 3))) + b"\n\n", NDJSON),
    "an Arrow stream": (arrow(140, 3), ARROW),
    "an Arrow file": (arrow(150, 3, stream=False), {"content-type": "application/vnd.apache.arrow.file"}),
    "gzip": (gzip.compress(text(rows(160, 3))), {**JSON, "content-encoding": "gzip"}),
    "zstd": (zstandard.compress(text(rows(170, 3))), {**JSON, "content-encoding": "zstd"}),
}


@pytest.mark.parametrize("form", FORMS)
def test_every_form_is_taken(client: httpx.Client, form: str) -> None:
    body, headers = FORMS[form]
    said = client.post(EVENTS, content=body, headers=headers)
    told = {key: said.json()[key] for key in ("accepted", "quarantined", "changes", "ack")}
    expected: dict[str, Any] = {
        "accepted": 1 if form == "one row" else 3,
        "quarantined": 0,
        "changes": [],
        "ack": "spool",
    }
    assert (said.status_code, told) == (202, expected)


def test_good_rows_are_taken_and_bad_ones_told_by_number(client: httpx.Client) -> None:
    good, bad = rows(200, 3), rows(203, 1)[0] | {"income": "much"}
    said = client.post(EVENTS, json=[good[0], 7, bad, good[1], None, good[2]]).json()
    assert (said["accepted"], said["quarantined"]) == (3, 3)
    assert said["rejected"] == [
        {"row": 1, "reason": "not an object"},
        {"row": 2, "reason": "wrong type: column 'income' has 'much', expected Float64"},
        {"row": 4, "reason": "not an object"},
    ]


@pytest.mark.parametrize("kind", ["events", "labels"])
def test_labels_that_do_not_count_are_taken_and_told(client: httpx.Client, kind: str) -> None:
    """They may be corrected; the answer says how many, beside rows that are set aside and labels without a value."""
    sent = [{**row, "y": y} for row, y in zip(rows(205, 5), [7, 1, None, 0, 7], strict=True)]
    if kind == "events":
        sent[0]["income"] = "much"
    else:
        sent = [{"id": row["id"], "y": row["y"]} for row in sent]
    said = client.post(f"/api/v1/models/loans/{kind}", json=sent).json()
    counted = {"labels of neither class, expected '0' or '1'": 1 if kind == "events" else 2}
    skipped = {} if kind == "events" else {"labels without a value": 1}
    assert (said["accepted"], said["quarantined"]) == (4, 1 if kind == "events" else 0)
    assert said["counts"] == {**counted, **skipped}


def test_scores_that_are_no_probabilities_are_taken_and_told(client: httpx.Client) -> None:
    """One that isn't there is no fault, and one of a row that is set aside isn't taken."""
    scores = [3.2, 0.5, None, -0.1, 1, 7.0]
    sent = [{**row, "p": p} for row, p in zip(rows(230, 6), scores, strict=True)]
    sent[5]["income"] = "much"
    said = client.post(EVENTS, json=sent).json()
    assert (said["accepted"], said["quarantined"], said["counts"]) == (5, 1, {"scores outside 0 to 1": 2})


def test_lines_that_are_no_json_are_told_by_number(client: httpx.Client) -> None:
    body = b'{"id": 1, "at":\n' + text(rows(210, 1)[0]) + b"\n[]\n"
    said = client.post(EVENTS, content=body, headers=NDJSON).json()
    assert (said["accepted"], [one["row"] for one in said["rejected"]]) == (1, [0, 2])
    assert said["reasons"] == {"malformed JSON": 1, "not an object": 1}


REFUSED: dict[str, tuple[bytes, dict[str, str], int, str]] = {
    "JSON that was cut off": (b"[1,", JSON, 400, "the JSON is cut off after 3 bytes in the body"),
    "JSON that is no row": (b"5", JSON, 400, "JSON, but no rows in the body"),
    "malformed JSON with its place": (b'{"id" 1}', JSON, 400, "byte 6 of the body"),
    "nothing": (b"", JSON, 400, "an empty body"),
    "no rows at all": (b"7", JSON, 400, "a list of objects"),
    "deep nesting": (b"[" * 100_000, JSON, 400, "no JSON"),
    "a missing role": (b'{"income": 1}', JSON, 400, "column 'id' is missing"),
    "no columns": (b"[{}]", JSON, 400, "rows without any column"),
    "rows of columns of their own": (text([{f"c{i}": 1} for i in range(9_000)]), JSON, 400, "9,000 columns"),
    "many rows of which each has little": (
        text([{f"c{i % 1_900}": 1} for i in range(11_000)]),
        JSON,
        413,
        "at most 20,000,000",
    ),
    "much that is no row": (b"7\n" * 100_001, NDJSON, 400, "no objects"),
    "uneven columns": (b'{"columns": {"id": ["a"], "at": []}}', JSON, 400, "columns of one length"),
    "a column that is no list": (b'{"columns": {"id": 1}}', JSON, 400, "a column that is no list"),
    "a cut stream": (arrow(0, 10)[:900], ARROW, 400, "no Arrow IPC"),
    "bytes that are no gzip": (b"{}", {**JSON, "content-encoding": "gzip"}, 400, "can't be unpacked"),
    "cut gzip": (gzip.compress(text(rows(0, 9)))[:60], {**JSON, "content-encoding": "gzip"}, 400, "before its end"),
    "bytes that are no zstd": (b"{}", {**JSON, "content-encoding": "zstd"}, 400, "can't be unpacked"),
    "an unknown packing": (b"{}", {**JSON, "content-encoding": "br"}, 415, "gzip or zstd"),
    "a form": (b"a=1", {"content-type": "application/x-www-form-urlencoded"}, 415, "application/json"),
    "no type": (b"{}", {}, 415, "without Content-Type"),
    "rows without end": (b"[" + b"{}," * 1_000_001 + b"{}]", JSON, 413, "more than 1,000,000 rows"),
    "objects without end": (b"[[" + b"{}," * 2_000_000 + b"{}]]", JSON, 413, "objects and lists"),
    "lines without end": (b"{}\n" * 1_000_001, NDJSON, 413, "more than 1,000,000 lines"),
    "a bomb": (gzip.compress(b" " * 70_000_000), {**JSON, "content-encoding": "gzip"}, 413, "unpacked"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_what_cannot_be_read_is_refused_with_its_place(client: httpx.Client, case: str) -> None:
    body, headers, status, said = REFUSED[case]
    answer = client.post(EVENTS, content=body, headers=headers)
    assert (answer.status_code, said in answer.json()["error"]["message"]) == (status, True), answer.text


def test_an_unknown_model_names_the_nearest(client: httpx.Client) -> None:
    said = client.post("/api/v1/models/loan/events", json={})
    assert (said.status_code, said.json()["error"]["hint"]) == (404, "did you mean 'loans'?")


def test_a_body_that_is_too_large_is_refused_before_it_is_read(server: Served) -> None:
    with closing(HTTPConnection(server.url.removeprefix("http://"), timeout=10)) as connection:
        connection.request("POST", EVENTS, headers={**JSON, "content-length": "65000000"})
        said = connection.getresponse()
        assert (said.status, b"64" in said.read()) == (413, True)


def test_who_promises_much_and_sends_little_keeps_nobody_out(server: Served, client: httpx.Client) -> None:
    address = httpx.URL(server.url)
    with ExitStack() as stack:
        for _ in range(4):
            slow = stack.enter_context(closing(HTTPConnection(address.host, address.port, timeout=10)))
            slow.putrequest("POST", EVENTS)
            slow.putheader("Content-Type", "application/json")
            slow.putheader("Content-Length", "60000000")
            slow.endheaders(b"[")
        for number in range(5):
            assert client.post(EVENTS, json=rows(340 + number, 1)).status_code == 202
            time.sleep(0.1)


@pytest.mark.parametrize(
    ("query", "headers", "where"),
    [
        ("?ack=now", {}, "query ack"),
        ("?version=", {}, "query version"),
        ("", {"Idempotency-Key": "k" * 201}, "header Idempotency-Key"),
    ],
)
def test_what_a_request_says_must_fit(client: httpx.Client, query: str, headers: dict[str, str], where: str) -> None:
    said = client.post(EVENTS + query, json=rows(390, 1), headers=headers)
    assert (said.status_code, said.json()["error"]["where"]) == (422, where)


def test_a_key_is_taken_once_and_answered_alike(client: httpx.Client) -> None:
    headers, batch = {"idempotency-key": "once"}, [*rows(300, 2), 7]
    first, again = (client.post(EVENTS, json=batch, headers=headers).json() for _ in range(2))
    assert again == {**first, "repeated": True}
    assert first["accepted"] == 2


def test_a_key_with_another_body_is_refused_and_takes_nothing(client: httpx.Client) -> None:
    headers = {"idempotency-key": "reused"}
    assert client.post(EVENTS, json=rows(330, 1), headers=headers).status_code == 202
    other = client.post(EVENTS, json=rows(331, 1), headers=headers)
    assert other.status_code == 422
    assert other.json()["error"]["what"] == "the key came before with other rows; none of these were taken"
    assert client.post(EVENTS, json=rows(331, 1)).json()["accepted"] == 1
    assert client.post(EVENTS, json=rows(330, 1), headers=headers).json()["repeated"]


def test_a_key_of_events_says_nothing_of_labels(client: httpx.Client) -> None:
    headers = {"idempotency-key": "the same for both"}
    assert client.post(EVENTS, json=rows(320, 1), headers=headers).json()["accepted"] == 1
    label = [{"id": "l320", "y": 1}]
    for again in (False, True):
        said = client.post("/api/v1/models/loans/labels", json=label, headers=headers).json()
        assert (said["accepted"], said["repeated"]) == (1, again)


def test_requests_that_come_at_once_are_answered_each_with_its_own(client: httpx.Client) -> None:
    """They are joined; a bad value, a label that is null or a key of one of them is none of the others' business."""

    def send(number: int) -> dict[str, Any]:
        which = number % 7 + 500 if number % 2 else number  # who repeats a key sends the same again
        row = rows(400 + which, 1)[0] | ({"income": "?"} if number % 10 == 0 else {})
        key = {"idempotency-key": f"at-once-{number % 7}"} if number % 2 else {}
        answer: dict[str, Any] = client.post(EVENTS, json=row, headers=key).json()
        return answer

    with ThreadPoolExecutor(16) as pool:
        said = list(pool.map(send, range(70)))
    keyed = [one for number, one in enumerate(said) if number % 2]
    plain = [one for number, one in enumerate(said) if number % 2 == 0]
    assert [one["quarantined"] for one in plain] == [int(number % 10 == 0) for number in range(0, 70, 2)]
    assert sum(not one["repeated"] for one in keyed) == 7
    assert not any(one["repeated"] for one in plain)


def test_whole_numbers_beside_fractions_stay_whole(client: httpx.Client, server: Served) -> None:
    """Requests are joined only where that changes nothing: a long id among fractions would lose its last figures."""
    long = 9_007_199_254_740_993
    with ThreadPoolExecutor(4) as pool:
        bodies = [rows(500, 1)[0] | {"id": long}, rows(501, 1)[0] | {"id": 1.5}] * 4
        assert {one.status_code for one in pool.map(lambda body: client.post(EVENTS, json=body), bodies)} == {202}
    with rt.open(server.folder) as store:
        found = store.model("loans").events(columns=["id"]).collect()["id"].to_list()
    assert str(long) in found


def test_labels_and_feedback_are_taken(client: httpx.Client) -> None:
    said = client.post("/api/v1/models/loans/labels", json=[{"id": "l100", "y": 1}, {"id": "l110", "y": None}]).json()
    assert (said["accepted"], said["counts"]) == (1, {"labels without a value": 1})
    assert client.post("/api/v1/models/loans/feedback", json={"id": "l100", "clicks": 2}).json()["accepted"] == 1


def test_what_comes_in_is_what_a_notebook_would_have_logged(server: Served, client: httpx.Client) -> None:
    """The same rows, over HTTP and by `log`, are the same rows in the lake."""
    client.post(EVENTS, json=columns(600, 50))
    with rt.open(server.folder) as store:
        model = store.model("loans")
        logged = model.log(loans(600, 50).drop("y"))
        lake = model.events().filter(pl.col("id").is_in([f"l{n}" for n in range(600, 650)])).collect()
    assert (logged.counts["events repeated"], len(lake)) == (50, 50)


def test_who_goes_before_its_body_has_come_is_no_fault_of_ours(server: Served, client: httpx.Client) -> None:
    """A client that is killed while it sends is counted as gone (499), not as an error of the service."""
    address = httpx.URL(server.url)
    with socket.create_connection((address.host, address.port or 80)) as sock:
        head = f"POST {EVENTS} HTTP/1.1\r\nHost: {address.host}\r\nContent-Type: application/json\r\n"
        sock.sendall(f"{head}Content-Length: 1000\r\n\r\n[{{".encode())
    counted = 'retrue_http_seconds_count{method="POST",route="/api/v1/models/{model}/events",status="%d"}'
    until(lambda: counted % 499 in client.get("/metrics").text)
    assert counted % 500 not in client.get("/metrics").text
