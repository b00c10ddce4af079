"""What `ack=lake` says where the lake takes too long: the rows are there once all the same."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import httpx
import pytest
from tests.client.served import serving as threaded
from tests.server.conftest import loans, registered
from tests.server.hammer import HELD, columns, fleet, until

import retrue as rt
from retrue.server.api import events

EVENTS = "/api/v1/models/loans/events"
LAKE = {"ack": "lake"}


def body(first: int, rows: int) -> tuple[bytes, dict[str, str]]:
    """Loans as a request with a key of their own."""
    content, form = columns(loans(first, rows).drop("y"))
    return content, {"Content-Type": form, "Idempotency-Key": f"from {first}"}


def test_a_lake_that_takes_too_long_is_a_503_and_the_rows_are_taken_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nobody commits here: the rows are acknowledged all the same, and sending them again finds them in the lake."""
    monkeypatch.setattr(events, "PATIENCE", 0.2)
    registered(tmp_path / "store")
    content, headers = body(0, 10)
    with threaded(tmp_path / "store") as url, httpx.Client(base_url=url, timeout=30) as client:
        late = client.post(EVENTS, content=content, headers=headers, params=LAKE)
        again = client.post(EVENTS, content=content, headers=headers, params=LAKE)
        with rt.open(tmp_path / "store") as store:
            assert store.store.pending("loans") == 10
            assert store.model("loans").events().collect().height == 10  # reading applies what waits
            told = client.post(EVENTS, content=content, headers=headers, params=LAKE)
            assert sum(window.events for window in store.store.windows("loans")) == 10
            assert store.store.counters("loans").get("events repeated", 0) == 0
    assert [one.status_code for one in (late, again)] == [503, 503]
    said = late.json()["error"]
    assert "aren't in the lake after 0.2 s" in said["what"]
    assert "safe in the spool, and sending them again is harmless" in said["hint"]
    assert late.headers["retry-after"] == "5"
    assert (told.status_code, told.json()["repeated"], told.json()["accepted"]) == (200, True, 10)


@pytest.mark.slow
def test_who_waits_for_the_lake_keeps_no_service_from_stopping(tmp_path: Path) -> None:
    """Nothing moves to the lake, the service stops: the sender hears a 503, and the rows are in the lake once."""
    registered(tmp_path / "store")
    content, headers = body(0, 10)
    held = tmp_path / "store" / "held"
    held.touch()
    with fleet(tmp_path / "store", code=HELD) as service, ThreadPoolExecutor(1) as pool:
        until(lambda: service.part("server.web"))
        url = f"{service.url}{EVENTS}"
        asked = pool.submit(httpx.post, url, content=content, headers=headers, params=LAKE, timeout=60)
        with rt.open(tmp_path / "store") as store:
            until(lambda: store.store.pending("loans") == 10)
        service.part("server.web")[0].terminate()
        said = asked.result()
        held.unlink()
    assert (said.status_code, said.json()["error"]["what"]) == (
        503,
        "the service stops before the rows are in the lake",
    )
    with rt.open(tmp_path / "store") as store:
        assert store.model("loans").events().collect()["id"].sort().to_list() == [f"l{n}" for n in range(10)]
        assert store.store.counters("loans").get("events repeated", 0) == 0
