"""A marker that is added on a model's page stands on every axis of time: each chart, each wall, the incident's map."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest
from playwright.sync_api import Locator, Page, expect
from tests.server.conftest import Served
from tests.server.pages.conftest import TODAY, Open

import retrue as rt

TEXT = "new <b>feed"


def axes(page: Page) -> list[Locator]:
    """The charts and walls of a page that have an axis of time; each is brought into view, and drawn."""
    every = page.locator("figure[data-picture], figure[data-wall]")
    for one in every.all():
        one.scroll_into_view_if_needed()
        if one.get_attribute("data-wall") is None:
            expect(one).to_have_attribute("data-drawn", "", timeout=20_000)
    return [one for one in every.all() if "/columns/window/" not in (one.get_attribute("data-picture") or "")]


def marked(one: Locator) -> str:
    """What the table behind a figure says of markers."""
    one.locator("details.data > summary").click()
    found = one.locator("[colspan], .marked li").filter(has_text=TEXT).first
    expect(found).to_be_visible()
    return found.inner_text()


@pytest.mark.slow
def test_a_marker_stands_on_every_axis_of_time(visit: Open, store: Served, shots: Path) -> None:
    """It is added by the form of the model's page; its name is text, drawn above the plot where there is room."""
    page = visit("/models/edges")
    page.click("text=Mark a time")
    page.fill("#markers input[name=text]", TEXT)
    page.fill("#markers input[name=at]", f"{TODAY - timedelta(hours=12):%Y-%m-%dT%H:%M}")
    page.click("text=Mark it on the charts")
    expect(page.locator("#markers li")).to_contain_text(TEXT)
    with rt.open(store.folder) as opened:
        incident = next(one.id for one in opened.model("edges").incidents() if "income" in one.columns)
    seen = {}
    for path in ("", "/features/income", "/signals", f"/incidents/{incident}?evidence=now"):
        page.goto(f"{store.url}/models/edges{path}")
        found = axes(page) if "incidents" not in path else [page.locator("#shape figure")]
        if "incidents" in path:
            axes(page)
        seen[path] = len(found)
        for one in found:
            assert TEXT in marked(one)
            if one.get_attribute("data-wall") is None:
                expect(one.locator("svg text", has_text="new")).to_have_count(1)
        page.screenshot(path=shots / f"marked{path.split('?')[0].replace('/', '-')}.png", full_page=True)
    assert seen == {"": 8, "/features/income": 3, "/signals": 1, f"/incidents/{incident}?evidence=now": 1}
    page.goto(f"{store.url}/models/edges#markers")
    page.click(f"button[aria-label='Remove {TEXT}']")
    expect(page.locator("#markers li")).to_have_count(0)
