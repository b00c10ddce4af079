"""Decisions and trials over HTTP: asked, started once, stopped once."""

from __future__ import annotations

import shutil
from pathlib import Path

import httpx
import pytest
from tests.jobs.conftest import wait_until
from tests.server.conftest import serving
from tests.workspace.conftest import events, live, registered
from tests.workspace.train import faults

import retrue as rt

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
    missing = client.post(TRIALS, json={"version": "9", "run": "zzz"})
    assert (missing.status_code, missing.json()["error"]["what"]) == (404, "no runs yet")


def test_whether_to_retrain_is_answered_with_its_numbers(client: httpx.Client) -> None:
    said = client.get("/api/v1/models/loans/decision").json()
    assert said["answer"] == "wait"
    assert said["text"].startswith("not yet, because ")
    assert client.get("/api/v1/models/loans/decisions").json() == []


TRAINERS = """
[trainers.good]
fit = "ours:fit"
[trainers.stuck]
fit = "ours:hang"
seconds = 1
"""


@pytest.mark.slow
def test_a_service_makes_small_fits_with_the_policy_s_trainer(tmp_path: Path) -> None:
    """One model's trainer fits, and its run is queued and trained; the other's hangs, and its decision says so."""
    (tmp_path / "retrue.toml").write_text(TRAINERS, encoding="utf-8")
    shutil.copy(faults.__file__, tmp_path / "ours.py")  # what a service that starts in this folder can import
    with rt.open(tmp_path / "store") as store:
        for name in ("good", "stuck"):
            policy = {"when": "schedule" if name == "good" else "manual", "trainer": name}
            model = registered(store, events(0, 14), name=name, slices=[], maturity="1d", retraining=policy)
            live(model, events(14, 4, turned=("JFK",)))
        good, stuck = store.model("good"), store.model("stuck")
        with serving(tmp_path / "store", cwd=tmp_path, env={"PYTHONPATH": f"{tmp_path}:{rt.__path__[0]}/.."}) as served:
            wait_until(good.decisions)
            wait_until(stuck.decisions)
            wait_until(lambda: good.runs() and good.run("latest").status == "trained")
            asked = httpx.get(f"{served.url}/api/v1/models/good/decision", timeout=30).json()
    said, hung = good.decisions()[-1], stuck.decisions()[-1]
    assert said["situation"]["curve"]["rows"] == [50, 100, 250, 500][: len(said["situation"]["curve"]["rows"])]
    assert (said["run"], hung["run"], hung["situation"]["curve"]) == (good.run("latest").id, None, None)
    assert "; small fits told nothing: it took longer than its limit of 1 seconds" in hung["because"]
    assert "the last run was " in asked["because"], "a question is answered at once"
