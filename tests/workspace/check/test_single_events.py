"""Events that are logged one by one, as a dict each."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import polars as pl

import retrue as rt

START = datetime(2026, 1, 1, tzinfo=UTC)


def event(i: int) -> dict[str, object]:
    """The i-th event, one a minute."""
    return {"id": f"e{i}", "at": START + timedelta(minutes=i), "x": float(i % 7)}


def test_single_events_wait_together_and_are_there_when_the_log_is_read(tmp_path: Path) -> None:
    """Each is acknowledged at once; a reader, and a check, find them all, each once."""
    reference = pl.DataFrame([event(i) for i in range(500)])
    with rt.open(tmp_path / "store") as store:
        model = store.register("m", reference=reference, id="id", time="at", window="1h")
        for i in range(20):
            assert model.log(event(i)).accepted == 1
        assert model.log(event(3)).accepted == 1  # an equal repeat is taken, and ignored when it is applied
        assert store.store.pending("m") == 21
        assert sorted(model.events().collect()["id"]) == sorted(f"e{i}" for i in range(20))
        assert store.store.pending("m") == 0
        assert [v.window for v in model.check(now=START + timedelta(hours=2))]


def test_a_thousand_waiting_events_are_moved_along(tmp_path: Path) -> None:
    """The spool doesn't grow without bound where nobody reads."""
    reference = pl.DataFrame([event(i) for i in range(100)])
    with rt.open(tmp_path / "store") as store:
        model = store.register("m", reference=reference, id="id", time="at", window="1h")
        model.store.append("m", "events", pl.DataFrame([event(i) for i in np.arange(999).tolist()]))
        model.log(event(999))
        assert store.store.pending("m") == 0
