"""The quick demo, as a user runs it: it ends well, and leaves a report and a store to look at."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

import retrue as rt
from retrue.cli.demo import served
from retrue.demo.story import prepare
from retrue.workspace.clock import moment
from retrue.workspace.notes import find_markers
from retrue.workspace.promote.lineage import Lineage, effect_of, lineages

if TYPE_CHECKING:
    from playwright.sync_api import Browser


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


def loop_is_closed(model: rt.Model) -> Lineage:
    """A run was refused, the next one promoted, and the version did better than the one before; gives that run."""
    promoted, refused = lineages(model)
    assert (refused.version, promoted.version, model.version) == (None, "2", "2")
    assert refused.reasons
    assert promoted.incidents, "it says what began it"
    found = effect_of(model, promoted)
    assert found is not None
    assert found.before is not None
    assert found.after is not None
    assert (found.before.version, found.after.version, found.change) == ("1", "2", "better")
    assert not found.after.estimated
    assert found.after.windows >= 3
    return promoted


def page_says_what_it_did(browser: Browser, store: Path, run: Lineage) -> None:
    """The run's page shows performance before and after its promotion, and the page of all runs begins with it."""
    with served(store, 0) as start:
        url, page = start(), browser.new_page()
        for path in (f"runs/{run.id}", "refine"):
            page.goto(f"{url}/models/flights/{path}")
            said = page.inner_text("main")
            assert f"Run {run.id} became version 2: ROC AUC 0." in said, said
            assert re.search(r"ROC AUC 0\.\d+ before, 0\.\d+ after: \+[1-9]", said), said
            assert re.search(r"version 1: 0\..* windows\nversion 2: 0\..* windows", said), said
        page.close()


@pytest.mark.slow
def test_the_quick_demo_walks_the_whole_loop(tmp_path: Path, browser: Browser) -> None:
    told = quick_demo(tmp_path)
    for step in ("deployed", "watched", "collected", "retrained", "proof", "refused", "promoted", "Next:"):
        assert step in told, step
    assert re.search(r"Since the promotion, [\d,]+ flights: ROC AUC 0\.7\d+; .* \(\+0\.0\d+, \+0", told)
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
        run = loop_is_closed(model)
    page_says_what_it_did(browser, tmp_path / "flights" / "store", run)


@pytest.mark.slow
def test_the_command_refuses_another_folder(tmp_path: Path) -> None:
    (tmp_path / "thesis.txt").write_text("years of work")
    told = retrue(tmp_path, "demo", "--quick", "--store", ".")
    assert told.returncode == 2
    assert "holds something else" in told.stderr
    assert [path.name for path in tmp_path.iterdir()] == ["thesis.txt"]
