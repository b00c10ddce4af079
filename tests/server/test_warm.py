"""Warming up: what a first reader would wait for is done before, and what nobody asks for isn't."""

from __future__ import annotations

import logging
import sys
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from threading import Event

import pytest
from tests.server.conftest import registered

import retrue as rt
from retrue.server.pages.ranges import Lately
from retrue.server.pages.shell import environment
from retrue.server.service import Service
from retrue.server.settings import ServerSettings
from retrue.server.warm import EVIDENCE, WarmUp

LONG = 60
"""Seconds after which a thread that should be done is a failure."""


@dataclass
class Watched(WarmUp):
    """A warm-up that says when templates are compiled, and remembers that charts were made instead of making them."""

    compiled: Event = field(default_factory=Event)
    charts: Event = field(default_factory=Event)
    evidence: Event = field(default_factory=Event)

    def load_templates(self) -> None:
        super().load_templates()
        self.compiled.set()

    def load_charts(self) -> None:
        if not self.stopped.is_set():
            self.charts.set()

    def load_evidence(self) -> None:
        super().load_evidence()
        self.evidence.set()


@pytest.fixture
def served(tmp_path: Path) -> Iterator[Service]:
    registered(tmp_path / "store")
    with rt.open(tmp_path / "store") as workspace:
        yield Service(workspace, ServerSettings())


def test_pages_are_ready_before_somebody_looks_and_charts_once_somebody_does(served: Service) -> None:
    """Standings and templates come by themselves; a server that only takes events never makes a chart."""
    warm = Watched(served, rest=0)
    environment().cache.clear()  # type: ignore[union-attr]
    warm.start()
    assert warm.compiled.wait(LONG)
    assert set(served.standings.kept) == {Lately()}
    assert environment().cache
    assert not warm.charts.wait(0.2)
    served.looked.set()
    assert warm.charts.wait(LONG)
    assert warm.evidence.wait(LONG)
    assert set(EVIDENCE) <= sys.modules.keys()
    warm.stop()


def test_nothing_is_done_when_the_service_ends_in_the_rest(served: Service) -> None:
    """A service that is stopped at once doesn't wait for what nobody will look at."""
    warm = Watched(served, rest=LONG)
    warm.start()
    warm.stop()
    assert not served.standings.kept
    assert not warm.compiled.is_set()


def test_no_chart_is_made_when_the_service_ends_before_somebody_looks(served: Service) -> None:
    """`stop` wakes what waits for a reader, and it knows that there is none."""
    warm = Watched(served, rest=0)
    warm.start()
    assert warm.compiled.wait(LONG)
    warm.stop()
    assert warm.thread is not None
    assert not warm.thread.is_alive()
    assert not warm.charts.is_set()


def test_a_store_that_fails_is_left_to_the_first_reader(served: Service, caplog: pytest.LogCaptureFixture) -> None:
    """It is said once in the log, and nothing else happens."""
    served.workspace.store.catalog.close()
    path = served.workspace.folder / "catalog.db"
    path.write_bytes(b"not a database, whatever its name says" * 200)
    for more in ("-wal", "-shm"):
        path.with_name(f"catalog.db{more}").unlink(missing_ok=True)
    warm = Watched(served, rest=0)
    with caplog.at_level(logging.WARNING, "retrue.web"):
        warm.run()
    assert "not warmed up" in caplog.text
    assert not warm.compiled.is_set()
