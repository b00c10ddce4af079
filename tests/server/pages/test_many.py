"""The overview of a platform team: 200 models, found, filtered and sorted by keyboard, on any screen."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest
from benchmarks.pages import fill
from playwright.sync_api import Page, expect
from tests.server.conftest import Served, serving
from tests.server.pages.conftest import Open
from tests.server.pages.looks import looks_right

import retrue as rt
from retrue.store import rows

MODELS, DAYS, FEATURES = 200, 3, 3


@pytest.fixture(scope="module")
def many(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """A served store of 200 models, of which some are out of true."""
    folder = tmp_path_factory.mktemp("many") / "store"
    today = datetime.now(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
    fill(folder, MODELS, DAYS, FEATURES, today)
    with rt.open(folder) as store, store.store.catalog.write() as tx:
        for number in range(0, MODELS, 3):
            found = tx.find(rows.Window, model=f"model-{number:03d}")
            tx.put(*(replace(one, events=one.events * (2 + number % 5)) for one in found))
    with serving(folder) as served:
        yield served


def column(page: Page, key: str) -> list[str]:
    """What a column says, from the first row to the last."""
    return [str(one) for one in page.locator(f"tbody [data-k='{key}']").all_inner_texts()]


def names(page: Page) -> list[str]:
    """The models, in the order of the page."""
    found: list[str] = page.locator("tbody tr").evaluate_all("rows => rows.map(row => row.dataset.row)")
    return found


def chosen(page: Page, name: str, value: str) -> None:
    """Choose something from a list with the keys alone, from the field that finds a model."""
    field = page.locator(f"select[name={name}]")
    page.evaluate("document.activeElement.blur()")
    page.keyboard.press("/")
    for _ in range(5):
        if field.evaluate("field => field === document.activeElement"):
            break
        page.keyboard.press("Tab")
    expect(field).to_be_focused()
    for _ in range(field.locator("option").count()):
        if field.input_value() == value:
            break
        page.keyboard.press("ArrowDown")
    expect(page).to_have_url(re.compile(f"{name}={value}"))


@pytest.mark.slow
def test_two_hundred_models_are_found_filtered_and_sorted_by_keyboard(visit: Open, many: Served) -> None:
    """Nothing is clicked; the page isn't loaded anew, the address has it all."""
    page = visit("/", url=many.url)
    assert re.fullmatch(r"\d+ of 200 models are out of true.*", page.inner_text("h1"))
    every = names(page)
    assert len(set(every)) == MODELS
    page.evaluate("window.stays = true")
    chosen(page, "sort", "name")
    expect(page.locator("tbody tr").first).to_have_attribute("data-row", "model-000")
    assert names(page) == sorted(every) != every
    chosen(page, "sort", "rows")
    expect(page.locator("tbody tr").first).to_have_attribute("data-row", "model-009")
    counts = [float(one.replace(",", "").replace("k", "e3")) for one in column(page, "rows a day")]
    assert counts == sorted(counts, reverse=True)
    assert len(set(counts)) == 6
    chosen(page, "state", "out")
    expect(page.locator(".found")).to_have_text("29 of 200 models")
    out = names(page)
    assert (len(out), set(out) <= set(every)) == (29, True)
    page.evaluate("document.activeElement.blur()")
    page.keyboard.press("/")
    page.keyboard.type(out[-1])
    expect(page.locator("tbody tr")).to_have_count(1)
    assert names(page) == [out[-1]]
    assert page.evaluate("window.stays")


@pytest.mark.slow
def test_two_hundred_models_look_right(visit: Open, many: Served, shots: Path) -> None:
    """Light and dark, wide and on a phone, where who is in true takes three lines."""
    page = visit("/", url=many.url)
    looks_right(page, shots, "overview-200")
    page.set_viewport_size({"width": 390, "height": 844})
    assert page.evaluate("document.documentElement.scrollHeight") < 120 * MODELS


@pytest.mark.slow
@pytest.mark.parametrize("path", ["/", "/jobs"])
def test_filters_stand_in_one_line(visit: Open, many: Served, path: str) -> None:
    """On a screen that is as wide as most are."""
    page = visit(path, url=many.url)
    ends = page.locator("form.tools").evaluate("form => [form.offsetHeight, form.firstElementChild.offsetHeight]")
    assert ends[0] < 2 * ends[1]
