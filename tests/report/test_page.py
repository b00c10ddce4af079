"""The page in a real browser: offline, without a complaint, drawn when seen, readable in the dark and on a phone."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from playwright.sync_api import expect

from retrue.report.comparison import Comparison

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Dialog, Page, Request
    from tests.tabs import Scheme, Tabs

Open = Callable[..., "Page"]

COUNT_MARKS = "f => f.querySelectorAll('.plot svg [role=\"graphics-symbol\"], .plot svg .mark-area path').length"


@pytest.fixture
def open_page(tabs: Tabs, tmp_path: Path) -> Iterator[Open]:
    """Open a comparison's report from disk with the network cut; whatever the page complains of fails the test."""
    trouble: list[str] = []
    with ExitStack() as opened:

        def open_(comparison: Comparison, *, width: int = 1280, scheme: Scheme = "light", name: str = "") -> Page:
            path = comparison.save(tmp_path / f"{name or 'report'}.html")
            tab = tabs.tab(width=width, height=800, scheme=scheme, told=noting(trouble), offline=True)
            page = opened.enter_context(tab)
            page.goto(path.as_uri())
            return page

        yield open_
    assert trouble == []


def noting(trouble: list[str]) -> dict[str, Callable[..., object]]:
    """What notes whatever a page says, asks or does beyond showing its own file."""

    def on_dialog(dialog: Dialog) -> None:
        trouble.append(f"dialog: {dialog.message}")
        dialog.dismiss()

    def on_request(request: Request) -> None:
        if not request.url.startswith("file:"):
            trouble.append(f"asks for {request.url}")

    return {
        "console": lambda message: trouble.append(f"console: {message.text}"),
        "pageerror": lambda error: trouble.append(f"error: {error}"),
        "dialog": on_dialog,
        "request": on_request,
    }


@pytest.fixture
def shots(tmp_path: Path) -> Path:
    """Give the folder for pictures of pages: `RETRUE_SCREENSHOTS` where set, so that CI can keep them."""
    folder = Path(os.environ.get("RETRUE_SCREENSHOTS") or tmp_path / "screenshots")
    folder.mkdir(parents=True, exist_ok=True)
    return folder


def draw_all(page: Page) -> int:
    """Open every row, bring every chart into view, and give how many there are once all are drawn."""
    page.evaluate("document.querySelectorAll('details.row').forEach(row => row.open = true)")
    figures = page.locator("figure[data-picture]")
    for i in range(figures.count()):
        figures.nth(i).scroll_into_view_if_needed()
    # Not `wait_for_function`: it evaluates text, which the page's policy forbids.
    expect(page.locator("figure:not([data-drawn])")).to_have_count(0)
    page.evaluate("scrollTo(0, 0)")
    return figures.count()


def test_every_chart_is_drawn_offline_without_a_complaint(open_page: Open, troubled: Comparison) -> None:
    """Under the page's own policy, with marks in each chart, and no console message at all."""
    page = open_page(troubled)
    assert draw_all(page) >= 15
    marks = page.eval_on_selector_all("figure", f"figures => figures.map({COUNT_MARKS})")
    assert min(marks) > 0


def test_charts_wait_until_they_are_seen(open_page: Open, wide: Comparison) -> None:
    """Two hundred columns open fast because nothing is drawn that isn't in view."""
    page = open_page(wide)
    page.wait_for_timeout(300)
    assert page.locator("figure[data-drawn]").count() == 0
    assert page.locator("figure").count() >= 200
    page.locator("details.row summary").first.click()
    page.wait_for_selector("figure[data-drawn]")
    assert page.locator("figure[data-drawn]").count() <= 3


def test_the_first_screen_answers(open_page: Open, troubled: Comparison) -> None:
    """Sentence, state and the worst column are visible without scrolling or clicking."""
    page = open_page(troubled)
    assert page.locator("h1").inner_text().startswith("4 of 11 columns are out of true")
    worst = page.locator("#findings .row").first
    assert "passenger_count" in worst.inner_text()
    box = worst.bounding_box()
    assert box is not None
    assert box["y"] + box["height"] < 800


@pytest.mark.parametrize("width", [320, 768, 1024])
def test_no_width_scrolls_sideways(open_page: Open, troubled: Comparison, hostile: Comparison, width: int) -> None:
    """In each of the page's layouts, with every row open and names as long as they come."""
    for comparison in (troubled, hostile):
        page = open_page(comparison, width=width)
        draw_all(page)
        assert page.evaluate("document.documentElement.scrollWidth") <= width


