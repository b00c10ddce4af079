"""Each change that can be made over HTTP is in the audit log, with who made it: every route is tried."""

from __future__ import annotations

import io
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import httpx
import polars as pl
import pytest
from tests.client.conftest import RULES, START, live, make
from tests.client.served import serving
from tests.server.auth.test_routes import EVERYBODY, QUESTIONS, flat, methods

import retrue as rt
from retrue.server.app import create_app
from retrue.server.auth.hosts import SAFE
from retrue.workspace import tokens

API = "/api/v1"
MODEL = f"{API}/models/{{model}}"
INCIDENT = f"{MODEL}/incidents/{{id}}"
PAGE = "/models/{model}/incidents/{id}"
BRINGS_ROWS = {("POST", f"{MODEL}/{kind}") for kind in ("events", "labels", "feedback", "signals", "capture/{format}")}
FINDS_OUT = {("POST", f"{MODEL}/check"), ("POST", f"{MODEL}/decisions")}
"""Judging is no decision of anybody's: it comes to the same whoever asks, and the scheduler does it all the time."""
SIGNS_OUT = {("POST", "/logout")}
"""Tried in test_login.py."""

CALLS: dict[tuple[str, str], dict[str, Any]] = {
    ("POST", f"{API}/tokens"): {"json": {"name": "made", "role": "viewer"}},
    ("DELETE", f"{API}/tokens/{{token}}"): {},
    ("POST", f"{INCIDENT}/comments"): {"json": {"text": "seen"}},
    ("POST", f"{INCIDENT}/acknowledge"): {},
    ("POST", f"{INCIDENT}/snooze"): {},
    ("POST", f"{INCIDENT}/mark"): {"json": {"real": True}},
    ("POST", f"{PAGE}/acknowledge"): {},
    ("POST", f"{PAGE}/snooze"): {"data": {"length": "8h"}},
    ("POST", f"{PAGE}/comment"): {"data": {"text": "seen"}},
    ("POST", f"{PAGE}/mark"): {"data": {"real": "false"}},
    ("POST", f"{PAGE}/collect"): {"data": {"where": "x > 0", "budget": "5"}},
    ("POST", f"{MODEL}/quarantine/replay"): {"json": {"rows": "all"}},
    ("POST", "/models/{model}/monitors"): {
        "data": {"rule": RULES[0], "alarm_budget": "3 per 30d", "calm": "2", "grace": "0"}
    },
    ("POST", "/models/{model}/slices/add"): {"data": {"add": "x > 3"}},
    ("POST", "/models/{model}/slices/remove"): {"data": {"slice": "x > 3"}},
    ("POST", f"{INCIDENT}/resolve"): {},
    ("POST", f"{PAGE}/resolve"): {},
    ("POST", f"{MODEL}/collections"): {"json": {"where": "x > 0", "budget": 5}},
    ("PUT", f"{MODEL}/monitors"): {"json": {"alarm_budget": "2 per 30d"}},
    ("POST", "/settings/tokens"): {"data": {"name": "other", "role": "viewer"}},
    ("POST", "/settings/tokens/revoke"): {"data": {"token": "other"}},
    ("POST", "/settings/channels"): {"data": {"name": "mine", "url": "json://localhost/x"}},
    ("POST", "/settings/channels/remove"): {"data": {"name": "mine"}},
    ("POST", "/settings/retention"): {"data": {"logs": "60d"}},
    ("POST", "/models/{model}/quarantine/replay"): {"data": {}},
    ("POST", f"{API}/markers"): {"json": {"kind": "note", "text": "x", "at": "2026-01-01"}},
    ("DELETE", f"{API}/markers/{{number}}"): {},
    ("POST", "/models/{model}/markers/add"): {"data": {"kind": "note", "text": "x", "at": "2026-01-01"}},
    ("POST", "/models/{model}/markers/{number}/remove"): {},
    ("POST", f"{MODEL}/signals/watched"): {"json": {"where": "x > 2", "name": "large"}},
    ("DELETE", f"{MODEL}/signals"): {"params": {"name": "large"}},
    ("POST", "/models/{model}/signals/watch"): {"data": {"where": "x > 2", "name": "wide"}},
    ("POST", "/models/{model}/signals/policy"): {"data": {"signal": "wide", "policy": "5 per day"}},
    ("POST", "/models/{model}/signals/once"): {"data": {"where": "x > 1", "name": "page", "policy": "5"}},
    ("POST", "/models/{model}/signals/stop"): {"data": {"signal": "wide"}},
    ("POST", f"{MODEL}/trials"): {"json": {"version": "2"}},
    ("POST", f"{MODEL}/tasks"): {"json": {"where": "x IS NOT NULL", "most": 50}},
    ("POST", f"{MODEL}/tasks/answers"): {"content": "task,label\n"},
    ("POST", f"{MODEL}/tasks/{{task}}/answer"): {"json": {"label": 1}},
    ("POST", "/models/{model}/labelling/ask"): {"data": {"where": "x > 0", "most": "1000"}},
    ("POST", "/models/{model}/labelling/file"): {"files": {"labels": ("a.csv", b"task,label\n")}},
    ("POST", "/models/{model}/labelling/{task}"): {"data": {"label": "0"}},
    ("POST", f"{MODEL}/forget"): {"json": {"ids": ["nobody"]}},
}
"""How to ask for each change, in an order in which all can be made; a new route comes here by the test below."""
NEEDS_MORE = {
    ("POST", "/settings/channels/test"): "needs somebody who takes the message; sending is tried in tests/jobs",
    ("POST", MODEL): "registering writes its entry in `Workspace.register`; tried in tests/client",
    ("POST", "/models/{model}/runs/{run}/promote"): "needs a proven run; tried in tests/server/test_refine.py",
    ("POST", "/models/{model}/runs/{run}/rollback"): "needs a promotion; tried in tests/server/test_refine.py",
    ("POST", f"{MODEL}/signals/collect"): "writes entries of collections that got rows; tried in tests/jobs",
    ("POST", "/models/{model}/signals/collect"): "the same behind a button; tried in tests/server/pages",
    ("POST", f"{MODEL}/trials/{{id}}/stop"): "needs a trial's id; tried in tests/server/test_choosing.py",
    ("POST", f"{MODEL}/runs"): "needs a trainer; tried in tests/server/test_runs.py",
    ("POST", f"{MODEL}/runs/{{run}}/prove"): "needs a run; tried in tests/server/test_runs.py",
    ("POST", f"{MODEL}/runs/{{run}}/promote"): "needs a proven run; tried in tests/server/test_runs.py",
    ("POST", f"{MODEL}/verify"): "needs a trained model; tried in tests/server/test_runs.py",
    ("POST", f"{MODEL}/golden"): "needs a table; tried in tests/server/test_runs.py",
    ("POST", f"{MODEL}/datasets"): "needs a table; tried in tests/server/test_runs.py",
    ("POST", "/models/{model}/refine/queue"): "needs a trainer; it is POST /runs behind a form",
    ("POST", f"{MODEL}/rollback"): "needs a promotion; `rolled back` is tried in tests/workspace",
}


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[httpx.Client, dict[str, str]]]:
    """A service with an incident, as an editor's and admin's client sees it."""
    folder = make(tmp_path_factory.mktemp("changes") / "store")
    with rt.open(folder) as store:
        model = store.model("flights")
        model.adopt(RULES)
        model.log(live().drop("y"))
        model.check(START + timedelta(days=3))
        model.labelling.make("x > 1", most=1)
        task = model.labelling.tasks()[0].id
        names = {"model": "flights", "id": model.incidents()[0].id, "number": "1", "token": "made", "task": task}
        secret = tokens.create(store.store.catalog, "anna", "admin").secret
    headers = {"Authorization": f"Bearer {secret}"}
    with serving(folder) as url, httpx.Client(base_url=url, headers=headers, timeout=60) as client:
        yield client, names


