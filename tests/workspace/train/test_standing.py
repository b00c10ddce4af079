"""A training whose caller is killed: nothing of it lives on, the run says so, and can be taken up again."""

from __future__ import annotations

import signal
import subprocess
import sys
from pathlib import Path

import pytest
from tests.jobs.conftest import alive, wait_until
from tests.workspace.conftest import events, live, registered

import retrue as rt
from retrue.workspace.promote.lineage import lineages

CALLER = """
import sys
from pathlib import Path
from tests.workspace.conftest import day
from tests.workspace.train.faults import Stuck
import retrue as rt

with rt.open(sys.argv[1]) as store:
    model = store.model("flights")
    fit = Stuck(Path(sys.argv[2]), deaf=True)
    model.retrain(fit, mix=rt.Mix({model.logged(): 1.0}), holdout="2d", now=day(24))
"""
"""A real script; its fit is stuck in native code, and has started a process of its own."""


@pytest.mark.slow
def test_a_training_dies_with_its_caller_and_is_resumed(store: rt.Workspace, folder: Path, tmp_path: Path) -> None:
    """Kill -9 of the process that called `retrain`: the champion and the collected rows stay."""
    model = registered(store, maturity="2d")
    live(model, events(14, 10))
    collected = model.collect("city = 'JFK'", name="JFK").rows.height
    mark = tmp_path / "mark"
    with subprocess.Popen([sys.executable, "-c", CALLER, str(folder), str(mark)]) as caller:
        wait_until(mark.exists, 120)
        pids = [int(pid) for pid in mark.read_text(encoding="utf-8").split()]
        assert model.run("latest").status == "training"
        assert all(map(alive, pids))
        caller.send_signal(signal.SIGKILL)
    wait_until(lambda: not any(map(alive, pids)))
    run = model.run("latest")
    assert (run.status, model.version, model.collections()[0].rows.height) == ("failed", "1", collected)
    assert str(run.error).startswith("it was cut off: the process that trained it is gone")
    assert (lineages(model)[0].status, lineages(model)[0].error) == ("failed", run.error)
    done = run.resume()
    assert (done.status, done.error, model.run("latest").status) == ("trained", None, "trained")
    assert done.predict(events(30, 1)[:2]).shape == (2,)
