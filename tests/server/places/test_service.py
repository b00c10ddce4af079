"""The pages of the service itself: jobs, quarantine, settings, audit."""

from __future__ import annotations

from pathlib import Path

import httpx
import pytest
from tests.server.conftest import Served
from tests.server.places.conftest import WIDTHS, Open, fits

import retrue as rt


@pytest.mark.parametrize(("width", "scheme"), WIDTHS)
@pytest.mark.parametrize("path", ["/jobs", "/quarantine?model=calm", "/settings", "/audit?verify=1"])
def test_each_fits_every_screen(visit: Open, shots: Path, path: str, width: int, scheme: str) -> None:
    page = visit(path, width=width, scheme=scheme)
    assert page.inner_text("h1")
    fits(page, shots / f"{path.strip('/').partition('?')[0]}-{width}.png")


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


def test_a_channels_url_is_a_secret(visit: Open) -> None:
    """It is kept, shown without its secret, and removed."""
    page = visit("/settings", java_script_enabled=False)
    page.fill("#channels input[name=name]", "on call")
    page.fill("input[name=url]", "json://user:hushhush@localhost/x")
    page.click("text=Keep the channel")
    assert "on call" in page.inner_text("#channels table")
    assert "hushhush" not in page.content()
    page.click("button[aria-label='Remove on call']")
    assert "Nobody is told yet" in page.inner_text("#channels")


def test_the_audit_log_says_whether_it_is_whole(store: Served) -> None:
    answer = httpx.get(f"{store.url}/audit?verify=1", headers={"Accept": "text/html"}, timeout=30)
    assert "The audit log is whole" in answer.text


@pytest.mark.parametrize(("width", "scheme"), WIDTHS)
def test_two_windows_are_compared(visit: Open, shots: Path, width: int, scheme: str) -> None:
    """One verdict, the forest, and a line a slice; what can't be understood is said beside the form."""
    page = visit("/compare", width=width, scheme=scheme)
    page.click("text=As text")
    page.fill("input[name=a]", "calm 2026-01-05..2026-01-08")
    page.fill("input[name=b]", "calm 2026-01-08..2026-01-12")
    page.click("details.more button:text-is('Compare')")
    assert "against" in page.inner_text("h1")
    assert "all rows" in page.inner_text("table")
    page.wait_for_selector("figure[data-drawn]", timeout=20_000)
    fits(page, shots / f"compare-{width}.png")
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
