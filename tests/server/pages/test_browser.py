"""Overview and Model in a real browser: what they say, by keyboard, on a phone, in the dark, live, undisturbed."""

from __future__ import annotations

import re
from datetime import timedelta
from pathlib import Path

import httpx
import polars as pl
import pytest
from playwright.sync_api import expect
from tests.server.conftest import Served, serving
from tests.server.pages.conftest import DAYS, HOSTILE, TODAY, Open, born, events
from tests.server.pages.looks import draw_all

import retrue as rt


def test_the_overview_answers_in_its_first_screen(visit: Open) -> None:
    """The sentence, then the worst model first, each state with a word."""
    page = visit("/")
    expect(page.locator("h1")).to_have_text("3 of 5 models are out of true, 1 can't be told yet")
    found = page.locator("tbody tr").evaluate_all("rows => rows.map(row => row.dataset.row)")
    assert (set(found[:3]), found[3:]) == ({"answered", "edges", "moved"}, ["calm", "waiting"])
    assert "in true" in page.locator("[data-row=calm]").inner_text()
    assert "no events of version 1 yet" in page.locator("[data-row=waiting]").inner_text()


def test_a_row_is_a_link_that_the_keyboard_reaches(visit: Open) -> None:
    """`/` finds, what is typed filters and stays in the address, Tab and Enter open the model."""
    page = visit("/")
    page.keyboard.press("/")
    page.keyboard.type("calm")
    expect(page.locator("tbody tr")).to_have_count(1)
    expect(page).to_have_url(re.compile(r"\?q=calm&"))
    page.reload()
    expect(page.locator("tbody tr")).to_have_count(1)
    for _ in range(20):
        page.keyboard.press("Tab")
        if page.evaluate("document.activeElement.matches('a.row')"):
            break
    page.keyboard.press("Enter")
    expect(page).to_have_url(re.compile("/models/calm"))
    expect(page.locator("h1")).to_contain_text("calm is in true")


def test_filters_are_deep_links(visit: Open) -> None:
    """State, order and length of time are read from the address, and written to it."""
    page = visit("/?state=out&sort=name&days=90")
    expect(page.locator("[data-row=moved]")).to_have_count(1)
    expect(page.locator("[data-row=calm]")).to_have_count(0)
    page.locator("select[name=state]").select_option("in")
    expect(page.locator("[data-row=moved]")).to_have_count(0)
    expect(page.locator("[data-row=calm]")).to_have_count(1)
    expect(page).to_have_url(re.compile("state=in&sort=name&days=90"))
    page.locator("select[name=state]").select_option("untold")
    page.locator("input[name=q]").fill("calm")
    expect(page.locator(".empty")).to_contain_text("No model is called so")


def test_a_model_shows_performance_columns_and_incidents(visit: Open) -> None:
    """Each chart is drawn when it is seen, with a table behind it; the guilty column comes first."""
    page = visit("/models/moved")
    expect(page.locator("#incidents li")).to_have_count(1)
    assert page.locator("figure[data-drawn]").count() <= 2
    assert page.locator("#features tbody tr").first.get_attribute("data-row") == "income"
    draw_all(page)
    assert page.locator("figure[data-drawn]").count() == 5
    page.locator("#traffic details.data summary").first.click()
    expect(page.locator("#traffic table").first).to_contain_text("180")


def test_hostile_names_do_nothing(visit: Open) -> None:
    """No dialog, no request, no error: the fixture would fail the test; and the name can be read."""
    page = visit("/models/moved")
    assert HOSTILE in page.locator("#features tbody th").all_inner_texts()


def test_metric_and_time_are_chosen_in_place_and_in_the_address(visit: Open) -> None:
    """The chart follows; the page isn't loaded anew."""
    page = visit("/models/calm")
    expect(page.locator("figure").first.locator("figcaption")).to_contain_text("ROC AUC")
    page.evaluate("window.stays = true")
    page.locator("select[name=metric]").select_option("accuracy")
    expect(page.locator("figure").first.locator("figcaption")).to_contain_text("Accuracy")
    expect(page).to_have_url(re.compile(r"metric=accuracy&days=30"))
    assert page.evaluate("window.stays")


def test_times_are_in_the_reader_s_zone_and_utc_on_hover(visit: Open) -> None:
    """The server says UTC, the browser turns it; the days of windows stay as the model has them."""
    here, there = (
        visit("/models/calm", timezone_id=zone).locator("#versions time").first for zone in ("UTC", "Asia/Tokyo")
    )
    assert here.inner_text() != there.inner_text()
    assert str(there.get_attribute("title")).endswith(" UTC")
    assert here.get_attribute("datetime") == there.get_attribute("datetime")


def test_an_unknown_model_names_the_nearest(store: Served) -> None:
    """In words, with a way back; the page has no traceback and no other model's data."""
    answer = httpx.get(f"{store.url}/models/clam", headers={"Accept": "text/html"})
    assert answer.status_code == 404
    assert "Did you mean &#39;calm&#39;?" in answer.text
    assert "Traceback" not in answer.text


def test_without_scripts_all_is_there_but_charts(visit: Open) -> None:
    """Forms are forms, links are links, times are in UTC."""
    page = visit("/?q=mov", java_script_enabled=False)
    assert page.locator("tbody tr").count() == 1
    page.locator("a.row").click()
    assert "UTC" in page.locator("#versions time").first.inner_text()


@pytest.mark.slow
def test_numbers_change_in_place_while_one_looks(visit: Open, tmp_path: Path) -> None:
    """A log and a check in another process: counts and states follow, nothing moves, the order is offered."""
    folder = tmp_path / "store"
    with rt.open(folder) as store:
        reference = events(10).with_columns(pl.col("at") - timedelta(days=10))
        store.register("second", reference, id="id", time="at", label="y", score="p", window="1d", estimate="off")
        born(store, "first", "second")
    with serving(folder) as served:
        page = visit("/", url=served.url)
        expect(page.locator("#live")).to_have_text("live")
        row = page.locator("[data-row=second]")
        top = row.bounding_box()
        with rt.open(folder) as store:
            model = store.model("second")
            model.log(events(DAYS, shift=9_000.0).drop("y"), at=TODAY)
            model.check(now=TODAY)
        expect(row).not_to_contain_text("not judged yet", timeout=10_000)
        after = row.bounding_box()
        assert top is not None
        assert after is not None
        assert top["y"] == after["y"]
        expect(page.locator("#moved")).to_be_visible()
        page.locator("#moved button").click()
        expect(page.locator("tbody tr").first).to_have_attribute("data-row", "second")
        page.close()  # before its server goes, of which it would complain


def test_an_empty_store_says_how_to_log_the_first_event(visit: Open, tmp_path: Path) -> None:
    """From Python, from the command line, by HTTP; each can be copied."""
    with serving(tmp_path / "empty") as served:
        page = visit("/", url=served.url)
        expect(page.locator("h1")).to_have_text("No model yet")
        text = page.locator("main").inner_text()
        for said in ("rt.connect", "retrue register", "curl", "retrue demo --serve", served.url):
            assert said in text
        page.locator("[data-copy]").first.click()
        expect(page.locator("[data-copy]").first).to_have_text(re.compile("Copied|Selected"))
        page.close()  # before its server goes, of which it would complain
