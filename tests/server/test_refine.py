"""The flywheel on pages: the chain, a run with its proof, promotion and the way back, by role, in a real server."""

from __future__ import annotations

import html
from collections.abc import Iterator
from pathlib import Path
from typing import TypeAlias

import httpx
import polars as pl
import pytest
from playwright.sync_api import Browser
from sklearn.linear_model import LogisticRegression
from tests.server.conftest import serving
from tests.server.pages.looks import looks_right
from tests.workspace.conftest import DAYS, day, events, live, registered

import retrue as rt
from retrue.store import rows
from retrue.workspace import tokens

BASE = "/models/flights"
Flywheel: TypeAlias = tuple[Path, dict[str, httpx.Client], str, str]
"""The store's folder, clients by role, the run that may be promoted, the refused one."""


@pytest.fixture(scope="module")
def flywheel(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Flywheel]:
    """A served store whose model turned in one city: its incident, a refused run, and one that may be promoted."""
    folder = tmp_path_factory.mktemp("refine") / "store"
    with rt.open(folder) as store:
        model = registered(store, events(0, DAYS).drop("city"), slices=[], maturity="1d")
        turned = events(DAYS, 6, turned=("JFK", "LGA", "EWR")).drop("city")
        live(model, turned)
        model.check(day(DAYS + 6.9))
        incident = next(one for one in model.incidents() if one.kind == "degraded")
        found = model.collect("x > -9", name="all of it")
        with store.store.catalog.write() as tx:
            kept = tx.get(rows.Collection, model="flights", name="all of it")
            assert kept is not None
            tx.put(rows.Collection(**{**vars(kept), "body": {**kept.body, "incident": incident.id}}))
        learner = rt.Trainer(LogisticRegression(), isolated=False)
        refused = model.retrain(learner, mix=rt.Mix({model.reference: 1.0}), now=day(DAYS + 8))
        refused.prove()
        good = model.retrain(learner, mix=rt.Mix({found: 1.0}), now=day(DAYS + 8))
        good.prove()
        model.trial("2", run=good.id, now=day(DAYS + 8))
        with store.store.catalog.write() as tx:
            tx.add(rows.Log(4_000_000_000_000_000, "warning", "loss <b>rises</b>", version="1", run=good.id))
        secrets = {role: tokens.create(store.store.catalog, role, role).secret for role in ("viewer", "editor")}
    with serving(folder) as served:
        clients = {
            role: httpx.Client(base_url=served.url, headers={"Authorization": f"Bearer {secret}"}, timeout=120)
            for role, secret in secrets.items()
        }
        yield folder, clients, good.id, refused.id
        for client in clients.values():
            client.close()


def test_the_chain_leads_from_the_incident_to_the_promotion(flywheel: Flywheel) -> None:
    _, clients, good, refused = flywheel
    page = clients["viewer"].get(f"{BASE}/refine").text
    assert f"Run {good} may be promoted: ROC AUC" in page
    assert f"Run {refused} was refused" in page
    for said in ("began it", "all of it: 1,3", "waits for you", f"retrue promote flights {good}", "incidents/"):
        assert said in page, said


def test_a_run_shows_its_proof_manifest_and_log(flywheel: Flywheel) -> None:
    _, clients, good, refused = flywheel
    page = clients["viewer"].get(f"{BASE}/runs/{good}").text
    for said in (
        "Challenger against champion",
        "all of it",
        "100 %",
        "loss &lt;b&gt;rises&lt;/b&gt;",
        "seed",
        "holdout",
    ):
        assert said in page, said
    shown = clients["viewer"].get(BASE).text
    assert f'/runs/{good}">Not judged yet</a><small>version 2 runs beside version 1, as a shadow' in shown
    drawn = clients["viewer"].get(f"{BASE}/runs/{good}/forest").json()
    assert drawn["picture"]["rows"][0]["label"] == "holdout"
    for said in (
        "Does it keep what it promises?",
        "How fast, how large",
        "One answer",
        "All lines and jobs of this run",
        "their labels have had time to come",
        "version 2 runs beside version 1, as a shadow",
    ):
        assert said in page, said
    drawn = clients["viewer"].get(f"{BASE}/runs/{good}/calibration").json()["picture"]
    assert {row.get("model") for row in drawn["rows"]} == {None, "champion", "challenger"}
    assert "Why the gate stays shut" in clients["viewer"].get(f"{BASE}/runs/{refused}").text
    for path in ("", "/forest"):
        assert clients["viewer"].get(f"{BASE}/runs/nothing{path}").status_code == 404


