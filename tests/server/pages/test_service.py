"""The pages of the service itself: jobs, quarantine, settings, audit."""

from __future__ import annotations

import json
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import ClassVar

import httpx
import pytest
from playwright.sync_api import expect
from tests.server.conftest import Served
from tests.server.pages.conftest import TODAY, Open

import retrue as rt
from retrue.store import rows
from retrue.workspace.acting import audit

AGES = 4_000_000_000_000_000
"""Microseconds: later than anything that the service says by itself meanwhile."""


def test_a_row_is_mended_and_let_in_again(visit: Open, store: Served) -> None:
    """Its reason is told; what still isn't JSON is refused in words."""
    page = visit("/quarantine?model=calm", java_script_enabled=False)
    assert "1 row of calm is set aside" in page.inner_text("h1")
    text = page.input_value("textarea[name=row]")
    page.fill("textarea[name=row]", "nonsense")
    page.click("button:text-is('Let it in again')")
    assert "no JSON" in page.inner_text(".trouble")
    page.fill("textarea[name=row]", text.replace("no time", "2026-01-06T10:00:00Z"))
    page.click("button:text-is('Let it in again')")
    assert "1 row let in again" in page.inner_text(".outcome")
    with rt.open(store.folder) as opened:
        assert opened.audit("calm", most=1)[0].action == "replayed"


def test_how_long_things_are_kept_is_said_on_the_page(visit: Open, store: Served) -> None:
    page = visit("/settings", java_script_enabled=False)
    page.fill("input[name=logs]", "soon")
    page.click("button:text-is('Keep them so')")
    assert "logs" in page.inner_text("#retention .trouble") or "soon" in page.inner_text("#retention .trouble")
    page.fill("input[name=logs]", "45d")
    page.click("button:text-is('Keep them so')")
    with rt.open(store.folder) as opened:
        assert opened.store.retention().to_dict()["logs"] == "45d"


class Receiver(BaseHTTPRequestHandler):
    """Takes messages, one after the other, and keeps what they say."""

    told: ClassVar[list[str]] = []

    def do_POST(self) -> None:
        """Take one."""
        self.told.append(self.rfile.read(int(self.headers["Content-Length"])).decode())
        self.send_response(200)
        self.end_headers()

    def log_message(self, *_: object) -> None:
        """Say nothing."""


@pytest.fixture
def receiver() -> Iterator[int]:
    """The port on which a message may arrive."""
    with ThreadingHTTPServer(("127.0.0.1", 0), Receiver) as server:
        thread = Thread(target=server.serve_forever)
        thread.start()
        yield server.server_address[1]
        server.shutdown()
        thread.join()


def test_a_channel_is_kept_tested_and_removed(visit: Open, receiver: int) -> None:
    """Its URL is a secret; a test arrives, or the page says why not."""
    page = visit("/settings", java_script_enabled=False)
    page.fill("#channels input[name=name]", "on call")
    page.fill("input[name=url]", f"json://user:hushhush@127.0.0.1:{receiver}/x")
    page.click("text=Keep the channel")
    assert "on call" in page.inner_text("#channels table")
    assert "hushhush" not in page.content()
    page.click("button[aria-label='Test on call']")
    assert "A test message was sent" in page.inner_text(".outcome")
    assert "through the channel 'on call'" in json.loads(Receiver.told[-1])["message"]
    token = page.locator("#channels input[name=csrf]").first.input_value()
    url = page.url.partition("/settings")[0]
    asked = f"{url}/settings/channels/test"
    answer = page.request.post(asked, form={"csrf": token, "name": "nobody"}, headers={"Origin": url})
    assert (answer.status, "nobody" in answer.text()) == (400, True)
    page.click("button[aria-label='Remove on call']")
    assert "Nobody is told yet" in page.inner_text("#channels")


