"""What became of rows, by when they came: it agrees with the books of the cycles, whatever becomes of the rows."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import polars as pl
import pytest
from tests.store.test_commit import fast_folder, tallied

from retrue.store.arrivals import KEPT, Arrivals, Came
from retrue.store.layout import Layout
from retrue.store.store import Store

__all__ = ["fast_folder"]

T0 = datetime(2013, 3, 1, tzinfo=UTC)
NOW = datetime(2013, 3, 2, 12, 0, 30, tzinfo=UTC)
MINUTE = int(NOW.timestamp()) // 60 * 60


@pytest.fixture
def store(fast_folder: Path) -> Store:
    store = Store.open(fast_folder / "store", counting=tallied)
    store.add_model("m", Layout(id="id", time="t", version="v", label="y", window=3600))
    return store


def events(ids: list[str | None], x: int = 0) -> pl.DataFrame:
    return pl.DataFrame({"id": ids, "t": [T0] * len(ids), "v": ["a"] * len(ids), "x": [x] * len(ids)})


def test_each_row_is_taken_set_aside_or_repeated_in_the_minute_in_which_it_came(store: Store) -> None:
    """By hand: three new events, then one of them again, one that differs, one without an id, and a new one."""
    store.append("m", "events", events(["a", "b", "c"]), at=NOW)
    store.apply("m")
    store.append("m", "events", events(["a", None, "d"]), at=NOW + timedelta(minutes=1))
    store.append("m", "events", events(["b"], x=1), at=NOW + timedelta(minutes=1))
    store.apply("m")
    found = store.arrivals("m")
    assert found.steps[60] == {MINUTE: Came(3, 0, 0, 0), MINUTE + 60: Came(1, 2, 1, 0)}
    assert found.steps[3600] == {MINUTE: Came(4, 2, 1, 0)}


def test_labels_that_wait_are_told_and_their_copies_are_not_news(store: Store) -> None:
    """A label before its event waits; when that comes, one event has come and no label."""
    store.append("m", "labels", pl.DataFrame({"id": ["a", "a"], "y": [1, 1]}), at=NOW)
    store.apply("m")
    store.append("m", "events", events(["a"]), at=NOW + timedelta(minutes=1))
    store.apply("m")
    assert store.arrivals("m").steps[60] == {MINUTE: Came(1, 0, 1, 1), MINUTE + 60: Came(1, 0, 0, 0)}


def test_only_the_newest_is_kept() -> None:
    """Whatever comes for a month, every minute, stays a few kilobytes; late news of old rows don't come back."""
    found = Arrivals()
    for hour in range(30 * 24):
        found = found.plus({hour * 3600 + minute * 60: Came(123_456, 0, 0, 0) for minute in range(60)})
    assert {length: len(steps) for length, steps in found.steps.items()} == KEPT
    assert len(found.to_json()) < 20_000
    assert found.plus({0: Came(1, 0, 0, 0)}) == found == Arrivals.from_json(found.to_json())
