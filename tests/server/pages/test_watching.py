"""A feature, the monitors and the slices of a model, in a browser."""

from __future__ import annotations

from pathlib import Path
from urllib.parse import quote

import httpx
from tests.server.conftest import Served
from tests.server.pages.conftest import HOSTILE, Open, fits

import retrue as rt


def test_a_feature_is_drawn_over_time(visit: Open) -> None:
    """The strip, the reference against a window, quality; what checks said stands below."""
    page = visit("/models/moved/features/income")
    assert "income" in page.inner_text("h1")
    page.wait_for_selector("figure[data-drawn]", timeout=20_000)
    assert page.locator("figure").count() == 4
    assert page.locator(".list li").count() > 0


def test_names_of_strangers_are_text(visit: Open) -> None:
    """A feature's name and its categories are shown, whatever they hold."""
    page = visit(f"/models/moved/features/{quote(HOSTILE, safe='')}")
    assert HOSTILE in page.inner_text("h1")
    page.wait_for_selector("figure[data-drawn]", timeout=20_000)
    assert "<script>alert(2)</scr" in (page.locator("figure svg").first.text_content() or "")


def test_a_rule_is_tried_before_it_is_adopted(visit: Open, store: Served, shots: Path) -> None:
    """The preview says what it would have told; only then it is adopted, and nothing secret gets into the address."""
    rule = "mean(income) <= 1280"
    page = visit("/models/answered/monitors", width=390, scheme="dark")
    page.fill("input[aria-label='A new rule']", rule)
    page.click("text=Preview on stored history")
    assert "replayed" in page.inner_text("#preview h2")
    assert "csrf" not in page.url
    fits(page, shots / "monitor-preview.png")
    page.click("button:text-is('Adopt')")
    assert "Adopted" in page.inner_text(".outcome")
    with rt.open(store.folder) as opened:
        assert rule in opened.model("answered").options.rules


def test_what_is_wrong_stands_beside_its_field(visit: Open) -> None:
    """A rule that nobody understands is refused in words; the others stay as they were typed."""
    page = visit("/models/moved/monitors?add=nonsense(income) <= 1")
    assert "nonsense" in page.inner_text(".rule .wrong")
    page = visit("/models/moved/slices?add=nowhere > 3")
    assert "nowhere" in page.inner_text(".trouble")


def test_a_slice_is_counted_and_let_go(visit: Open, store: Served, shots: Path) -> None:
    """Without scripts."""
    page = visit("/models/answered/slices", width=390, scheme="dark", java_script_enabled=False)
    page.fill("input[name=add]", "income > 1500")
    page.click("text=How many rows is that?")
    assert "rows of the reference" in page.inner_text(".outcome")
    page.click("text=Count them by themselves")
    assert "income > 1,500" in page.inner_text("table").replace("1500", "1,500")
    fits(page, shots / "slice-counted.png")
    page.click("button[aria-label*='income']")
    assert "income >" not in page.inner_text("main").partition("In the newest window")[2]
    with rt.open(store.folder) as opened:
        assert [one.action for one in opened.audit("answered", most=2)] == ["slice removed", "slice added"]


def test_a_time_is_marked_and_forgotten(visit: Open, store: Served) -> None:
    """It stands on the model's page; from another model's page it is out of reach."""
    page = visit("/models/calm?days=3650")
    page.click("text=Mark a time")
    page.fill("#markers input[name=text]", "new <pipeline>")
    page.fill("#markers input[name=at]", "2026-01-08T09:30")
    page.select_option("#markers select[name=kind]", "deployment")
    page.click("text=Mark it on the charts")
    said = visit("/models/calm?days=3650").inner_text("#markers")
    assert "deployment new <pipeline>" in said
    assert "8 Jan" in said
    page = visit("/models/calm?days=3650")
    token = page.locator("#markers input[name=csrf]").first.input_value()
    (kept,) = httpx.get(f"{store.url}/api/v1/markers").json()
    away = f"{store.url}/models/moved/markers/{kept['number']}/remove"
    assert page.request.post(away, form={"csrf": token}, headers={"Origin": store.url}).status == 404
    page.click("#markers .list button")
    page.wait_for_load_state()
    assert httpx.get(f"{store.url}/api/v1/markers").json() == []


def test_a_slice_is_told_in_figures(visit: Open, store: Served) -> None:
    """Performance, share, rows and labels, beside those of all rows, each with its interval."""
    page = visit("/models/answered/slices?add=income+%3E+1600")
    page.click("text=Count them by themselves")
    page.wait_for_selector("td[data-k=share]")
    rows = page.locator("table.rows tbody tr")
    assert "all rows" in rows.nth(0).inner_text()
    assert "100 %" in rows.nth(0).locator("td[data-k=share]").inner_text()
    assert " to " in rows.nth(1).locator("td[data-k=share]").inner_text()
    assert " to " in rows.nth(1).locator("td").first.inner_text()
    page.click("text=Remove")
