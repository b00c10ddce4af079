"""Pages in a real browser: a served store with several models, whatever a page complains of, a folder for pictures."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

import polars as pl
import pytest
from tests.server.conftest import Served, loans, serving

import retrue as rt
from retrue.store import rows

if TYPE_CHECKING:
    from playwright.sync_api import Page, Request
    from tests.tabs import Tabs

Open = Callable[..., "Page"]

DAYS = 8
EVERY = 8
"""Minutes between two loans."""
TODAY = datetime(2026, 1, 5, tzinfo=UTC) + timedelta(days=DAYS)
HOSTILE = "<img src=x onerror=alert(1)> & 'quotes' {{ 7 * 7 }}"
"""A feature's name as a stranger may choose it; its categories are no better."""
REFUSED = "the server responded with a status of 400"
"""What a browser notes of a form that the server answers with what is wrong."""


def events(days: int, *, shift: float = 0.0) -> pl.DataFrame:
    """Loans of some days from the Monday on; `shift` moves the income of the last four."""
    made = loans(0, days * 1_440).gather_every(EVERY).with_columns(pl.lit(0.1).alias("ms") + pl.col("p") / 10)
    late = pl.col("at") >= TODAY - timedelta(days=4)
    moved = pl.when(late).then(pl.col("income") + shift).otherwise(pl.col("income"))
    return made.with_columns(moved.alias("income"), (pl.col("region") + "<script>alert(2)</script>").alias(HOSTILE))


def live(
    store: rt.Workspace, name: str, *, shift: float = 0.0, watch: tuple[str, ...] = (), squeeze: float = 1.0
) -> None:
    """Register a model, have it watch for some slices, and let it live for some days; one row can't be read."""
    reference = events(10).with_columns(pl.col("at") - pl.duration(days=10))
    model = store.register(
        name, reference, id="id", time="at", label="y", score="p", latency="ms", window="1d", estimate="off",
    )  # fmt: skip
    for part in watch:
        model.watch_signal(part, name=f"{part} <b>")
    late = pl.col("at") >= TODAY - timedelta(days=4)
    served = events(DAYS, shift=shift).with_columns(p=pl.when(late).then(pl.col("p") / squeeze).otherwise("p"))
    model.log(served.drop("y"), at=TODAY)
    model.label(events(DAYS).select("id", "y"), at=TODAY)
    model.log([{"id": "odd", "at": "no time", "income": 1.0, "region": "north", "p": 0.5, HOSTILE: "x"}], at=TODAY)
    model.check(now=TODAY)


def born(store: rt.Workspace, name: str, like: str) -> None:
    """Give a store a model that is registered like another one, and has seen no event."""
    with store.store.catalog.write() as tx:
        own = tx.get(rows.Model, name=like)
        assert own is not None
        tx.put(replace(own, name=name, applied=0))
        for kind in (rows.GridsRow, rows.Version, rows.Reference):
            tx.put(*(replace(one, model=name) for one in tx.find(kind, model=like)))  # type: ignore[call-arg]


@pytest.fixture(scope="session")
def store(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """A served store: `calm` is in true, `moved` isn't, `answered` wasn't, `edges` watches for a signal.

    `waiting` has no event. What `moved` and `edges` say stays: tests answer incidents of `answered`.
    """
    folder = tmp_path_factory.mktemp("pages") / "store"
    with rt.open(folder) as opened:
        live(opened, "calm")
        live(opened, "moved", shift=4_000)
        live(opened, "answered", shift=4_000)
        live(opened, "edges", shift=4_000, watch=("income > 4500",))
        born(opened, "waiting", "calm")
    with serving(folder) as served:
        yield served


@dataclass
class Trouble:
    """What pages complained of, and what they asked of others."""

    found: list[str]

    def told(self, url: str) -> dict[str, Callable[..., object]]:
        """What notes whatever a page says, and each request that leaves the server."""

        def on_request(request: Request) -> None:
            if not request.url.startswith((url, "data:")):
                self.found.append(f"asks for {request.url}")

        return {
            "console": lambda said: self.found.extend([said.text] * (REFUSED not in said.text)),
            "pageerror": lambda error: self.found.append(f"error: {error}"),
            "dialog": lambda dialog: self.found.append(f"dialog: {dialog.message}"),
            "request": on_request,
        }


@pytest.fixture
def visit(tabs: Tabs, store: Served) -> Iterator[Open]:
    """Open a page of the served store; whatever it complains of fails the test."""
    trouble = Trouble([])
    with ExitStack() as opened:

        def visited(path: str, *, url: str = "", **options: Any) -> Page:
            page = opened.enter_context(tabs.tab(told=trouble.told(url or store.url), **options))
            page.goto((url or store.url) + path)
            return page

        yield visited
    assert trouble.found == []


def fits(page: Page, picture: Path) -> None:
    """Check that a page needs no scrolling to the side, and take its picture."""
    wide = page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")
    page.screenshot(path=picture, full_page=True)
    assert wide <= 0