def test_a_refused_channel_keeps_what_was_typed_but_its_secret(visit: Open) -> None:
    """Only what is wrong has to be typed again; and the URL, which no page ever holds."""
    page = visit("/settings", java_script_enabled=False)
    page.fill("#channels input[name=name]", "night shift")
    page.fill("input[name=url]", "nonsense://hushhush")
    page.select_option("select[name=severity]", "high")
    page.fill("input[name=quiet_from]", "22:00")
    page.fill("input[name=quiet_until]", "07:00")
    page.click("text=Keep the channel")
    assert page.locator("#channels .trouble").count() == 1
    typed = {name: page.input_value(f"#channels [name={name}]") for name in ("name", "severity", "quiet_from", "url")}
    assert typed == {"name": "night shift", "severity": "high", "quiet_from": "22:00", "url": ""}
    assert "hushhush" not in page.content()


def test_a_test_message_that_does_not_arrive_ends_in_one_stop(visit: Open) -> None:
    page = visit("/settings", java_script_enabled=False)
    page.fill("#channels input[name=name]", "nobody there")
    page.fill("input[name=url]", "json://127.0.0.1:9/x")  # the port of discard: nobody listens
    page.click("text=Keep the channel")
    page.click("button[aria-label='Test nobody there']")
    said = page.inner_text("#channels .trouble")
    page.click("button[aria-label='Remove nobody there']")
    assert said.rstrip().endswith(".")
    assert ".." not in said


def test_jobs_and_what_was_said_are_found(visit: Open, store: Served) -> None:
    """By status, by level and by words; the address has it all."""
    with rt.open(store.folder) as opened, opened.store.catalog.write() as tx:
        for n, level in enumerate(("info", "warning")):
            tx.add(rows.Log(AGES + n, level, f"{level} <b>needle</b>", job="j1"))
        tx.put(rows.Job("j1", "check", "failed", AGES, AGES + 1, model="calm"))
    page = visit("/jobs")
    assert page.inner_text("h1").startswith("1 job failed")
    page.select_option("select[name=status]", "failed")
    page.click("text=Show")
    expect(page.locator("tbody tr")).to_have_count(1)
    assert "warning <b>needle</b>" in page.inner_text("tbody tr")
    page.select_option("select[name=level]", "warning")
    page.keyboard.press("Escape")
    page.locator("h1").click()
    page.keyboard.press("/")
    page.keyboard.type("<b>needle")
    page.keyboard.press("Enter")
    page.wait_for_url("**text=%3Cb**")
    assert "status=failed&level=warning" in page.url
    lines = page.locator("section[aria-labelledby=logs-title] li")
    expect(lines).to_have_count(1)
    assert lines.inner_text().startswith("warning warning <b>needle</b>")
    page.click("tbody a.row")
    expect(lines).to_have_count(2)


def test_jobs_and_the_quarantine_are_live(visit: Open, store: Served) -> None:
    """What a job came to and how many rows are set aside follow; new lines are offered, not thrown in."""
    with rt.open(store.folder) as opened:
        with opened.store.catalog.write() as tx:
            tx.put(rows.Job("j2", "check", "running", AGES, AGES, model="edges"))
        jobs, held = visit("/jobs?job=j2"), visit("/quarantine?model=edges")
        for page in (jobs, held):
            page.bring_to_front()
            expect(page.locator("#live")).to_have_text("live", timeout=15_000)
        assert "1 row of edges is set aside" in held.inner_text("h1")
        opened.model("edges").log([{"id": "odder", "at": "no time"}], at=TODAY)
        opened.store.apply("edges")
        with opened.store.catalog.write() as tx:
            tx.put(rows.Job("j2", "check", "done", AGES, AGES + 2_000_000, model="edges"))
            tx.add(rows.Log(AGES, "info", "all in true", job="j2"))
    expect(held.locator("h1")).to_have_text("2 rows of edges are set aside", timeout=15_000)
    expect(jobs.locator("tbody tr")).to_contain_text("done", timeout=15_000)
    expect(jobs.locator("#took-j2")).to_have_text("2.0 s")
    expect(jobs.locator("#moved")).to_be_visible()
    expect(jobs.locator("section[aria-labelledby=logs-title] li")).to_have_count(0)
    jobs.click("#moved button")
    expect(jobs.locator("section[aria-labelledby=logs-title] li")).to_have_count(1)


