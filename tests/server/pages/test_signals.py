"""The signals of a model in a browser: how often they are met, trying one on stored history, and watching for it."""

from __future__ import annotations

from pathlib import Path

import httpx
import polars as pl
from playwright.sync_api import expect
from tests.server.conftest import Served
from tests.server.pages.conftest import DAYS, Open, events, fits

import retrue as rt
from retrue.refine.signals import BUILT_IN
from retrue.server.pages.signals import FINDS

NAME = "income > 4500 <b>"


def test_a_signal_that_rose_is_told_first(visit: Open) -> None:
    """The sentence, its share with interval beside the usual one, its chart, its incident; names are text."""
    page = visit("/models/edges/signals")
    assert NAME in page.inner_text("h1")
    assert "more than usual" in page.inner_text("h1")
    row = page.locator("table.rows tbody tr").first
    assert "drifting" in row.inner_text()
    assert " to " in row.locator("[data-k=share]").inner_text()
    figure = page.locator("figure[data-picture]")
    figure.scroll_into_view_if_needed()
    expect(figure).to_have_attribute("data-drawn", "", timeout=20_000)
    assert "usually 0 %" in figure.locator("figcaption").inner_text()
    assert "income" in page.locator("#signal-1 .list a").inner_text()


def test_a_signal_is_tried_before_it_is_watched(visit: Open, store: Served, shots: Path) -> None:
    """Without scripts: the preview says what it would have met, collected and told; then its policy is changed."""
    page = visit("/models/edges/signals", width=390, scheme="dark", java_script_enabled=False)
    page.fill("input[name=where]", "income > 4600 AND income < 1e6")
    page.fill("#new input[name=name]", "rich")
    page.fill("#new input[name=policy]", "50 per day")
    page.click("text=Preview on stored history")
    rich = events(DAYS, shift=4_000.0).filter(pl.col("income") > 4_600).height
    assert f"rich would have been met by {rich} of 1,440 rows" in page.inner_text("#preview h2")
    told = [one.split("\n")[:2] for one in page.locator("#preview dl div").all_inner_texts()]
    assert told[1:] == [["Collected", "200"], ["Alarms of its share", "1"]]
    assert "csrf" not in page.url
    fits(page, shots / "signal-preview.png")
    page.click("#preview button")
    assert "It is watched" in page.inner_text(".outcome")
    page.click("text=Collect now what newly met them")
    own = page.locator("section", has=page.locator("h2:text-is('rich')"))
    assert f"200 of {rich} rows that met it" in own.inner_text()
    own.locator("input[name=policy]").fill("10 per day")
    own.locator("text=Change its policy").click()
    page.click("text=Collect now what newly met them")
    assert f"40 of {rich} rows that met it" in own.inner_text()
    page.click("button[aria-label='Stop watching rich']")
    assert "watched no more" in page.inner_text(".outcome")
    with rt.open(store.folder) as opened:
        assert "signal's policy changed" in [one.action for one in opened.audit("edges", most=20)]
        assert [one.name for one in opened.model("edges").watched_signals()] == [NAME]


def test_what_is_wrong_is_said_beside_the_form(visit: Open) -> None:
    """The empty page says what to do; a slice or a policy that nobody understands is told, what was typed stays."""
    page = visit("/models/calm/signals")
    assert "No signal of calm is watched yet" in page.inner_text("h1")
    assert "retrue signals add calm" in page.inner_text(".snippet")
    page = visit("/models/calm/signals?where=nowhere+%3E+3&preview=1")
    assert "Unknown column 'nowhere'" in page.inner_text(".trouble")
    page.fill("input[name=where]", "income > 1500")
    page.fill("#new input[name=policy]", "200")
    page.click("#new button:text-is('Watch it')")
    assert "'200 per day'" in page.inner_text(".trouble")
    assert page.input_value("input[name=where]") == "income > 1500"


def test_built_in_signals_and_blamed_rows_are_one_press_away(visit: Open, store: Served) -> None:
    """Each with a preview; a slice may also be collected once, and the page is reached from where it is needed."""
    assert set(FINDS) == {function.__name__ for function in BUILT_IN}
    page = visit("/models/edges/signals", java_script_enabled=False)
    assert page.locator("[aria-labelledby=offered-title] li").count() > 0
    page.click("button[aria-label='Watch out of range']")
    assert "out of range" in page.locator("table.rows").first.inner_text()
    assert page.locator("button[aria-label='Watch out of range']").count() == 0
    page.fill("input[name=where]", "income > 4500")
    page.fill("#new input[name=policy]", "30")
    page.fill("#new input[name=name]", "once")
    page.click("text=Only collect once")
    assert "30 new rows were collected" in page.inner_text(".outcome")
    page.click("button[aria-label='Stop watching out of range']")
    for place in ("", "/refine", "/slices", "/monitors"):
        assert 'href="/models/edges/signals"' in httpx.get(f"{store.url}/models/edges{place}").text


def test_the_page_follows_what_is_watched(visit: Open, store: Served) -> None:
    """Somebody else watches one more: the page says so in place."""
    page = visit("/models/answered/signals")
    expect(page.locator("#live")).to_have_text("live")
    with rt.open(store.folder) as opened:
        opened.model("answered").watch_signal("income > 1900", name="late")
        expect(page.locator("h1")).to_have_text("1 signal of answered is watched; none is judged yet", timeout=20_000)
        opened.model("answered").unwatch_signal("late")
