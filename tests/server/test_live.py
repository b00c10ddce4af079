"""Live pages: a state is told at once, again when it is another, and everything ends when the server does."""

from __future__ import annotations

import asyncio
import os
import signal
import time
from collections.abc import AsyncGenerator, Coroutine
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, TypeVar

import httpx
import pytest
from tests.server.conftest import loans, registered, serving

import retrue as rt
from retrue.errors import StoreError
from retrue.server.errors import HttpError
from retrue.server.live import MOST, MOST_EACH, Live
from retrue.server.states import States, Watch
from retrue.store import rows

T = TypeVar("T")


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A store with two models."""
    made = tmp_path_factory.mktemp("live") / "store"
    registered(made, "one")
    registered(made, "two")
    return made


def test_a_change_is_told_of_its_model_alone(folder: Path) -> None:
    """And of the whole store; a look without a write gives the very same."""
    served = rt.open(folder)
    watch = Watch(served.store.catalog)
    before = watch.look()
    assert watch.look() is before
    with rt.open(folder) as store:
        store.model("one").log(loans(0, 3).drop("y"))
        store.store.apply("one")
    after = watch.look()
    assert {name for name in after if after[name] != before[name]} == {"one", ""}
    watch.close()
    served.close()


def test_a_note_for_all_models_changes_all(folder: Path) -> None:
    """A deployment or a holiday is drawn on every time axis."""
    served = rt.open(folder)
    watch = Watch(served.store.catalog)
    before = watch.look()
    with rt.open(folder) as store, store.store.catalog.write() as tx:
        tx.add(rows.Marker("holiday", "New Year", 0, "anna", 0))
    after = watch.look()
    assert all(after[name] != before[name] for name in ("one", "two", ""))
    watch.close()
    served.close()


def alone(story: Coroutine[Any, Any, T]) -> T:
    """Run a story in a thread of its own: where a browser is open, this one has a loop already."""
    with ThreadPoolExecutor(1) as pool:
        return pool.submit(asyncio.run, story).result()


def test_who_follows_is_told_the_state_and_then_what_changes() -> None:
    """One task looks for all; it rests when nobody follows."""
    told: States = {"": "a", "one": "b"}
    looks = 0

    def look() -> States:
        nonlocal looks
        looks += 1
        return dict(told)

    async def story() -> list[bytes]:
        live = Live(look, every=0.01)
        following = live.follow("one", "anna")
        seen = [await anext(following), await anext(following)]
        told["one"] = "c"
        seen.append(await anext(following))
        assert live.connected == {"anna": 1}
        live.end()
        seen.append(await anext(following))
        await following.aclose()
        assert not live.connected
        await asyncio.sleep(0.05)
        assert live.task is None
        return seen

    seen = alone(story())
    assert seen == [
        b"retry: 3000\n\n",
        b"event: state\ndata: b\n\n",
        b"event: state\ndata: c\n\n",
        b"event: end\ndata: the server stops\n\n",
    ]
    assert looks >= 2


def test_a_catalog_that_fails_for_a_moment_ends_no_connection() -> None:
    """The next look tells."""
    answers: list[States | Exception] = [StoreError("locked"), {"": "a"}]

    def look() -> States:
        found = answers.pop(0) if len(answers) > 1 else answers[0]
        if isinstance(found, Exception):
            raise found
        return found

    async def story() -> bytes:
        live = Live(look, every=0.01)
        following = live.follow("", "anna")
        await anext(following)
        said = await anext(following)
        await following.aclose()
        return said

    assert alone(story()) == b"event: state\ndata: a\n\n"


def test_nobody_takes_the_places_of_others() -> None:
    """A caller has so many, and all together; a page that is closed makes room."""

    async def begun(live: Live, who: str) -> AsyncGenerator[bytes]:
        live.refuse_many(who)
        following = live.follow("", who)
        await anext(following)
        return following

    async def story() -> None:
        live = Live(dict, every=0.01)
        mine = [await begun(live, "anna") for _ in range(MOST_EACH)]
        with pytest.raises(HttpError, match="20 of your pages are live already") as caught:
            await begun(live, "anna")
        assert (caught.value.status, caught.value.headers) == (429, {"Retry-After": "30"})
        others = [await begun(live, f"number {n}") for n in range(MOST - MOST_EACH)]
        with pytest.raises(HttpError, match="200 pages are live already"):
            await begun(live, "bob")
        await mine.pop().aclose()
        mine.append(await begun(live, "anna"))
        live.end()
        for one in (*mine, *others):
            await one.aclose()
        assert not live.connected

    alone(story())


def test_a_page_is_told_within_seconds_and_the_server_stops_though_it_is_followed(folder: Path) -> None:
    """From the log in another process to the page; SIGTERM ends the stream and the server."""
    with serving(folder) as served, httpx.stream("GET", f"{served.url}/live?model=two", timeout=60) as answer:
        lines = answer.iter_lines()
        assert next(line for line in lines if line.startswith("data: "))
        with rt.open(folder) as store:
            store.model("two").log(loans(0, 3).drop("y"))
            store.store.apply("two")
        assert next(line for line in lines if line.startswith("data: "))
        counted = 'retrue_http_seconds_count{method="GET",route="/live",status="200"} 1.0'
        assert counted in httpx.get(f"{served.url}/metrics", timeout=30).text  # though it goes on
        began = time.perf_counter()
        os.kill(served.pid, signal.SIGTERM)
        assert "event: end" in list(lines)
        assert time.perf_counter() - began < 20
