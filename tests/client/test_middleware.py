"""The middleware: logs prediction routes of an ASGI application as they pass, and gives back the ids."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from fastapi import FastAPI, HTTPException
from tests.client.conftest import in_a_loop, logged

import retrue as rt


def service() -> FastAPI:
    """Make a service that predicts."""
    app = FastAPI()

    @app.post("/predict")
    async def predict(body: dict[str, Any]) -> dict[str, Any]:
        if "instances" in body:
            return {"predictions": [0.25] * len(body["instances"])}
        if body["x"] < 0:
            raise HTTPException(503)
        return {"p": body["x"] / 10}

    return app


@pytest.fixture
def watched(folder: Path, tmp_path: Path) -> Iterator[rt.WatchMiddleware]:
    """The service, watched."""
    made = rt.WatchMiddleware(service(), model="flights", to=folder, overflow=tmp_path / "over", signals=None)
    yield made
    made.watch.close()


def asked(app: rt.WatchMiddleware, *bodies: Any) -> list[httpx.Response]:
    """Send requests one after the other."""

    async def send() -> list[httpx.Response]:
        transport = httpx.ASGITransport(app=app)
        async with httpx.AsyncClient(transport=transport, base_url="http://service") as client:
            return [await client.post("/predict", json=body) for body in bodies]

    return in_a_loop(send())


def test_requests_and_answers_become_events_under_the_id_that_is_given_back(
    watched: rt.WatchMiddleware, folder: Path
) -> None:
    rows = {"instances": [{"x": 1.0, "city": "LGA"}, {"x": 2.0, "city": "JFK"}]}
    one, many = asked(watched, {"x": 3.0, "city": "JFK"}, rows)
    assert (one.json(), many.json()) == ({"p": 0.3}, {"predictions": [0.25, 0.25]})
    assert watched.watch.flush(20)
    assert logged(folder, one.headers["retrue-id"]).select("x", "p").rows() == [(3.0, 0.3)]
    found = logged(folder, many.headers["retrue-id"] + "/")
    assert found.select("x", "city", "p").rows() == [(1.0, "LGA", 0.25), (2.0, "JFK", 0.25)]


def test_failed_requests_are_counted_and_no_event(watched: rt.WatchMiddleware) -> None:
    (answer,) = asked(watched, {"x": -1.0})
    assert answer.status_code == 503
    assert watched.watch.flush(20)
    stats = watched.watch.stats()
    assert (stats.calls, stats.errors, stats.sent) == (1, 1, 0)
