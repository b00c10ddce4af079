"""Incidents in a browser: found from the list, explained, answered, with and without scripts."""

from __future__ import annotations

from pathlib import Path

import pytest
from tests.server.conftest import Served
from tests.server.pages.conftest import HOSTILE, Open

import retrue as rt


@pytest.fixture(scope="module")
def id_(store: Served) -> str:
    """The incident of the income that moved."""
    with rt.open(store.folder) as opened:
        return str(next(one.id for one in opened.model("answered").incidents() if "income" in one.columns))


def test_the_list_leads_to_an_incident(visit: Open, id_: str) -> None:
    """Live ones first; what is chosen is in the address."""
    page = visit("/incidents?state=live&model=answered")
    assert "live" in page.inner_text("h1")
    page.select_option("select[name=kind]", "silent")
    page.wait_for_selector("text=No incident is like that")
    assert "kind=silent" in page.url
    page.goto(page.url.replace("kind=silent", "kind="))
    page.click(f"tr[data-row='{id_}'] a.row")
    assert page.url.endswith(f"/models/answered/incidents/{id_}")


@pytest.mark.slow
def test_the_evidence_comes_after_the_first_paint(visit: Open, id_: str) -> None:
    """The sentence and the facts are there at once; the rows, the shape and what moved follow."""
    page = visit(f"/models/answered/incidents/{id_}")
    assert "income" in page.inner_text("h1")
    assert {"Since", "Shape", "Cost"} <= set(page.locator(".facts dt").all_inner_texts())
    page.wait_for_selector("#columns", timeout=60_000)
    assert "income" in page.inner_text("#columns")
    page.locator("#shape figure").scroll_into_view_if_needed()
    page.wait_for_selector("#shape figure[data-drawn]", timeout=20_000)


def test_people_answer_without_scripts(visit: Open, store: Served, id_: str) -> None:
    """Acknowledge, snooze, comment, mark, resolve: each is kept, and in the audit log with who did it."""
    page = visit(f"/models/answered/incidents/{id_}", java_script_enabled=False)
    page.click("text=Acknowledge")
    assert "Acknowledged" in page.inner_text(".outcome")
    page.select_option("select[name=length]", "3d")
    page.click("button:text-is('Snooze')")
    assert "snoozed" in page.inner_text(".crumb")
    page.fill("textarea[name=text]", HOSTILE)
    page.click("button:text-is('Comment')")
    assert page.inner_text("#said .words") == HOSTILE
    page.click("button:text-is('False alarm')")
    assert page.inner_text("button[aria-pressed=true]") == "False alarm"
    with rt.open(store.folder) as opened:
        assert opened.model("answered").incident(id_).incident.real is False
    page.click("button:text-is('It is real')")
    model = page.locator(".crumb a >> nth=1")
    assert model.get_attribute("href") == "/models/answered"
    page.click("button:text-is('Resolve')")
    assert "resolved" in page.inner_text(".crumb")
    assert model.get_attribute("href") == "/models/answered?days=30&until=2026-01-13T00%3A00"
    model.click()  # the model as it was when the incident ended
    assert "As of 13 Jan 2026, 00:00 UTC" in page.inner_text("#past")
    assert page.locator(f"#incidents a[href$='{id_}']").count()
    with rt.open(store.folder) as opened:
        said = [(one.action, one.actor) for one in opened.audit("answered", most=6)]
        assert opened.model("answered").incident(id_).incident.real is True
    told = [
        "incident resolved",
        "incident marked",
        "incident marked",
        "commented",
        "incident snoozed",
        "incident acknowledged",
    ]
    assert said == [(action, "local") for action in told]


def test_what_cannot_be_understood_is_said_on_the_page(visit: Open, id_: str) -> None:
    """The form answers in words; nothing was kept."""
    page = visit(f"/models/answered/incidents/{id_}", java_script_enabled=False)
    page.fill("textarea[name=text]", "   ")
    page.click("button:text-is('Comment')")
    assert "Expected: 1 to" in page.inner_text(".trouble")


def test_the_guilty_rows_become_a_monitor(visit: Open, store: Served, id_: str) -> None:
    """What the rule would have told is shown first; then it is adopted."""
    page = visit(f"/models/answered/incidents/{id_}")
    rule = page.input_value("#now input[name=add]")
    page.click("button:text-is('Make this a monitor')")
    page.wait_for_url("**/models/answered/monitors?add=**")
    assert "replayed" in page.inner_text("#preview h2")
    page.click("button:text-is('Adopt')")
    assert "Adopted" in page.inner_text(".outcome")
    with rt.open(store.folder) as opened:
        assert rule in opened.model("answered").options.rules


def test_rows_are_collected(visit: Open, store: Served, id_: str) -> None:
    """The guilty rows of the time that it lasted are kept, and the page says how many."""
    with rt.open(store.folder) as opened:
        cause = opened.model("answered").incident(id_).incident.cause
    assert cause is not None
    page = visit(f"/models/answered/incidents/{id_}", java_script_enabled=False)
    page.fill("input[name=budget]", "20")
    page.click("button:text-is('Collect these rows')")
    assert "20 of" in page.inner_text("#now .list")
    with rt.open(store.folder) as opened:
        assert opened.model("answered").collections()[-1].rows.height == 20


@pytest.mark.slow
def test_the_explanation_as_a_page_draws_its_charts(visit: Open, shots: Path, id_: str) -> None:
    """It has scripts and a style of its own, which the service's policy would not let run."""
    page = visit(f"/api/v1/models/answered/incidents/{id_}/explanation?form=html")
    page.locator("figure").first.scroll_into_view_if_needed()
    page.wait_for_selector("figure svg", timeout=10_000)
    page.screenshot(path=shots / "explanation.png")
