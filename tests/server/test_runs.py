"""Runs from afar: queued over HTTP, a page, `rt.connect`; trained by the jobs, proven, verified; no code is sent."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import polars as pl
import pytest
from sklearn.linear_model import LogisticRegression
from tests.client.served import serving
from tests.workspace.conftest import DAYS, day, events, live, registered

import retrue as rt
from retrue.jobs.registry import Task
from retrue.jobs.train import train
from retrue.jobs.verify import Verifications, verify
from retrue.refine.policy import RetrainingPolicy
from retrue.workspace import tokens

TURNED = ("JFK", "LGA", "EWR")
LEARNER = LogisticRegression()
CONFIG = """
[trainers.nightly]
fit = "tests.server.test_runs:LEARNER"
"""
RUNS = "/api/v1/models/flights/runs"


@dataclass(frozen=True)
class There:
    """A store, an editor's client of its server, a viewer's, and the same by `rt.connect`."""

    store: Any
    editor: httpx.Client
    viewer: httpx.Client
    far: Any


@pytest.fixture(scope="module")
def there(tmp_path_factory: pytest.TempPathFactory) -> Iterator[There]:
    """A service that knows one trainer, with a model whose world turned, and what was collected of it."""
    root = tmp_path_factory.mktemp("runs")
    (root / "retrue.toml").write_text(CONFIG, encoding="utf-8")
    with pytest.MonkeyPatch.context() as patched, rt.open(root / "store") as store:
        patched.chdir(root)
        patched.setenv("PYTHONPATH", str(Path(__file__).parents[2]), prepend=":")
        model = registered(store, events(0, DAYS).drop("city"), slices=[], maturity="1d")
        live(model, events(DAYS, 6, turned=TURNED).drop("city"))
        model.collect("x > -9", name="storms & <more>")
        secrets = {role: tokens.create(store.store.catalog, role, role).secret for role in ("editor", "viewer")}
        with serving(root / "store") as url, rt.connect(url, secrets["editor"]) as far:
            clients = {
                role: httpx.Client(base_url=url, headers={"Authorization": f"Bearer {secret}"}, timeout=120)
                for role, secret in secrets.items()
            }
            yield There(store, clients["editor"], clients["viewer"], far.model("flights"))
            for client in clients.values():
                client.close()


def test_what_cannot_be_queued_is_told_before_anything_is_done(there: There) -> None:
    """Without a process of its own: the names are looked at first."""
    assert there.viewer.get("/api/v1/trainers").json() == ["nightly"]
    assert there.viewer.post(RUNS, json={"trainer": "nightly", "mix": {"log": 1}}).status_code == 403
    for body, said in (
        ({"trainer": "nihgtly", "mix": {"log": 1}}, "no trainer 'nihgtly'"),
        ({"trainer": "nightly", "mix": {"logs": 1}}, "unknown part 'logs'"),
    ):
        answer = there.editor.post(RUNS, json=body)
        assert (answer.status_code, answer.json()["error"]["what"]) == (400, said)
    for wrong in ({"log": 0}, {"log": -1}, {}):
        assert there.editor.post(RUNS, json={"trainer": "nightly", "mix": wrong}).status_code == 422
    assert there.editor.get(f"{RUNS}/nothing").status_code == 404
    with pytest.raises(rt.ConfigError, match=r"unknown part 'logs'.*did you mean 'log'"):
        there.far.queue("nightly", mix={"logs": 1})


def test_the_form_says_what_is_wrong_and_keeps_what_was_asked_for(there: There) -> None:
    page = there.editor.get("/models/flights/refine").text
    for said in ("Train a challenger", "<option>nightly", 'value="40"', "storms &amp; &lt;more&gt;"):
        assert said in page, said
    assert "/refine/queue" not in there.viewer.get("/models/flights/refine").text
    sent = {"trainer": "nightly", "part": ["reference", "log"], "share": ["half", "7"], "holdout": "0.25"}
    answer = there.editor.post("/models/flights/refine/queue", data=sent)
    assert (answer.status_code, "&#39;half&#39; is no share in reference" in answer.text) == (400, True)
    assert 'value="7"' in answer.text


@pytest.mark.slow
def test_a_run_is_queued_from_afar_trained_by_a_job_proven_and_verified(there: There) -> None:
    found = there.far.queue("nightly", mix={"storms & <more>": 1.0}, seed=3)
    assert (found.status, found.manifest["seed"]) == ("queued", 3)
    with pytest.raises(rt.RefusedError, match="is queued"):
        found.prove()
    task = Task(there.store, "flights", day(30))
    assert train(task).startswith(f"run {found.id} is trained")
    assert (task.body["run"], task.body["version"]) == (found.id, "1")
    done = there.far.run(found.id)
    assert (done.status, done.error, [one.id for one in there.far.runs()]) == ("trained", None, [found.id])
    assert any("trained in" in line for line in done.log)
    proof = done.prove()
    assert proof.passed, proof.reasons
    assert str(proof).startswith("May be promoted: ROC AUC")
    assert there.viewer.get(f"{RUNS}/latest").json()["proof"]["passed"]
    with pytest.raises(rt.ConfigError, match="'boss' isn't who signed in"):
        done.promote(override="boss", note="now")
    assert done.promote() == "2"
    with pytest.raises(rt.RefusedError, match="isn't here"):
        there.far.verify("1")
    model = there.store.model("flights")
    later = events(DAYS + 7, 1, turned=TURNED).drop("city", "y")
    model.log(later.with_columns(pl.Series("p", model.run(found.id).predict(later))), version="2")
    with pytest.raises(rt.StoreError, match="no answer within 0 s"):
        there.far.verify(patience=0)
    assert list(Verifications(there.store).due(day(30))) == ["flights"]
    assert verify(Task(there.store, "flights", day(30))).startswith("What is served is what was tested")
    assert list(Verifications(there.store).due(day(30))) == []
    told = there.viewer.get("/api/v1/models/flights/verify").json()
    assert (told["state"], told["found"]["same"], told["found"]["compared"]) == ("done", True, later.height)
    assert there.viewer.get("/api/v1/models/flights/verify?version=1").status_code == 404
    entries = {one.action: one.actor for one in there.store.audit("flights")}
    for action in ("asked for a training", "run queued", "asked to prove", "promoted", "asked to verify"):
        assert entries[action] == "editor", action


def test_golden_sets_and_what_a_version_came_from_are_sent(there: There) -> None:
    chosen = events(60, 1, turned=TURNED).drop("city")
    assert there.far.golden("hard ones", chosen).frame.height == chosen.height
    assert [one.name for one in there.far.golden_sets()] == ["hard ones"]
    assert "hard ones" not in there.editor.get("/models/flights/refine").text, "golden sets are never trained on"
    assert there.viewer.get("/api/v1/models/flights/golden/rows?name=soft").status_code == 404
    found = there.far.record("validation", chosen, version="1")
    assert (found.rows, found.labelled) == (chosen.height, chosen.height)
    assert there.far.datasets("1")["validation"] == found
    with pytest.raises(rt.ConfigError, match="unknown part 'tset'"):
        there.far.record("tset", chosen)
    with pytest.raises(rt.SchemaError, match="column 'x' is missing"):
        there.far.golden("bad", chosen.drop("x"))


def test_decisions_and_trials_are_asked_from_afar(there: There) -> None:
    told = there.far.decide(policy=RetrainingPolicy(gap=0.0))
    assert told.answer in ("wait", "retrain")
    assert there.far.decisions()[0]["answer"] == told.answer
    with pytest.raises(rt.RefusedError, match="code is never sent"):
        there.far.decide(fit=LEARNER)
    begun = there.far.trial("shadow", slices=["x > 1"])
    assert begun.advice == "not judged yet"
    assert str(begun.judge()).startswith("go on: 0 rows")
    assert [one.id for one in there.far.trials()] == [begun.id]
    assert begun.stop("enough").status == "stopped"
