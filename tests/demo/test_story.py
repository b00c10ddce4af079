"""The quick demo, as a user runs it: it ends well, and leaves a report and a store to look at."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

import retrue as rt
from retrue.demo.story import prepare
from retrue.workspace.clock import moment
from retrue.workspace.notes import find_markers


def retrue(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run the command line."""
    command = [sys.executable, "-m", "retrue", *arguments]
    wide = {**os.environ, "COLUMNS": "240"}  # so that nothing wraps
    return subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=300, check=False, env=wide)


def is_one_story(timeline: str) -> None:
    """What ends has opened under that name, and what is collected are the rows that were shown just before."""
    opened, rows, ended = "", "", 0
    for line in timeline.splitlines():
        opened += line if "Since" in line else ""
        rows = line if line.strip().startswith("rows ") else rows
        if "✓ over" in line:
            ended += 1
            assert line.split("over")[1].split(",")[0].strip() in opened, line
        if "collected " in line and " where " in line:
            assert line.rsplit(" where ", 1)[1].strip() in rows, (line, rows)
    assert ended
    assert "roc_auc" not in timeline


def test_a_folder_that_holds_something_else_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "thesis.txt").write_text("years of work")
    with pytest.raises(rt.StoreError, match=r"holds something else.*retrue demo --store"):
        prepare(tmp_path)
    assert (tmp_path / "thesis.txt").read_text() == "years of work"


def test_the_demo_s_own_folder_is_made_anew(tmp_path: Path) -> None:
    folder = tmp_path / "demo"
    prepare(folder)
    (folder / "report.html").write_text("old")
    prepare(folder)
    assert [path.name for path in folder.iterdir()] == [".retrue-demo"]


def quick_demo(folder: Path) -> str:
    """Run the quick demo in a folder; gives what it told. CI has just run it, and says where (`.ci/run`)."""
    ran = os.environ.get("RETRUE_QUICK_DEMO")
    if ran is not None:
        shutil.copytree(Path(ran) / "flights", folder / "flights")
        return (Path(ran) / "told.txt").read_text(encoding="utf-8")
    told = retrue(folder, "demo", "--quick", "--store", "flights")
    assert told.returncode == 0, told.stderr
    assert told.stderr == ""
    return told.stdout


@pytest.mark.slow
def test_the_quick_demo_walks_the_whole_loop(tmp_path: Path) -> None:
    told = quick_demo(tmp_path)
    for step in ("deployed", "watched", "collected", "retrained", "proof", "Next:"):
        assert step in told, step
    assert "refused" in told or "promoted" in told
    is_one_story(told)
    page = (tmp_path / "flights" / "report.html").read_text(encoding="utf-8")
    assert page.rstrip().endswith("</html>")
    store = ("--store", "flights/store", "--json")
    incidents = retrue(tmp_path, "incidents", "flights", *store)
    assert incidents.returncode == 0, incidents.stderr
    found = json.loads(incidents.stdout)
    listed = found if isinstance(found, list) else found["incidents"]
    assert {"degraded", "broken", "unknown", "drifting"} & {one["kind"] for one in listed}
    assert retrue(tmp_path, "check", "flights", *store).returncode in (0, 1)
    assert retrue(tmp_path, "explain", "flights", listed[0]["id"], *store).returncode == 0
    with rt.open(tmp_path / "flights" / "store") as opened:
        model = opened.model("flights")
        (signal,) = model.watched_signals()
        assert signal.error is None
        assert signal.rows > 1_000
        assert signal.name in [part["part"] for part in model.runs()[0].manifest["parts"]]
        assert all(moment(one.at).year == 2013 for one in find_markers(model.store.catalog, "flights")), "its own clock"
        assert model.runs()
        assert model.quarantine().height <= 50
        assert model.events().collect().height > 90_000


@pytest.mark.slow
def test_the_command_refuses_another_folder(tmp_path: Path) -> None:
    (tmp_path / "thesis.txt").write_text("years of work")
    told = retrue(tmp_path, "demo", "--quick", "--store", ".")
    assert told.returncode == 2
    assert "holds something else" in told.stderr
    assert [path.name for path in tmp_path.iterdir()] == ["thesis.txt"]
