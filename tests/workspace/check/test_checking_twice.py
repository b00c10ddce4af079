"""A check from a notebook takes no lease: two at once may do the work twice, and what is kept is the same."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from tests.workspace.conftest import day, events, live, registered

import retrue as rt
from retrue.store import rows


def kept(store: rt.Workspace) -> tuple[list[Any], list[Any], list[Any]]:
    """All verdicts, points and incidents, without when and under which number they were written."""
    with store.store.catalog.read() as tx:
        verdicts = [(one.start, one.kind, one.applied, one.body) for one in tx.find(rows.VerdictRow)]
        incidents = [(one.id, one.status, one.opened, one.closed, one.body) for one in tx.find(rows.IncidentRow)]
        return sorted(verdicts, key=repr), sorted(tx.find(rows.Point), key=repr), sorted(incidents, key=repr)


def filled(folder: Path) -> None:
    """A store with four days, the last two of which are out of true."""
    with rt.open(folder) as store:
        model = registered(store)
        live(model, events(14, 2))
        live(model, events(16, 2, turned=("JFK",), shift=1.0))


def test_two_checks_at_once_keep_what_one_does(tmp_path: Path) -> None:
    """Two processes, here two workspaces of their own: a window's verdicts are written in place of earlier ones."""
    filled(tmp_path / "one")
    filled(tmp_path / "two")
    together = threading.Barrier(2)

    def check(_: int) -> int:
        with rt.open(tmp_path / "two") as store:
            model = store.model("flights")
            together.wait(30)
            return len(model.check(now=day(20)))

    with ThreadPoolExecutor(2) as pool:
        list(pool.map(check, range(2)))
    with rt.open(tmp_path / "one") as one, rt.open(tmp_path / "two") as two:
        one.model("flights").check(now=day(20))
        assert kept(two) == kept(one)
        assert kept(one)[2], "there is an incident"
