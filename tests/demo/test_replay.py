"""The demo goes on: a real server shows the days that are replayed behind its back, as they come."""

from __future__ import annotations

import io
import os
import re
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import Any

import httpx
import polars as pl
import psutil
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


@contextmanager
def begun(folder: Path) -> Iterator[Story]:
    """A story that has just been told up to the fourth of March, about a model that learned from a single day."""
    flights = source.load()
    past = source.between(flights, datetime.fromisoformat("2013-03-03"), FIRST)
    with rt.open(folder) as store:
        model = store.register(
            "flights", past.with_columns(p_late=0.2), id="flight_id", time="scheduled", label="late", score="p_late",
            timezone=source.TIMEZONE, window="1d", estimate="off",
        )  # fmt: skip
        yield Story(store, model, flights, {"1": Alike()}, FIRST)


@pytest.fixture
def story(tmp_path: Path) -> Iterator[Story]:
    """The same, in a store of its own."""
    with begun(tmp_path / "store") as told:
        yield told


def tell(folder: Path, *, quick: bool, after: Callable[[Story, Console], None]) -> None:
    """Tell a story in a second."""
    assert quick
    with begun(folder / "store") as told:
        after(told, Console())


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


ENV = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path), "PYTHONUNBUFFERED": "1"}
COMMAND = """
import sys
from retrue.cli import main
from retrue.demo import story
from tests.demo.test_replay import tell
story.tell = tell  # a story that takes a second; all the rest is the command's own
sys.argv = ["retrue", "demo", "--serve", "--port", "0", "--store", "demo"]
main()
"""


@pytest.mark.slow
def test_the_command_serves_what_it_replays_whatever_dies_until_it_is_interrupted(tmp_path: Path) -> None:
    """Who is killed is started again, the page shows the day that was replayed meanwhile, Ctrl+C ends them all."""
    python = [sys.executable, "-c", COMMAND]
    with subprocess.Popen(python, stdout=subprocess.PIPE, text=True, cwd=tmp_path, env=ENV) as demo:
        assert demo.stdout is not None
        lines = (found for line in demo.stdout if (found := re.search(r"http://\S+?(?=[:,.]? |$)", line)))
        address = next(lines)[0].rstrip(":")
        assert httpx.get(f"{address}/healthz", timeout=60).status_code == 200
        children = psutil.Process(demo.pid).children(recursive=True)
        (web,) = (one for one in children if "retrue.server.web" in one.cmdline())
        web.kill()
        until = time.monotonic() + 60
        while "4 Mar" not in (page := httpx.get(f"{address}/models/flights", timeout=60).text):
            assert time.monotonic() < until, page
            time.sleep(0.2)
        demo.send_signal(signal.SIGINT)
        assert demo.wait(60) == 0
    assert not [one for one in children if one.is_running() and one.status() != psutil.STATUS_ZOMBIE]
