"""A served store whose model went wrong, and a browser that fails a test for whatever a page complains of."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

import polars as pl
import pytest
from tests.server.conftest import Served, loans, serving

import retrue as rt

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

Open = Callable[..., "Page"]

DAYS = 8
TODAY = datetime(2026, 1, 5, tzinfo=UTC) + timedelta(days=DAYS)
HOSTILE = "<img src=x onerror=alert(1)> & 'quotes' {{ 7 * 7 }}"
"""A feature's name as a stranger may choose it; its categories are no better."""
REFUSED = "the server responded with a status of 400"
"""What a browser notes of a form that the server answers with what is wrong."""
WIDTHS = ((1280, "light"), (390, "dark"))
"""Widths and schemes that every page is looked at in."""


def events(days: int, *, shift: float = 0.0) -> pl.DataFrame:
    """Loans of some days from the Monday on; `shift` moves the income of the last four."""
    made = loans(0, days * 1_440).gather_every(8)
    late = pl.col("at") >= TODAY - timedelta(days=4)
    moved = pl.when(late).then(pl.col("income") + shift).otherwise(pl.col("income"))
    return made.with_columns(moved.alias("income"), (pl.col("region") + "<script>alert(2)</script>").alias(HOSTILE))


def live(store: rt.Workspace, name: str, *, shift: float, watch: tuple[str, ...] = ()) -> None:
    """Register a model, have it watch for some slices, and let it live for some days."""
    reference = events(10).with_columns(pl.col("at") - pl.duration(days=10))
    model = store.register(name, reference, id="id", time="at", label="y", score="p", window="1d", estimate="off")
    for part in watch:
        model.watch_signal(part, name=f"{part} <b>")
    model.log(events(DAYS, shift=shift).drop("y"), at=TODAY)
    model.label(events(DAYS).select("id", "y"), at=TODAY)
    model.log([{"id": "odd", "at": "no time", "income": 1.0, "region": "north", "p": 0.5, HOSTILE: "x"}], at=TODAY)
    model.check(now=TODAY)


@pytest.fixture(scope="session")
def store(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """Serve a store: `calm` is in true, `moved` isn't, `edges` watches for a signal."""
    folder = tmp_path_factory.mktemp("places") / "store"
    with rt.open(folder) as opened:
        live(opened, "calm", shift=0)
        live(opened, "moved", shift=4_000)
        live(opened, "edges", shift=4_000, watch=("income > 4500",))
    with serving(folder) as served:
        yield served


@pytest.fixture
def visit(browser: Browser, store: Served) -> Iterator[Open]:
    """Open a page of it; whatever it complains of, or asks of others, fails the test."""
    trouble: list[str] = []
    opened: list[Page] = []

    def visited(path: str, *, width: int = 1280, scheme: Any = "light", **options: Any) -> Page:
        page = browser.new_page(viewport={"width": width, "height": 844}, color_scheme=scheme, **options)
        page.on("console", lambda said: trouble.extend([said.text] * (REFUSED not in said.text)))
        page.on("pageerror", lambda error: trouble.append(f"error: {error}"))
        page.on("dialog", lambda dialog: trouble.append(f"dialog: {dialog.message}"))
        page.on("request", lambda asked: trouble.extend([asked.url] * (not asked.url.startswith((store.url, "data:")))))
        page.goto(store.url + path)
        opened.append(page)
        return page

    yield visited
    for page in opened:
        page.close()
    assert trouble == []


@pytest.fixture
def shots(tmp_path: Path) -> Path:
    """Give the folder for pictures of pages: `RETRUE_SCREENSHOTS` where set, so that CI can keep them."""
    folder = Path(os.environ.get("RETRUE_SCREENSHOTS") or tmp_path / "screenshots")
    folder.mkdir(parents=True, exist_ok=True)
    return folder


def fits(page: Page, picture: Path) -> None:
    """Check that a page needs no scrolling to the side, and take its picture."""
    wide = page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")
    page.screenshot(path=picture, full_page=True)
    assert wide <= 0