def test_every_change_is_known_here(tmp_path_factory: pytest.TempPathFactory) -> None:
    with rt.open(tmp_path_factory.mktemp("known") / "store") as workspace:
        routes = list(flat(create_app(workspace).routes))
    changing = {(method, route.path) for route in routes for method in methods(route) - SAFE}
    assert changing == {
        *CALLS, *NEEDS_MORE, *BRINGS_ROWS, *FINDS_OUT, *SIGNS_OUT, *QUESTIONS, *(set(EVERYBODY) & changing),
    }  # fmt: skip


@pytest.mark.slow
def test_every_change_has_an_entry_with_who_made_it(service: tuple[httpx.Client, dict[str, str]]) -> None:
    client, names = service
    for (method, path), body in CALLS.items():
        before = client.get(f"{API}/audit?most=1").json()[0]["number"]
        answer = client.request(method, path.format(**names), **body)
        assert answer.is_success or answer.status_code == 303, f"{method} {path}: {answer.text}"
        entries = [one for one in client.get(f"{API}/audit?most=5").json() if one["number"] > before]
        assert [one["actor"] for one in entries] == ["anna"], f"{method} {path} isn't in the audit log"
        assert answer.headers["retrue-audit-entry"] == str(entries[0]["number"])
    assert client.get(f"{API}/audit/verify").json()["whole"]


@pytest.mark.slow
def test_registering_has_an_entry_too(service: tuple[httpx.Client, dict[str, str]]) -> None:
    client, _ = service
    file = io.BytesIO()
    pl.DataFrame({"id": [f"{n}" for n in range(300)], "x": [n % 17 for n in range(300)]}).write_parquet(file)
    answer = client.post(f"{API}/models/second", files={"reference": file.getvalue()}, data={"options": '{"id": "id"}'})
    assert answer.status_code == 201, answer.text
    assert [one["action"] for one in client.get(f"{API}/audit?model=second").json()] == ["registered"]
