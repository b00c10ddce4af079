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
    spool = Spool.open(tmp_path / "spool.db")
    yield Room(spool, SETTINGS)
    spool.close()


def refused(room: Room, size: int) -> HttpError:
    """The error for a body that there is no room for."""
    with pytest.raises(HttpError) as caught:
        room.take(size, "m")
    return caught.value


def test_a_body_that_is_too_large_never_comes_in(room: Room) -> None:
    assert refused(room, 1_000_001).status == 413


def test_requests_wait_outside_while_memory_is_full(room: Room) -> None:
    kept = room.take(1_000_000, "m")
    error = refused(room, 600_000)
    assert (error.status, error.headers) == (429, {"Retry-After": "1"})
    room.leave(kept)
    assert room.take(600_000, "m") == 600_000


def test_small_requests_count_for_what_they_cost_at_least(room: Room) -> None:
    assert room.take(1, "m") == LEAST


def fill(room: Room, model: str, rows: int = 12_000) -> None:
    """Let rows of a model wait: eight bytes each that can't be packed."""
    noise = pl.DataFrame({"x": pl.Series(range(rows)).hash()})
    room.spool.append(Parcel(model, [Batch("events", 0, noise)]))
    room.look()


def moved(room: Room, model: str) -> None:
    """Let what waits of a model go to the lake."""
    room.spool.stamp(model, 1, rows=10**6, size=10**9)
    room.spool.forget(model, 1)
    room.look()


def test_a_spool_that_is_full_takes_more_once_the_lake_has_caught_up(room: Room) -> None:
    fill(room, "m", 60_000)
    error = refused(room, 1)
    assert (error.status, error.headers) == (429, {"Retry-After": "5"})
    moved(room, "m")
    room.take(1, "m")


def test_a_model_whose_rows_are_stuck_leaves_room_for_the_others(room: Room) -> None:
    """It holds half of the spool at most, two of them a third each: whoever else sends finds as much."""
    fill(room, "stuck")
    assert room.spool_full == frozenset()
    fill(room, "stuck", 2_000)
    assert room.spool_full == {"stuck"}
    fill(room, "other")
    assert room.spool_full == {"stuck", "other"}
    room.take(1, "third")
    moved(room, "other")
    assert room.spool_full == {"stuck"}
    room.take(1, "other")
    with pytest.raises(HttpError, match="full of rows of 'stuck'"):
        room.take(1, "stuck")
    moved(room, "stuck")
    room.take(1, "stuck")


def test_the_keys_of_seven_days_dont_fill_the_spool(room: Room) -> None:
    """They are kept when the lake has the rows: nothing would ever make room."""
    room.spool.append(Parcel("m", [], {f"{number:064}": "{}" for number in range(3_000)}))
    assert room.spool.size() > SETTINGS.max_spool
    room.look()
    room.take(1, "m")


def test_a_full_disk_is_told_as_such(room: Room) -> None:
    room.disk_full = True
    with pytest.raises(StoreFullError, match="the disk is full"):
        room.take(1, "m")
    room.look()
    room.take(1, "m")