def test_why_nothing_is_retrained_is_said(flywheel: Flywheel) -> None:
    """A real decision, as it is kept."""
    folder, clients, *_ = flywheel
    with rt.open(folder) as store:
        told = str(store.model("flights").decide(day(DAYS + 8)).answer)
    page = html.unescape(clients["viewer"].get(f"{BASE}/refine").text)
    assert f"Retrain? {told[0].upper()}{told[1:]}" in page


def test_who_may_only_look_changes_nothing(flywheel: Flywheel) -> None:
    _, clients, good, _ = flywheel
    assert "<form" not in clients["viewer"].get(f"{BASE}/runs/{good}").text
    for what in ("promote", "rollback"):
        assert clients["viewer"].post(f"{BASE}/runs/{good}/{what}").status_code == 403


def test_a_model_of_which_nothing_was_collected_says_what_to_type(flywheel: Flywheel) -> None:
    folder, clients, _, _ = flywheel
    with rt.open(folder) as store:
        store.register("fresh", events(0, DAYS), id="id", time="at", label="y", score="p", estimate="off")
    page = clients["viewer"].get("/models/fresh/refine").text
    assert "Nothing is collected or trained yet" in page
    assert "retrue collect fresh" in page


@pytest.mark.slow
def test_a_run_is_promoted_and_rolled_back_in_the_name_of_who_asked(
    flywheel: Flywheel, browser: Browser, shots: Path
) -> None:
    """In a browser; in a process of its own: the server never loads a trained model."""
    folder, clients, good, refused = flywheel
    editor = clients["editor"]
    answer = editor.post(f"{BASE}/runs/{refused}/promote")
    assert (answer.status_code, "is not promoted" in answer.text) == (409, True)
    answer = editor.post(f"{BASE}/runs/{refused}/rollback")
    assert (answer.status_code, "it is not the champion" in answer.text) == (409, True)
    page = browser.new_page(viewport={"width": 1280, "height": 844})
    page.set_default_timeout(120_000)
    page.goto(f"{editor.base_url}/login?next={BASE}/refine")
    page.fill("#token", editor.headers["Authorization"].removeprefix("Bearer "))
    page.click("button")
    page.locator(f"a[href$='{good}']").first.click()
    looks_right(page, shots, "run")
    page.click("button:text-is('Promote')")
    assert "Promoted: from now on" in page.inner_text(".outcome")
    with rt.open(folder) as store:
        model = store.model("flights")
        assert model.version == "2"
        later = events(DAYS + 8, 3, turned=("JFK", "LGA", "EWR")).drop("city")
        model.log(
            later.drop("y").with_columns(pl.Series("p", model.run(good).predict(later))), version="2", at=day(DAYS + 11)
        )
        model.label(later.select("id", "y"), at=day(DAYS + 11.5))
        model.check(day(DAYS + 13))
        with model.store.catalog.read() as tx:
            said = {one.action: one.actor for one in tx.find(rows.Audit, model="flights")}
    assert (said["promoted"], said["asked for a promotion"]) == ("editor", "editor")
    page.reload()
    assert "became version 2: ROC AUC" in page.inner_text("main")
    assert " before, " in page.inner_text("main")
    assert "passed over" in editor.get(f"{BASE}/runs/{refused}").text
    page.click("button:text-is('Roll back')")
    page.wait_for_selector(".outcome")
    with rt.open(folder) as store:
        assert store.model("flights").version == "1"
    page.goto(f"{editor.base_url}{BASE}/runs/{refused}")
    page.click("text=Promote it all the same")
    page.fill("textarea[name=note]", "the holidays are <over>")
    page.click("text=Promote against the gate")
    page.wait_for_selector(".outcome")
    assert "against the gate, by editor: the holidays are <over>" in page.inner_text("main")
    with rt.open(folder) as store:
        assert store.model("flights").version == "3"
    page.close()
