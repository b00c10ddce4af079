"""Requests are gathered by what they are once unpacked."""

from __future__ import annotations

import asyncio
import gzip
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

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
