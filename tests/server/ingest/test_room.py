"""The bounds on what comes in: each gives way by itself once there is room."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import polars as pl
import pytest

from retrue.errors import StoreFullError
from retrue.server.errors import HttpError
from retrue.server.ingest.room import LEAST, Room
from retrue.server.settings import ServerSettings
from retrue.store.spool import Batch, Parcel, Spool

SETTINGS = ServerSettings(max_body_mb=1, max_waiting_mb=1.5, max_spool_mb=0.2)


@pytest.fixture
def room(tmp_path: Path) -> Iterator[Room]:
    """The room before an empty spool."""
    spool = Spool(tmp_path / "spool.db")
    yield Room(spool, SETTINGS)
    spool.close()


def refused(room: Room, size: int) -> HttpError:
    """The error for a body that there is no room for."""
    with pytest.raises(HttpError) as caught:
        room.take(size)
    return caught.value


def test_a_body_that_is_too_large_never_comes_in(room: Room) -> None:
    assert refused(room, 1_000_001).status == 413


def test_requests_wait_outside_while_memory_is_full(room: Room) -> None:
    kept = room.take(1_000_000)
    error = refused(room, 600_000)
    assert (error.status, error.headers) == (429, {"Retry-After": "1"})
    room.leave(kept)
    assert room.take(600_000) == 600_000


def test_small_requests_count_for_what_they_cost_at_least(room: Room) -> None:
    assert room.take(1) == LEAST


def test_a_spool_that_is_full_takes_more_once_the_lake_has_caught_up(room: Room) -> None:
    noise = pl.DataFrame({"x": pl.Series(range(60_000)).hash()})
    room.spool.append(Parcel("m", [Batch("events", 0, noise)]))
    room.look()
    error = refused(room, 1)
    assert (error.status, error.headers) == (429, {"Retry-After": "5"})
    room.spool.stamp("m", 1, rows=10**6, size=10**9)
    room.spool.forget("m", 1)
    room.look()
    room.take(1)


def test_the_keys_of_seven_days_dont_fill_the_spool(room: Room) -> None:
    """They are kept when the lake has the rows: nothing would ever make room."""
    room.spool.append(Parcel("m", [], {f"{number:064}": "{}" for number in range(3_000)}))
    assert room.spool.size() > SETTINGS.max_spool
    room.look()
    room.take(1)


def test_a_full_disk_is_told_as_such(room: Room) -> None:
    room.disk_full = True
    with pytest.raises(StoreFullError, match="the disk is full"):
        room.take(1)
    room.look()
    room.take(1)
