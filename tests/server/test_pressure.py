"""More comes than the lake takes: senders are told to wait, memory stays as it is, and nothing acknowledged is lost."""

from __future__ import annotations

from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import httpx
import pytest
from tests.server.conftest import loans, registered
from tests.server.hammer import HELD, Sent, arrow, fleet, verify

MB = 1_000_000
SETTINGS = "[server]\nmax_spool_mb = 0.3\nmax_waiting_mb = 4\n"
OFFERED = 120
"""Bodies of some MB that are offered while nothing moves to the lake."""
WARM, ACCEPTED = 8, 120
"""Bodies that are acknowledged before the server's memory counts, and while it does."""
LARGEST = 200
"""MB by which the server may grow meanwhile: far more than it may hold, far less than what is offered."""


@pytest.mark.slow
def test_a_flood_is_told_to_wait_and_nothing_of_it_is_lost(tmp_path: Path) -> None:
    """While nothing moves to the lake, a flood: 429 with Retry-After, memory bounded; then all goes on."""
    folder, sent, said = tmp_path / "store", Sent(), Counter[str]()
    registered(folder)
    (tmp_path / "retrue.toml").write_text(SETTINGS, encoding="utf-8")
    large, form = arrow(loans(50_000_000, 40_000).drop("y"))
    held = folder / "held"
    held.touch()
    with fleet(folder, code=HELD) as service, sent.sending(service.url):
        sent.progress("429")  # the spool is full
        (web,) = service.part("server.web")
        before = grown = web.memory_info().rss

        def flood(_: int) -> None:
            nonlocal grown
            try:
                answer = httpx.post(
                    f"{service.url}/api/v1/models/loans/events",
                    content=large,
                    headers={"Content-Type": form},
                    timeout=60,
                )
            except httpx.TransportError:  # it answers before it has read all, and hangs up
                said["cut off"] += 1
            else:
                said[f"{answer.status_code}, {answer.headers.get('retry-after')}"] += 1
            grown = max(grown, web.memory_info().rss)

        with ThreadPoolExecutor(16) as pool:
            list(pool.map(flood, range(OFFERED)))
        assert httpx.get(f"{service.url}/readyz", timeout=30).status_code == 200
        held.unlink()
        sent.progress("202")
        sent.progress("200")
    assert set(said) <= {"429, 5", "429, 1", "cut off"}, said
    assert said["429, 5"], said
    assert (grown - before) / MB < LARGEST < OFFERED * len(large) / MB
    verify(folder, sent)


@pytest.mark.slow
def test_memory_does_not_grow_with_what_is_accepted(tmp_path: Path) -> None:
    """Nothing moves to the lake, and far more is acknowledged than the server may grow by: it waits on disk."""
    folder = tmp_path / "store"
    registered(folder)
    (folder / "held").touch()
    bodies = [arrow(loans(60_000_000 + 20_000 * number, 20_000).drop("y")) for number in range(4)]
    with fleet(folder, code=HELD) as service, httpx.Client(base_url=service.url, timeout=60) as client:

        def accepted(times: int) -> int:
            """Send bodies until so many are acknowledged; gives the memory that the server then has."""
            for number in range(times):
                body, form = bodies[number % len(bodies)]
                answer = client.post("/api/v1/models/loans/events", content=body, headers={"Content-Type": form})
                assert answer.status_code == 202, answer.text
            (web,) = service.part("server.web")
            return int(web.memory_info().rss)

        before = accepted(WARM)
        grown = (accepted(ACCEPTED) - before) / MB
    assert grown < LARGEST / 2 < ACCEPTED * len(bodies[0][0]) / MB
