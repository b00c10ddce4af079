"""Load at full speed and `kill -9` at random moments: each acknowledged row is there once, profiles equal a recount."""

from __future__ import annotations

import os
import random
import time
from pathlib import Path

import pytest
from tests.server.conftest import registered
from tests.server.hammer import Sent, fleet, taken, verify

KILLS = 50
WHILE_IT_WORKS = 0.9
"""Share of kills that wait until the service works again; the others may hit it while it starts."""
LONGEST = 0.3
"""Seconds that it works at most before the next kill: as long as some commit cycles take."""


@pytest.mark.slow
def test_nothing_acknowledged_is_lost_or_doubled_however_it_is_killed(tmp_path: Path) -> None:
    """50 kills of the server, its children, or all of them at once, while three clients send as fast as they can."""
    folder, sent, chance = tmp_path / "store", Sent(), random.Random(os.environ.get("SEED", "4"))
    registered(folder)
    with fleet(folder) as service:
        with sent.sending(service.url):
            for _ in range(KILLS):
                if chance.random() < WHILE_IT_WORKS:
                    sent.progress()
                time.sleep(chance.uniform(0.0, LONGEST))
                service.kill(chance)
                service.up()
            sent.progress()
            sent.progress("200")
        assert service.starts > 2
    told = taken(sent)
    assert told["events"] > 1_000
    assert told["labels"] > 500
    verify(folder, sent)
