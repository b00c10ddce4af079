"""Overview and Model in a real browser: what they say, by keyboard, on a phone, in the dark, live, undisturbed."""

from __future__ import annotations

import re
from datetime import timedelta
from pathlib import Path

import httpx
import polars as pl
import pytest
from playwright.sync_api import Page, expect
from tests.server.conftest import Served, serving
from tests.server.pages.conftest import DAYS, HOSTILE, TODAY, Open, Scheme, born, events

import retrue as rt

CONTRAST = """
() => {
  const parse = (text) => text.match(/[\\d.]+/g).map(Number);
  const light = ([r, g, b]) => {
    const [x, y, z] = [r, g, b].map((c) => ((c /= 255) <= 0.03928 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4));
    return 0.2126 * x + 0.7152 * y + 0.0722 * z;
  };
  const page = light(parse(getComputedStyle(document.body).backgroundColor));
  const poor = [];
  for (const element of document.querySelectorAll("body *")) {
    const own = [...element.childNodes].some((node) => node.nodeType === 3 && node.textContent.trim());
    if (!own || !element.checkVisibility() || element.closest("svg, .skip")) continue;
    const ink = light(parse(getComputedStyle(element).color));
    const ratio = (Math.max(ink, page) + 0.05) / (Math.min(ink, page) + 0.05);
    if (ratio < 4.5) poor.push(`${element.tagName} ${element.textContent.trim().slice(0, 30)} ${ratio.toFixed(2)}`);
  }
  return poor;
}
"""
PATHS = ("/", "/models/income-moved")


def draw_all(page: Page) -> None:
    """Bring every figure into view, and wait until all are drawn."""
    figures = page.locator("figure[data-picture]")
    for i in range(figures.count()):
        figures.nth(i).scroll_into_view_if_needed()
        expect(figures.nth(i)).to_have_attribute("data-drawn", "", timeout=20_000)
    page.evaluate("scrollTo(0, 0)")


def test_the_overview_answers_in_its_first_screen(open_page: Open) -> None:
    """The sentence, then the worst model first, each state with a word."""
    page = open_page("/")
    expect(page.locator("h1")).to_have_text("1 of 3 models is out of true, 1 can't be told yet")
    assert page.locator("tbody tr").evaluate_all("rows => rows.map(row => row.dataset.row)") == [
        "income-moved", "calm", "waiting",
    ]  # fmt: skip
    assert "in true" in page.locator("[data-row=calm]").inner_text()
    assert "no events of version 1 yet" in page.locator("[data-row=waiting]").inner_text()


def test_a_row_is_a_link_that_the_keyboard_reaches(open_page: Open) -> None:
    """`/` finds, what is typed filters and stays in the address, Tab and Enter open the model."""
    page = open_page("/")
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


def test_the_first_tab_skips_to_the_content(open_page: Open) -> None:
    """Nobody has to walk through the rail."""
    page = open_page("/")
    page.keyboard.press("Tab")
    expect(page.locator(".skip")).to_be_focused()
    page.keyboard.press("Enter")
    assert page.evaluate("document.activeElement.id") == "main"


def test_filters_are_deep_links(open_page: Open) -> None:
    """State, order and length of time are read from the address, and written to it."""
    page = open_page("/?state=out&sort=name&days=90")
    expect(page.locator("tbody tr")).to_have_count(1)
    page.locator("select[name=state]").select_option("in")
    expect(page.locator("tbody tr")).to_have_attribute("data-row", "calm")
    expect(page).to_have_url(re.compile("state=in&sort=name&days=90"))
    page.locator("select[name=state]").select_option("untold")
    page.locator("input[name=q]").fill("calm")
    expect(page.locator(".empty")).to_contain_text("No model is called so")


def test_a_model_shows_performance_columns_and_incidents(open_page: Open) -> None:
    """Each chart is drawn when it is seen, with a table behind it; the guilty column comes first."""
    page = open_page("/models/income-moved")
    expect(page.locator("#incidents li")).to_have_count(1)
    assert page.locator("figure[data-drawn]").count() <= 2
    assert page.locator("#features tbody tr").first.get_attribute("data-row") == "income"
    draw_all(page)
    assert page.locator("figure[data-drawn]").count() == 5
    page.locator("#traffic details.data summary").first.click()
    expect(page.locator("#traffic table").first).to_contain_text("180")


def test_hostile_names_do_nothing(open_page: Open) -> None:
    """No dialog, no request, no error: the fixture would fail the test; and the name can be read."""
    page = open_page("/models/income-moved")
    assert HOSTILE in page.locator("#features tbody th").all_inner_texts()


