"""Requests are gathered by what they are once unpacked."""

from __future__ import annotations

import asyncio
import gzip
import json
import sqlite3
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from tests.server.conftest import loans, registered

import retrue as rt
from retrue.server.ingest.gather import GROUP_BYTES, Asked, Gatherer, Waiting
from retrue.server.settings import ServerSettings


def test_small_bodies_that_unpack_to_much_are_not_taken_on_together(tmp_path: Path) -> None:
    packed = gzip.compress(b" " * (GROUP_BYTES // 2), 1)

    async def sizes() -> list[int]:
        with rt.open(tmp_path / "store") as store:
            gatherer = Gatherer(store, ServerSettings())
            loop = asyncio.get_running_loop()
            for body in (packed, packed, packed, b"no gzip", packed):
                asked = Asked("m", "events", body, "application/json", "gzip")
                gatherer._queue.append(Waiting(asked, loop.create_future()))
            return [len(gatherer._next()) for _ in range(3)]

    with ThreadPoolExecutor(1) as pool:  # where a browser is open, this thread has a loop already
        assert pool.submit(asyncio.run, sizes()).result() == [2, 2, 1]


def test_rows_that_dont_say_their_version_are_the_champions_of_that_moment(tmp_path: Path) -> None:
    """The champion is remembered only until anybody writes to the catalog."""
    folder = tmp_path / "store"
    registered(folder)
    promote = "update versions set version = '2' where stage = 'champion'"

    async def versions(store: rt.Workspace) -> list[str]:
        gatherer = Gatherer(store, ServerSettings())
        gatherer.learn(store.model("loans"))
        for body in bodies(2):
            await gatherer.take(Asked("loans", "events", body, "application/json"))
            with sqlite3.connect(folder / "catalog.db") as other:
                other.execute(promote)
            other.close()
        gatherer.stop()
        store.store.apply("loans")
        events = store.model("loans").events(version=None).collect().sort("at")
        return [str(version) for version in events["_version"]]

    with rt.open(folder) as store, ThreadPoolExecutor(1) as pool:
        assert pool.submit(asyncio.run, versions(store)).result() == ["1", "2"]


def bodies(n: int) -> list[bytes]:
    """Loans, a body each."""
    rows = json.loads(loans(0, n).drop("y").write_json())
    return [json.dumps(row).encode() for row in rows]
