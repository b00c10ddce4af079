"""What is kept while rows come in is what the store says: answers of a service that has run on, and of a new one."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import polars as pl
import pytest
from fastapi import FastAPI
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from tests.server.conftest import START, loans

import retrue as rt
from retrue.errors import StoreError
from retrue.server.app import create_app
from retrue.server.settings import ServerSettings
from retrue.server.states import Watch
from retrue.store import rows

DAY = 1_440
"""Loans of a day, one a minute."""
PAGES = (
    "/",
    "/?q=on&days=90",
    "/models/one",
    "/models/one/figures/drift?column=income",
    "/models/one/columns/strip?column=p",
    "/models/one/monitors?preview=1&rule=missing(income)+<+0.1",
    "/compare?a=one+reference&b=one",
)
TOKEN = re.compile("[0-9a-f]{64}")
"""What guards the forms of each page, another one each time."""


@dataclass
class Life:
    """A store with two models that live on, and a service that has served it from the beginning.

    Attributes:
        store: the store, as who writes has it.
        app: the service that has run on.
        minute: up to which minute after `START` loans came.
        shift: how far incomes have moved.
        versions: the champion, and the version that it takes turns with.
    """

    store: rt.Workspace
    app: FastAPI
    minute: int = 0
    shift: float = 0.0
    versions: list[str] = field(default_factory=lambda: ["1", "2"])

    @property
    def now(self) -> datetime:
        """When the newest loan came."""
        return START + timedelta(minutes=self.minute)

    @property
    def model(self) -> rt.Model:
        """The model that lives."""
        return self.store.model("one")

    def log(self, count: int = 40) -> None:
        """Loans come in."""
        made = loans(self.minute, count).with_columns(pl.col("income") + self.shift)
        self.minute += count
        self.model.log(made.drop("y"), at=self.now, version=self.versions[0])
        self.store.store.apply("one")

    def turn(self) -> None:
        """The next day begins, and incomes move on it."""
        self.minute = (self.minute // DAY + 1) * DAY
        self.shift = 2_000.0 - self.shift
        self.log(400)

    def label(self) -> None:
        """Labels come for what came lately, also in windows that are closed."""
        known = loans(max(self.minute - DAY, 0), DAY).select("id", "y").sample(200, seed=self.minute)
        self.model.label(known, at=self.now)
        self.store.store.apply("one")

    def check(self) -> None:
        """Closed windows are judged."""
        with suppress(StoreError):
            self.model.check(now=self.now)

    def resolve(self) -> None:
        """Somebody says that an incident is over."""
        for one in self.model.incidents(live=True)[:1]:
            one.resolve(self.now)

    def adopt(self) -> None:
        """Somebody changes the rules."""
        self.model.adopt(rules=[] if self.model.options.rules else ["missing(region) < 0.5"])

    def recount(self) -> None:
        """Profiles are rebuilt."""
        self.model.recount()

    def swap(self) -> None:
        """The other version becomes the champion."""
        self.versions.reverse()
        with self.store.store.catalog.write() as tx:
            for one in tx.find(rows.Version, model="one"):
                tx.put(replace(one, stage="champion" if one.version == self.versions[0] else "retired"))


def answers(app: FastAPI) -> dict[str, str]:
    """What a service says on each page, and to Prometheus."""

    async def ask() -> dict[str, str]:
        transport = httpx.ASGITransport(app=app)
        async with httpx.AsyncClient(transport=transport, base_url="http://localhost") as client:
            told = {page: await client.get(page, headers={"Accept": "text/html"}) for page in PAGES}
            return {page: TOKEN.sub("", one.raise_for_status().text) for page, one in told.items()}

    with ThreadPoolExecutor(1) as pool:  # where a browser is open, this thread has a loop already
        found = pool.submit(asyncio.run, ask()).result()
    app.state.retrue.readings.read = float("-inf")  # as if ten seconds had passed
    return {**found, "/metrics": app.state.retrue.readings.exposed().decode()}


@pytest.fixture(scope="module")
def life(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Life]:
    """A store whose model has lived for four days."""
    folder: Path = tmp_path_factory.mktemp("kept") / "store"
    with rt.open(folder) as store, rt.open(folder) as served:
        for name in ("one", "two"):
            roles: dict[str, Any] = {
                "id": "id",
                "time": "at",
                "label": "y",
                "score": "p",
                "window": "1d",
                "estimate": "off",
            }
            store.register(name, loans(-10 * DAY, 10 * DAY), **roles)
        with store.store.catalog.write() as tx:
            tx.put(*(replace(one, version="2", stage="retired") for one in tx.find(rows.Version, model="one")))
            tx.put(*(replace(one, version="2") for one in tx.find(rows.Reference, model="one")))
        made = Life(store, create_app(served, ServerSettings()))
        for _ in range(4):
            made.turn()
        made.check()
        yield made


ACTS: dict[str, Callable[[Life], None]] = {
    "log": Life.log, "turn": Life.turn, "label": Life.label, "check": Life.check, "resolve": Life.resolve,
    "adopt": Life.adopt, "recount": Life.recount, "swap": Life.swap,
}  # fmt: skip


@pytest.mark.slow
@settings(
    max_examples=2, deadline=None, derandomize=True, phases=[Phase.generate], suppress_health_check=list(HealthCheck)
)  # a life goes on: what failed can't be made smaller by living it again
@given(st.permutations(sorted(ACTS)))
def test_a_service_that_has_run_on_says_what_a_new_one_says(life: Life, acts: list[str]) -> None:
    """After each write, check, answer of an incident, change of rules or champion, on every page that keeps something.

    The model's life goes on from one example to the next. A page that tells the minute may change between two looks.
    """
    for act in acts:
        ACTS[act](life)
        with rt.open(life.store.store.folder) as other:
            new = create_app(other, ServerSettings())
            kept, anew = answers(life.app), answers(new)
            if kept != anew:
                kept, anew = answers(life.app), answers(new)
        assert {page for page in kept if kept[page] != anew[page]} == set(), act


def test_a_window_that_is_judged_anew_is_another_state(tmp_path: Path) -> None:
    """Also where SQLite gives its verdicts the numbers of those that were removed, and nothing came in since."""
    with rt.open(tmp_path / "store") as store:
        store.register("one", loans(-DAY, DAY), id="id", time="at", label="y", score="p", window="1d", estimate="off")
        catalog, watch = store.store.catalog, Watch(store.store.catalog)
        before = rows.VerdictRow("one", "1", 0, "true", 1, 1, {})
        with catalog.write() as tx:
            first = tx.add(before)
        seen = watch.judged()
        with catalog.write() as tx:
            tx.remove(rows.VerdictRow, model="one")
            assert tx.add(replace(before, kind="degraded", created=2)).number == first.number
        assert watch.judged() != seen
        watch.close()
