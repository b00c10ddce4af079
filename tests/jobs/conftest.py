"""A model whose windows are minutes, logged as of now: what runs by itself has something to do at once."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import psutil
import pytest

import retrue as rt

MINUTE = timedelta(minutes=1)
A_WINDOW = 60


def events(first: datetime, windows: int, *, shift: float = 0.0, seed: int = 0) -> pl.DataFrame:
    """Make events from a time on, `A_WINDOW` for each minute, x moved by `shift`."""
    n = windows * A_WINDOW
    rng = np.random.default_rng(seed)
    return pl.DataFrame(
        {
            "id": [f"{seed}-{first:%d%H%M}-{row}" for row in range(n)],
            "at": [first + row * MINUTE / A_WINDOW for row in range(n)],
            "x": rng.normal(size=n) + shift,
            "y": rng.normal(size=n),
        }
    )


def floor(at: datetime) -> datetime:
    """The start of a minute."""
    return at.replace(second=0, microsecond=0)


def register(store: rt.Workspace, name: str = "flights", **options: Any) -> rt.Model:
    """Register a model with windows of a minute on events of last year."""
    reference = events(datetime(2025, 1, 1, tzinfo=UTC), 30, seed=7)
    given: dict[str, Any] = {"id": "id", "time": "at", "window": "1m", "grace": "1s", "estimate": "off", **options}
    return store.register(name, reference, **given)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Where the store is."""
    return tmp_path / "store"


@pytest.fixture
def store(folder: Path) -> Iterator[rt.Workspace]:
    """An empty store."""
    with rt.open(folder) as opened:
        yield opened


@contextmanager
def runner(folder: Path, *, lease: float = 2.0) -> Iterator[subprocess.Popen[bytes]]:
    """The jobs of a folder as a process of its own; it is ended after the block."""
    command = [sys.executable, "-m", "retrue.jobs", str(folder), "--lease", str(lease)]
    log = (folder.parent / f"runner-{time.monotonic_ns()}.log").open("wb")
    with log, subprocess.Popen(command, stdout=log, stderr=log, env={**os.environ, "PYTHONUNBUFFERED": "1"}) as process:
        try:
            yield process
        finally:
            if process.poll() is None:
                process.send_signal(signal.SIGTERM)
            process.wait(30)


def wait_until(true: Callable[[], object], seconds: float = 60) -> None:
    """Wait until something is so.

    Raises:
        AssertionError: it never was.
    """
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if true():
            return
        time.sleep(0.1)
    raise AssertionError("it never came to be")


def alive(pid: int) -> bool:
    """Whether a process runs; one that only waits for its parent to look doesn't."""
    try:
        return psutil.Process(pid).status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False
