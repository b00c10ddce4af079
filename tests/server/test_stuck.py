"""A model's rows can't be moved to the lake: they fill its part of the spool, and no other model is kept waiting."""

from __future__ import annotations

import asyncio
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import httpx
from tests.server.conftest import loans, registered
from tests.server.hammer import arrow

import retrue as rt
from retrue.jobs.commit import Committer
from retrue.server.app import create_app
from retrue.server.settings import ServerSettings

BODY, FORM = arrow(loans(0, 2_000).drop("y"))
MOST = 200
"""Requests until one must have been refused."""


async def sent(client: httpx.AsyncClient, model: str) -> httpx.Response:
    """What is said to rows of a model."""
    return await client.post(f"/api/v1/models/{model}/events", content=BODY, headers={"Content-Type": FORM})


def test_a_model_that_is_stuck_is_refused_and_the_others_go_on(tmp_path: Path) -> None:
    """What is in the way is a file where the model's tables belong; once it is gone, its rows are taken again."""
    folder, never = tmp_path / "store", threading.Event()
    for name in ("stuck", "fine"):
        registered(folder, name)
    obstacle = folder / "lake" / "stuck"
    obstacle.write_text("in the way", encoding="utf-8")

    async def story(store: rt.Workspace) -> None:
        app, committer = create_app(store, ServerSettings(max_spool_mb=0.5)), Committer(store)
        room = app.state.retrue.gatherer.room
        async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://localhost") as client:
            for _ in range(MOST):
                if (await sent(client, "stuck")).status_code == 429:
                    break
                room.look()
            refused = await sent(client, "stuck")
            assert (refused.status_code, refused.headers["retry-after"]) == (429, "5")
            assert "full of rows of 'stuck'" in refused.json()["error"]["message"]
            for _ in range(3):
                assert (await sent(client, "fine")).status_code == 202
                committer.round(never)
            room.look()
            assert (await sent(client, "stuck")).status_code == 429
            assert store.store.spool.waiting().keys() == {"stuck"}
            obstacle.unlink()
            committer.troubles["stuck"].again = 0  # it would wait half a second and more
            committer.round(never)
            room.look()
            assert (await sent(client, "stuck")).status_code == 202
            app.state.retrue.gatherer.stop()

    with rt.open(folder) as store, ThreadPoolExecutor(1) as pool:
        pool.submit(asyncio.run, story(store)).result()
        store.store.apply("stuck")
        assert len(store.model("stuck").events().collect()) == len(store.model("fine").events().collect()) == 2_000