def test_older_entries_and_older_rows_are_reached(visit: Open, store: Served) -> None:
    """The audit log by model, the quarantine: a page holds fifty, the next one begins where it ends."""
    with rt.open(store.folder) as opened:
        with opened.store.catalog.write() as tx:
            for n in range(60):
                audit(tx, f"thing {n} done", "waiting")
        opened.model("answered").log([{"id": f"odd {n}", "at": "no time"} for n in range(60)], at=TODAY)
        opened.store.apply("answered")
    page = visit("/audit")
    page.fill("input[name=model]", "waiting")
    page.click("text=Show")
    first = page.locator("tbody th").all_inner_texts()
    page.click("text=Older")
    page.wait_for_url("**before=**")
    older = page.locator("tbody th").all_inner_texts()
    told = [one.split("\n")[0] for one in (*first, *older) if one.startswith("thing")]
    assert (len(first), told) == (50, [f"thing {n} done" for n in reversed(range(60))])
    page = visit("/quarantine?model=answered")
    first = page.locator("section[aria-labelledby=rows-title] li > b").all_inner_texts()
    page.click("text=Older")
    page.wait_for_url("**after=**")
    older = page.locator("section[aria-labelledby=rows-title] li > b").all_inner_texts()
    assert len(first) == 50
    assert sorted(first + older) == sorted(["odd", *(f"odd {n}" for n in range(60))])


def test_the_audit_log_says_whether_it_is_whole(store: Served) -> None:
    answer = httpx.get(f"{store.url}/audit?verify=1", headers={"Accept": "text/html"}, timeout=30)
    assert "The audit log is whole" in answer.text


def test_two_windows_are_compared(visit: Open) -> None:
    """One verdict, the forest, and a line a slice; what can't be understood is said beside the form."""
    page = visit("/compare")
    page.click("text=As text")
    page.fill("input[name=a]", "calm 2026-01-05..2026-01-08")
    page.fill("input[name=b]", "calm 2026-01-08..2026-01-12")
    page.click("details.more button:text-is('Compare')")
    assert "against" in page.inner_text("h1")
    assert "all rows" in page.inner_text("table")
    page.wait_for_selector("figure[data-drawn]", timeout=20_000)
    page.goto(page.url.partition("?")[0] + "?a=calm&b=%3Cnothing%3E")
    assert "can't be understood" in page.inner_text(".trouble")


def test_features_that_differ_are_told_with_the_way_to_their_pages(visit: Open) -> None:
    """The one that moved comes first, in the words of a verdict."""
    page = visit("/compare?a=moved+2026-01-05..2026-01-08&b=moved+2026-01-09..")
    assert page.inner_text("#differ-title") == "What differs most: income"
    first = page.locator("section[aria-labelledby=differ-title] tbody tr").first
    assert "broken" in first.inner_text()
    first.locator("a").click()
    page.wait_for_url("**/models/moved/features/income")


def test_a_comparison_is_chosen_from_a_model(visit: Open) -> None:
    """The model's page leads there, its reference is the first side, and the choosers build the text."""
    page = visit("/models/moved/compare")
    assert page.input_value("select[name=of] >> nth=1") == "moved"
    page.fill("input[name=since] >> nth=1", "2026-01-09")
    page.click(".sides button")
    assert page.input_value("input[name=a]") == "moved reference"
    assert page.input_value("input[name=b]") == "moved 2026-01-09.."
    assert page.input_value("input[name=since] >> nth=1") == "2026-01-09"


def test_a_phone_reaches_every_place(visit: Open) -> None:
    """Behind one word, which opens without a script."""
    page = visit("/jobs", width=390, java_script_enabled=False)
    page.click(".menu summary")
    page.click(".menu a:text-is('Audit')")
    assert page.url.endswith("/audit")
