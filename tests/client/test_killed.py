"""The server is killed while a batch is on its way: the client sends it again, and each row is there once."""

from __future__ import annotations

import random
import threading
import time
from pathlib import Path

import pytest
from tests.server.conftest import loans, registered
from tests.server.hammer import fleet, numbers, until

import retrue as rt

KILLS = 3
ROWS = 10_000
"""Rows of a batch: so many that they are on their way for a while."""


@pytest.mark.slow
def test_a_batch_whose_server_is_killed_is_sent_again_and_taken_once(tmp_path: Path) -> None:
    """`rt.connect` logs a batch for each kill, `rt.watch` one call after the other: none is lost, none is doubled."""
    folder, calls, stop = tmp_path / "store", 0, threading.Event()
    registered(folder)
    with fleet(folder) as service, rt.connect(service.url) as store:

        @rt.watch(to=service.url, model="loans", overflow=tmp_path / "overflow", signals=None)
        def predict(features: dict[str, object]) -> float:
            return 0.25

        def call() -> None:
            nonlocal calls
            while not stop.is_set():
                predict({"id": f"w{calls}", "income": 1_000.0 + calls % 997, "region": "north"})
                calls += 1
                time.sleep(0.002)

        caller = threading.Thread(target=call)
        caller.start()
        model = store.model("loans")
        for kill in range(KILLS):
            batch = threading.Thread(target=model.log, args=(loans(kill * ROWS, ROWS).drop("y"),))
            until(lambda: predict.watch.stats().sent > 0)
            batch.start()
            time.sleep(random.uniform(0.02, 0.3))
            service.kill_these(until(lambda: service.part("server.web")))
            batch.join(120)
            assert not batch.is_alive()
        stop.set()
        caller.join()
        assert predict.watch.flush(60)
        stats = predict.watch.stats()
        predict.watch.close()
        assert (stats.sent, stats.dropped, stats.refused, stats.waiting) == (calls, 0, 0, 0)
    with rt.open(folder) as opened:
        ids = opened.model("loans").events().collect()["id"]
        assert numbers(ids.filter(ids.str.starts_with("l"))) == set(range(KILLS * ROWS))
        assert numbers(ids.filter(ids.str.starts_with("w"))) == set(range(calls))
        counters = opened.store.counters("loans")
    assert counters.get("events repeated", 0) == 0
    assert counters.get("quarantined", 0) == 0
