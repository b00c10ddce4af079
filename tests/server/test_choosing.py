"""Decisions and trials over HTTP: asked, started once, stopped once."""

from __future__ import annotations

import httpx

TRIALS = "/api/v1/models/loans/trials"


def test_a_trial_is_started_shown_and_stopped(client: httpx.Client) -> None:
    made = client.post(TRIALS, json={"version": "shadow", "slices": ["income > 1500"]}).json()
    assert (made["champion"], made["challenger"], made["metric"]) == ("1", "shadow", "brier")
    shown = client.get(f"{TRIALS}/{made['id']}").json()
    assert shown["judged"]["advice"] == "go on: 0 rows with matured labels, needs 50"
    assert [one["where"] for one in shown["judged"]["standings"]] == ["all events", "income > 1500"]
    assert client.post(f"{TRIALS}/{made['id']}/stop", json={"note": "enough"}).json()["status"] == "stopped"
    again = client.post(f"{TRIALS}/{made['id']}/stop", json={})
    assert (again.status_code, again.json()["error"]["what"]) == (409, f"trial {made['id']} was stopped already")
    assert made["id"] in [one["id"] for one in client.get(TRIALS).json()]


def test_what_cannot_be_tried_is_told(client: httpx.Client) -> None:
    assert "is the champion" in client.post(TRIALS, json={"version": "1"}).json()["error"]["what"]
    assert client.post(TRIALS, json={"version": "9", "share": 2}).status_code == 422
    assert client.get(f"{TRIALS}/zzz").status_code == 404


def test_whether_to_retrain_is_answered_with_its_numbers(client: httpx.Client) -> None:
    said = client.get("/api/v1/models/loans/decision").json()
    assert said["answer"] == "wait"
    assert said["text"].startswith("not yet, because ")
    assert client.get("/api/v1/models/loans/decisions").json() == []
