"""The demo goes on: a real server shows the days that are replayed behind its back, as they come."""

from __future__ import annotations

import io
import threading
import time
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import Any

import httpx
import polars as pl
import pytest
from rich.console import Console

import retrue as rt
from retrue.cli.demo import served
from retrue.demo import flights as source
from retrue.demo.replay import PREFERENCE, replay
from retrue.demo.story import DAY, ZONE, Story
from retrue.store import rows

FIRST, END = datetime.fromisoformat("2013-03-04"), datetime.fromisoformat("2013-03-06")


class Alike:
    """A model that gives every flight the same score."""

    def predict_proba(self, table: pl.DataFrame) -> Any:
        """Two columns, as scikit-learn has them."""
        return pl.DataFrame({"no": [0.8] * table.height, "yes": [0.2] * table.height}).to_numpy()


@pytest.fixture
def story(tmp_path: Path) -> Iterator[Story]:
    """A story that has just been told up to the fourth of March, about a model that learned from a single day."""
    flights = source.load()
    past = source.between(flights, datetime.fromisoformat("2013-03-03"), FIRST)
    with rt.open(tmp_path / "store") as store:
        model = store.register(
            "flights", past.with_columns(p_late=0.2), id="flight_id", time="scheduled", label="late", score="p_late",
            timezone=source.TIMEZONE, window="1d", estimate="off",
        )  # fmt: skip
        yield Story(store, model, flights, {"1": Alike()}, FIRST)


def states(address: str, found: list[str]) -> None:
    """Read what the live pages are told, until the server ends."""
    with httpx.stream("GET", f"{address}/live?model=flights", timeout=60) as told:
        found += (line for line in told.iter_lines() if line.startswith("data: "))


@pytest.mark.slow
def test_the_days_that_are_replayed_show_up_live(story: Story) -> None:
    """The page has none of the rows, then those of a day, then of two; live pages are told of each change."""
    pauses: list[str] = []
    heard: list[str] = []
    folder = story.workspace.folder
    with served(folder, 0) as start:
        address = start()

        def text() -> str:
            return httpx.get(f"{address}/models/flights", timeout=60).text

        assert "4 Mar" not in text()
        listener = threading.Thread(target=states, args=(address, heard))
        listener.start()

        def look(_: float) -> None:
            until, before = time.monotonic() + 20, len(heard)
            while len(heard) == before and time.monotonic() < until:
                time.sleep(0.05)
            pauses.append(text())

        replay(story, Console(file=io.StringIO()), pace=5.0, until=END, sleep=look)
    listener.join(20)
    days = [source.between(story.flights, day, day + DAY).height for day in (FIRST, FIRST + DAY)]
    assert [f"{rows_} rows" in page for rows_, page in zip(days, pauses, strict=True)] == [True, True]
    assert len(set(heard)) >= 2, heard
    logged = story.model.events().collect()
    assert logged.height == source.between(story.flights, FIRST, END).height
    with story.workspace.store.catalog.read() as tx:
        kept = tx.get(rows.Preference, name=PREFERENCE)
    assert kept is not None
    assert kept.body == {"at": END.replace(tzinfo=ZONE).isoformat(), "pace": 5.0}
