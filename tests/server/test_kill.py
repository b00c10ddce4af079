"""Load at full speed and `kill -9` at random moments: each acknowledged row is there once, profiles equal a recount."""

from __future__ import annotations

import os
import random
import time
from functools import partial
from pathlib import Path

import pytest
from tests.server.beside import FIRST, beside
from tests.server.conftest import registered
from tests.server.hammer import Sent, fleet, taken, until, verify

KILLS = 50
WHILE_IT_WORKS = 0.9
"""Share of kills that wait until the service works again; the others may hit it while it starts."""
OTHERS = 12
"""Kills of the service from one of the notebook, or of upkeep, to the next."""
LONGEST = 0.3
"""Seconds that it works at most before the next kill: as long as some commit cycles take."""


@pytest.mark.slow
def test_nothing_acknowledged_is_lost_or_doubled_however_it_is_killed(tmp_path: Path) -> None:
    """50 kills of the server, its children, or all at once, while three clients send as fast as they can.

    Beside it a notebook logs, labels and checks, and `retrue upkeep` runs; they are killed too, and begin again.
    """
    folder, sent, chance = tmp_path / "store", Sent(), random.Random(os.environ.get("SEED", "4"))
    registered(folder)
    with fleet(folder) as service, beside(folder, sent) as others:
        with sent.sending(service.url):
            for number in range(KILLS):
                if chance.random() < WHILE_IT_WORKS:
                    sent.progress()
                time.sleep(chance.uniform(0.0, LONGEST))
                service.kill(chance)
                if number % OTHERS == 0:
                    chance.choice(others).again()
                service.up()
            sent.progress()
            sent.progress("200")
        assert service.starts > 2
        for one, what in zip(others, ("checked", "kept"), strict=True):
            until(partial(one.has, what))
    told = taken(sent)
    assert told["events"] > 1_000
    assert told["labels"] > 500
    assert others[0].first > FIRST
    verify(folder, sent)
