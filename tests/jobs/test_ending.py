"""How a process that works until SIGTERM hears of it, and with what status it ends."""

from __future__ import annotations

import os
import signal
import sqlite3
import subprocess
import sys
import threading
from contextlib import closing
from pathlib import Path

import pytest

import retrue as rt
from retrue.jobs.ending import until_told


def test_a_signal_is_heard_also_while_the_event_is_being_looked_at() -> None:
    """A handler that set the event itself would wait for the lock that the thread it interrupts holds, for ever."""
    with until_told(signal.SIGUSR1) as stop:
        with stop._cond:  # type: ignore[attr-defined]  # as `stop.wait()` does before it sleeps
            os.kill(os.getpid(), signal.SIGUSR1)
        assert stop.wait(30)


@pytest.mark.parametrize("blocked", [False, True])
def test_a_signal_that_was_blocked_is_heard_and_blocked_again_after(blocked: bool) -> None:
    how = signal.SIG_BLOCK if blocked else signal.SIG_UNBLOCK
    before = signal.pthread_sigmask(how, [signal.SIGUSR1])
    handler = signal.getsignal(signal.SIGUSR1)
    try:
        with until_told(signal.SIGUSR1) as stop:
            signal.pthread_kill(threading.get_ident(), signal.SIGUSR1)
            assert stop.wait(30)
        assert (signal.SIGUSR1 in signal.pthread_sigmask(signal.SIG_BLOCK, [])) is blocked
        assert signal.getsignal(signal.SIGUSR1) == handler
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


@pytest.mark.parametrize("part", ["retrue.jobs.commit", "retrue.jobs"])
def test_a_part_is_started_again_where_that_may_help(part: str, tmp_path: Path) -> None:
    """A database that doesn't answer may come back; a store of another version, or one that refuses, stays so."""
    rt.open(tmp_path / "newer").close()
    with closing(sqlite3.connect(tmp_path / "newer" / "catalog.db")) as catalog, catalog:
        catalog.execute("update alembic_version set version_num = '9'")
    (tmp_path / "away").mkdir()
    (tmp_path / "away" / "catalog.url").write_text("postgresql://retrue@127.0.0.1:1/x", encoding="utf-8")
    for store, status, said in (("newer", 2, "a newer version of Retrue"), ("away", 1, "can't be reached")):
        command = [sys.executable, "-m", part, str(tmp_path / store)]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        assert (done.returncode, said in done.stderr) == (status, True), done
