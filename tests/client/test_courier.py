"""What a server refuses for good keeps nothing behind it waiting; what is too large for it goes in parts."""

from __future__ import annotations

import secrets
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import polars as pl
import pytest
from tests.client.conftest import logged
from tests.client.served import serving

from retrue.client.counts import Counts
from retrue.client.courier import Courier
from retrue.client.http import ServerTarget
from retrue.client.overflow import Overflow
from retrue.client.target import Target
from retrue.server.settings import ServerSettings


@pytest.fixture(scope="module")
def strict(folder: Path) -> Iterator[str]:
    """A server that takes 20 kB at a time."""
    with serving(folder, settings=ServerSettings(max_body_mb=0.02)) as url:
        yield url


def courier(target: Target, tmp_path: Path) -> Courier:
    """A courier with an overflow of its own."""
    return Courier(target, Overflow(tmp_path / "over"), None, Counts())


def calls(name: str, rows: int, filler: int = 0) -> pl.DataFrame:
    """Events under neutral names; each is as large as its filler."""
    rows_of = range(rows)
    return pl.DataFrame(
        {
            "_id": [f"{name}-{n}" for n in rows_of],
            "_time": [datetime(2026, 1, 6, 0, 0, n, tzinfo=UTC) for n in rows_of],
            "x": [1.0 for _ in rows_of],
            "city": [noise(filler) for _ in rows_of],
            "_output": [0.5 for _ in rows_of],
        }
    )


def noise(size: int) -> str:
    """A text that no compression makes small."""
    return secrets.token_hex(size // 2) if size else "JFK"


def test_what_is_too_large_goes_in_halves_and_only_a_row_that_is_too_large_is_refused(
    strict: str, folder: Path, tmp_path: Path
) -> None:
    target = ServerTarget(strict, "flights", None)
    sent = courier(target, tmp_path)
    rows = calls("half", 8, 4_000)
    sent.post(
        "events",
        rows.with_columns(city=pl.when(pl.col("_id") == "half-3").then(pl.lit(noise(30_000))).otherwise("city")),
    )
    sent.post("events", calls("after", 1))
    assert sent.deliver()
    assert sent.deliver()
    target.close()
    assert (sent.counts.so_far.sent, sent.counts.so_far.refused, sent.waiting) == (8, 1, 0)
    assert logged(folder, "half-", "after-")["id"].to_list() == ["after-0", *(f"half-{n}" for n in range(8) if n != 3)]


def test_of_halves_none_is_taken_twice_where_the_second_must_wait(strict: str, tmp_path: Path) -> None:
    """The network goes after the first half was taken: all is tried again, under the same keys."""

    class Flaky(ServerTarget):
        keys: list[str] = []  # noqa: RUF012 - of this one test

        def events(self, frame: pl.DataFrame, key: str, version: str | None) -> int:
            taken = super().events(frame, key, version)
            self.keys.append(key)
            if len(self.keys) == 1:
                raise OSError("the network is gone")
            return taken

    target = Flaky(strict, "flights", None)
    sent = courier(target, tmp_path)
    sent.post("events", calls("twice", 4, 8_000))
    assert not sent.deliver()
    assert (sent.counts.so_far.sent, sent.overflow.rows()) == (0, 4)
    sent.rush()
    assert sent.deliver()
    target.close()
    assert (sent.counts.so_far.sent, sent.overflow.rows()) == (4, 0)
    assert target.keys[0] == target.keys[1]
    assert len(set(target.keys[1:])) == len(target.keys) - 1


def test_events_of_a_model_that_is_not_there_are_refused_once_and_told(
    strict: str, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    target = ServerTarget(strict, "nobody", None)
    sent = courier(target, tmp_path)
    for _ in range(2):
        sent.post("events", calls("lost", 3))
        assert sent.deliver()
    target.close()
    assert (sent.counts.so_far.refused, sent.waiting, sent.overflow.rows()) == (6, 0, 0)
    assert caplog.text.count("events were refused") == 1


def test_where_nobody_answers_events_wait(tmp_path: Path) -> None:
    target = ServerTarget("http://127.0.0.1:9", "flights", None)
    sent = courier(target, tmp_path)
    sent.post("events", calls("wait", 3))
    assert not sent.deliver()
    target.close()
    assert (sent.counts.so_far.refused, sent.overflow.rows()) == (0, 3)