def test_hostile_names_do_nothing(open_page: Open, hostile: Comparison) -> None:
    """No dialog, no request, no error: the fixture would fail the test; and the names can be read."""
    page = open_page(hostile)
    draw_all(page)
    page.locator("details.data summary").first.click()
    names = page.locator(".name b").all_inner_texts()
    assert "<script>alert(1)</script>" in names
    assert "{{ 7 * 7 }}" in names


def test_dark_follows_the_reader_and_charts_follow_too(open_page: Open, troubled: Comparison) -> None:
    """Switching the scheme repaints page and charts."""
    page = open_page(troubled, scheme="dark")
    background = "getComputedStyle(document.body).backgroundColor"
    label = "document.querySelector('figure[data-drawn] svg text').getAttribute('fill')"
    page.locator("details.row summary").first.click()
    page.wait_for_selector("figure[data-drawn]")
    dark = page.evaluate(background), page.evaluate(label)
    page.emulate_media(color_scheme="light")
    expect(page.locator("figure[data-drawn] svg text").first).not_to_have_attribute("fill", dark[1])
    assert page.evaluate(background) == "rgb(255, 255, 255)"
    assert dark[0] == "rgb(20, 23, 26)"


def test_everything_can_be_reached_by_keyboard(open_page: Open, troubled: Comparison) -> None:
    """Tab comes to the first column, Enter opens it, and the focus can be seen."""
    page = open_page(troubled)
    for _ in range(20):
        page.keyboard.press("Tab")
        if page.evaluate("document.activeElement.tagName") == "SUMMARY":
            break
    assert page.evaluate("getComputedStyle(document.activeElement).outlineStyle") == "solid"
    page.keyboard.press("Enter")
    assert page.locator("details.row[open]").count() == 1


def test_a_chart_has_its_table_behind_it(open_page: Open, troubled: Comparison) -> None:
    """The same figures as text, for who can't or won't read a picture."""
    page = open_page(troubled)
    page.locator("details.row summary").first.click()
    page.locator("details.row[open] details.data summary").first.click()
    table = page.locator("details.data[open] table")
    assert table.locator("th").all_inner_texts() == ["value", "reference", "window"]
    assert table.locator("tbody tr").first.inner_text().startswith("missing")


def test_figures_appear_under_the_pointer(open_page: Open, troubled: Comparison) -> None:
    """The tooltip is styled by the page and holds the bin's shares."""
    page = open_page(troubled)
    page.locator("details.row > summary").nth(2).click()
    page.wait_for_selector("details.row[open] figure[data-drawn] svg")
    page.locator("details.row[open] .plot svg").first.hover()
    tip = page.locator("#vg-tooltip-element.visible")
    assert "reference" in tip.inner_text()
    assert tip.evaluate("e => getComputedStyle(e).position") == "fixed"


def test_a_search_finds_columns(open_page: Open, wide: Comparison) -> None:
    """`/` jumps to the field, typing filters, Escape gives all back."""
    page = open_page(wide)
    page.keyboard.press("/")
    page.keyboard.type("feature_01")
    assert page.locator("#found").inner_text() == "10 of 200"
    assert page.locator(".row:visible").count() == 10
    page.keyboard.press("Escape")
    assert page.locator("#found").inner_text() == ""


def test_the_notebook_view_draws_in_its_frame(browser: Browser, troubled: Comparison, tmp_path: Path) -> None:
    """In a notebook's page, sandboxed, the list is there and a chart is drawn when it is opened."""
    holder = tmp_path / "notebook.html"
    holder.write_text(f"<!doctype html><meta charset=utf-8><body>{troubled._repr_html_()}", encoding="utf-8")
    page = browser.new_page()
    page.goto(holder.as_uri())
    inside = page.frame_locator("iframe")
    inside.locator("details.row summary").first.click()
    inside.locator("figure[data-drawn] svg").first.wait_for()
    assert "4 of 11 columns" in inside.locator("h1").inner_text()
    page.close()


@pytest.mark.parametrize(
    ("name", "width", "scheme"), [("light", 1280, "light"), ("dark", 1280, "dark"), ("phone", 390, "light")]
)
def test_pictures_of_the_page_are_kept(
    open_page: Open, troubled: Comparison, calm: Comparison, shots: Path, name: str, width: int, scheme: Scheme
) -> None:
    """For people to look at: the troubled report with its first row open, and the calm one."""
    for kind, comparison in (("troubled", troubled), ("calm", calm)):
        page = open_page(comparison, width=width, scheme=scheme, name=kind)
        page.locator("details.row summary").first.click()
        page.wait_for_selector("details.row[open] figure[data-drawn]")
        target = shots / f"report-{kind}-{name}.png"
        page.screenshot(path=target, full_page=True)
        assert target.stat().st_size > 10_000