def test_metric_and_time_are_chosen_in_place_and_in_the_address(open_page: Open) -> None:
    """The chart follows; the page isn't loaded anew."""
    page = open_page("/models/calm")
    expect(page.locator("figure").first.locator("figcaption")).to_contain_text("ROC AUC")
    page.evaluate("window.stays = true")
    page.locator("select[name=metric]").select_option("accuracy")
    expect(page.locator("figure").first.locator("figcaption")).to_contain_text("Accuracy")
    expect(page).to_have_url(re.compile(r"metric=accuracy&days=30"))
    assert page.evaluate("window.stays")


@pytest.mark.parametrize("path", PATHS)
def test_no_width_scrolls_sideways(open_page: Open, path: str) -> None:
    """From the smallest phone up, with the longest names and every chart drawn."""
    page = open_page(path, width=320)
    draw_all(page)
    for width in (320, 390, 768, 1024):
        page.set_viewport_size({"width": width, "height": 844})
        assert page.evaluate("document.documentElement.scrollWidth") <= width


@pytest.mark.parametrize("path", PATHS)
def test_every_text_can_be_read(open_page: Open, path: str) -> None:
    """A contrast of 4.5 at least (WCAG AA), computed of each element with a text of its own, light and dark."""
    page = open_page(path)
    assert page.evaluate(CONTRAST) == []
    page.emulate_media(color_scheme="dark")
    assert page.evaluate("getComputedStyle(document.body).backgroundColor") == "rgb(20, 23, 26)"
    assert page.evaluate(CONTRAST) == []


def test_times_are_in_the_reader_s_zone_and_utc_on_hover(open_page: Open) -> None:
    """The server says UTC, the browser turns it; the days of windows stay as the model has them."""
    here, there = (
        open_page("/models/calm", timezone_id=zone).locator("#versions time").first for zone in ("UTC", "Asia/Tokyo")
    )
    assert here.inner_text() != there.inner_text()
    assert str(there.get_attribute("title")).endswith(" UTC")
    assert here.get_attribute("datetime") == there.get_attribute("datetime")


def test_an_unknown_model_names_the_nearest(pages: Served) -> None:
    """In words, with a way back; the page has no traceback and no other model's data."""
    answer = httpx.get(f"{pages.url}/models/clam", headers={"Accept": "text/html"})
    assert answer.status_code == 404
    assert "Did you mean &#39;calm&#39;?" in answer.text
    assert "Traceback" not in answer.text


def test_without_scripts_all_is_there_but_charts(open_page: Open) -> None:
    """Forms are forms, links are links, times are in UTC."""
    page = open_page("/?q=inc", java_script_enabled=False)
    assert page.locator("tbody tr").count() == 1
    page.locator("a.row").click()
    assert "UTC" in page.locator("#versions time").first.inner_text()


@pytest.mark.slow
def test_numbers_change_in_place_while_one_looks(open_page: Open, tmp_path: Path) -> None:
    """A log and a check in another process: counts and states follow, nothing moves, the order is offered."""
    folder = tmp_path / "store"
    with rt.open(folder) as store:
        reference = events(10).with_columns(pl.col("at") - timedelta(days=10))
        store.register("second", reference, id="id", time="at", label="y", score="p", window="1d", estimate="off")
        born(store, "first", "second")
    with serving(folder) as served:
        page = open_page("/", url=served.url)
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


def test_an_empty_store_says_how_to_log_the_first_event(open_page: Open, tmp_path: Path) -> None:
    """From Python, from the command line, by HTTP; each can be copied."""
    with serving(tmp_path / "empty") as served:
        page = open_page("/", url=served.url)
        expect(page.locator("h1")).to_have_text("No model yet")
        text = page.locator("main").inner_text()
        for said in ("rt.connect", "retrue register", "curl", "retrue demo --serve", served.url):
            assert said in text
        page.locator("[data-copy]").first.click()
        expect(page.locator("[data-copy]").first).to_have_text(re.compile("Copied|Selected"))
        page.close()  # before its server goes, of which it would complain


@pytest.mark.slow
def test_pages_are_pictured(open_page: Open, shots: Path) -> None:
    """Screenshots are kept, so that somebody can look at them."""
    schemes: tuple[Scheme, ...] = ("light", "dark")
    for name, path in (("overview", "/"), ("model", "/models/income-moved")):
        for width in (1280, 390):
            page = open_page(path, width=width)
            for scheme in schemes:
                page.emulate_media(color_scheme=scheme)
                draw_all(page)
                target = shots / f"{name}-{scheme}-{width}.png"
                page.screenshot(path=target, full_page=True)
                assert target.stat().st_size > 10_000
