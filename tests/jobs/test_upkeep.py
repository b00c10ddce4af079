"""What upkeep drops, and for how long things are kept, is in the audit log."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from tests.jobs.conftest import events

import retrue as rt
from retrue.jobs.upkeep import keep_for, upkeep
from retrue.store.retention import Retention


@pytest.mark.slow
def test_what_is_dropped_and_for_how_long_things_are_kept_is_in_the_audit_log(tmp_path: Path) -> None:
    now = datetime.now(UTC)
    with rt.open(tmp_path / "store") as store:
        model = store.register(
            "m", events(now - timedelta(days=40), 30), id="id", time="at", window="1m", estimate="off"
        )
        model.log(events(now - timedelta(days=30), 2, seed=1))
        keep_for(store, Retention.of({"events": "20d"}))
        upkeep(store, now)
        dropped, said = store.audit(most=2)
    assert (said.action, said.body["events"]) == ("retention set", "20d")
    assert (dropped.action, dropped.model, dropped.body["rows"]) == ("old rows dropped", "m", 120)
