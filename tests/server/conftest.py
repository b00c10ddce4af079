"""One real server for all tests of the service: `retrue serve` in a process of its own, on a free port."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import polars as pl
import pytest
from tests.server.ending import SPEAKS, end

import retrue as rt

START = datetime(2026, 1, 5, tzinfo=UTC)
SERVES = re.compile(r"on (http://\S+)")


def loans(first: int, rows: int) -> pl.DataFrame:
    """Make loans, one a minute from `START` on: the same ones for the same numbers."""
    number = range(first, first + rows)
    return pl.DataFrame(
        {
            "id": [f"l{n}" for n in number],
            "at": [START + timedelta(minutes=n) for n in number],
            "income": [1_000.0 + n * 7919 % 997 for n in number],
            "region": [("north", "south", "east")[n % 3] for n in number],
            "p": [n * 31 % 100 / 100 for n in number],
            "y": [int(n * 31 % 100 > 50) for n in number],
        }
    )


def registered(folder: Path, name: str = "loans", **options: Any) -> None:
    """Make a store with a model whose reference is the loans of a week."""
    roles = {"id": "id", "time": "at", "label": "y", "score": "p", "window": "1d", "estimate": "off"}
    with rt.open(folder) as store:
        store.register(name, loans(-10_080, 10_080), **{**roles, **options})


@dataclass(frozen=True)
class Served:
    """A running server.

    Attributes:
        url: where it listens.
        folder: the store that it serves.
        pid: its process.
    """

    url: str
    folder: Path
    pid: int


@contextmanager
def serving(
    folder: Path, *options: str, env: dict[str, str] | None = None, cwd: Path | None = None
) -> Iterator[Served]:
    """Run `retrue serve` on a free port until the block ends."""
    command = [sys.executable, "-m", "retrue", "serve", str(folder), "--port", "0", *options]
    more = {**os.environ, **SPEAKS, **(env or {})}
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=more, cwd=cwd) as process:
        try:
            line = process.stdout.readline() if process.stdout else ""
            found = SERVES.search(line)
            assert found, f"the server didn't start: {line!r}"
            yield Served(found[1], folder, process.pid)
        finally:
            end(process)


@pytest.fixture(scope="session")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """Serve a store with the model `loans`; tests that need a model of their own register one in its folder."""
    folder = tmp_path_factory.mktemp("served") / "store"
    registered(folder)
    with serving(folder) as served:
        yield served


@pytest.fixture(scope="session")
def client(server: Served) -> Iterator[httpx.Client]:
    """Talk to that server."""
    with httpx.Client(base_url=server.url, timeout=30, event_hooks={"response": [in_the_audit_log]}) as opened:
        yield opened


@pytest.fixture
def shots(tmp_path: Path) -> Path:
    """Give the folder for pictures of pages: `RETRUE_SCREENSHOTS` where set, so that CI can keep them."""
    folder = Path(os.environ.get("RETRUE_SCREENSHOTS") or tmp_path / "screenshots")
    folder.mkdir(parents=True, exist_ok=True)
    return folder


ROWS = ("/events", "/labels", "/feedback")
CHANGES_NOTHING: tuple[str, ...] = ()
"""How addresses end that are asked by POST and change nothing: questions that are too long for an address."""


def in_the_audit_log(response: httpx.Response) -> None:
    """Whatever changed something, other than rows that came, says where in the audit log that is."""
    asked, changing = response.request, response.request.method not in {"GET", "HEAD", "OPTIONS"}
    exempt = asked.url.path.endswith((*ROWS, *CHANGES_NOTHING)) or "/capture/" in asked.url.path
    if changing and response.is_success and not exempt:
        assert "retrue-audit-entry" in response.headers, f"{asked.method} {asked.url.path} isn't in the audit log"
