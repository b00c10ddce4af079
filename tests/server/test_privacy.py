"""Personal data over HTTP: what a private column holds is nowhere afterwards, whatever it came in, broken or not."""

from __future__ import annotations

import json
from pathlib import Path

import httpx
import polars as pl
import pytest
from tests.server.conftest import loans, registered, serving
from tests.server.hammer import arrow, columns, lines, rows
from tests.server.test_capture import half
from tests.workspace.test_privacy import leaks

CANARY = "kanarienvogel-77"
"""What the private columns hold, or a part of it."""
OPEN = "shown-as-it-comes"
"""What another column holds: it must be found, or the search proves nothing."""
POLICY = {"email": "drop", "user": "hash", "id": "hash"}
MODEL = "/api/v1/models/loans"
JSON, NDJSON, ARROW = "application/json", "application/x-ndjson", "application/vnd.apache.arrow.stream"
PAGES = (
    "/models/loans", "/quarantine?model=loans", "/jobs", "/incidents", "/metrics", "/",
    "/api/v1/jobs", "/api/v1/logs", f"{MODEL}/quarantine", MODEL,
)  # fmt: skip


def private(first: int, count: int = 5) -> pl.DataFrame:
    """Loans of people."""
    named = pl.Series([f"{CANARY}-{n}" for n in range(first, first + count)])
    return loans(first, count).drop("y").with_columns(id=named, email=named, user=named, region=pl.lit(OPEN))


def good() -> list[tuple[bytes, str]]:
    """Rows in every form, all fine."""
    return [form(private(100 * n)) for n, form in enumerate((columns, rows, lines, arrow))]


def poor() -> list[tuple[bytes, str]]:
    """Bodies of which a row is set aside, and bodies that can't be read at all; each has the canary."""
    (row, other) = private(1_000, 2).with_columns(pl.col("at").cast(pl.String)).to_dicts()
    one = json.dumps(row).encode()
    return [
        (one + b"\n" + one[:-9] + b'\n"%s"\n' % CANARY.encode(), NDJSON),
        (json.dumps([other, CANARY, [CANARY], {**row, "Email": CANARY}]).encode(), JSON),
        (json.dumps([{**row, "at": "no time"}, {**row, "income": "much"}]).encode(), JSON),
        (json.dumps([{**row, "user": {"name": CANARY}, "email": [CANARY]}]).encode(), JSON),
        (json.dumps({"columns": {"id": [CANARY], "email": [CANARY, CANARY]}}).encode(), JSON),
        (json.dumps({"columns": {"id": CANARY}}).encode(), JSON),
        (json.dumps({"email": CANARY}).encode(), JSON),
        (one[:-9], JSON),
        (CANARY.encode(), JSON),
        (CANARY.encode(), ARROW),
        (arrow(private(1_100).with_columns(at=pl.lit("no time")))[0], ARROW),
        (arrow(private(1_200).with_columns(user=pl.struct("user", "email")))[0], ARROW),
        (arrow(private(1_300))[0][:-300], ARROW),
    ]


def captured() -> list[tuple[bytes, dict[str, str], str]]:
    """Captured calls: whole, without their other half, and of values that no reader understands."""
    (row,) = private(2_000, 1).with_columns(pl.col("at").cast(pl.String)).to_dicts()
    request = {"instances": [{"income": 1.0, "email": CANARY, "user": CANARY}]}
    both = {"request": {"instances": [{"income": 1.0}] * 2}, "response": {"predictions": [0.5]}}
    kind, event = (
        "org.kubeflow.serving.inference.",
        {"specversion": "1.0", "id": CANARY, "time": "2026-01-06T10:00:00Z"},
    )
    unequal = [{**event, "type": kind + name, "data": data} for name, data in both.items()]
    return [
        (json.dumps(row).encode(), {}, "json"),
        (json.dumps({**row, "at": "no time"}).encode(), {}, "json?map=email=email"),
        (b'"%s"\n{"id": "%s"' % (CANARY.encode(), CANARY.encode()), {}, "json"),
        (*half("request", CANARY, request), "kserve"),
        (json.dumps(unequal).encode(), {"content-type": "application/cloudevents-batch+json"}, "kserve"),
        (*half("request", "k2", {"instances": CANARY}), "kserve"),
        (*half("request", "k3", {"inputs": [{"name": "x", "shape": [CANARY], "data": [CANARY]}]}), "kserve"),
    ]


@pytest.mark.slow
def test_no_raw_value_is_answered_kept_or_logged(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    """Not in an answer, a page, a file of the store (spool, lake, quarantine, halves of calls) or the server's log."""
    folder, said = tmp_path / "store", list[str]()
    registered(folder, privacy=POLICY)
    with serving(folder) as served, httpx.Client(base_url=served.url, timeout=60) as client:

        def post(path: str, body: bytes, headers: dict[str, str]) -> httpx.Response:
            answer = client.post(path, content=body, headers=headers)
            said.append(f"{path} {answer.status_code} {answer.text}")
            assert answer.status_code < 500, said[-1]
            return answer

        for number, (body, form) in enumerate(good()):
            headers = {"Content-Type": form, "Idempotency-Key": f"{number}"}
            answer = post(f"{MODEL}/events?ack=lake", body, headers)
            assert (answer.status_code, answer.json()["accepted"]) == (200, 5), said[-1]
            post(f"{MODEL}/events", body + b" ", headers)
        for body, form in poor():
            for kind in ("events", "labels", "feedback"):
                post(f"{MODEL}/{kind}", body, {"Content-Type": form})
        post(f"{MODEL}/events", CANARY.encode(), {"Content-Type": JSON, "Content-Encoding": "gzip"})
        for body, headers, name in captured():
            post(f"{MODEL}/capture/{name}", body, headers)
        kept = leaks(folder, [CANARY])
        post(f"{MODEL}/labels?ack=lake", b'[{"id": "%s-1", "y": 1}]' % CANARY.encode(), {"Content-Type": JSON})
        told = {path: client.get(path) for path in PAGES}
        aside = told[f"{MODEL}/quarantine"].text
        assert {path: one.status_code for path, one in told.items()} == dict.fromkeys(PAGES, 200)
    assert "malformed JSON" in aside
    assert [text for text in said if CANARY in text] == []
    assert [path for path, one in told.items() if CANARY in one.text] == []
    assert [*kept, *leaks(folder, [CANARY])] == []
    assert leaks(folder, [OPEN]) != []
    assert CANARY not in "".join(capfd.readouterr())
