"""The notebooks of `examples/` run from top to bottom in a real kernel, and what they tell is true.

Each runs in an empty folder; then what its text claims is asked of the names that it left in its kernel.
"""

from __future__ import annotations

import json
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest
from tests.conftest import lacking

ROOT = Path(__file__).parents[2]
RUNNER = Path(__file__).with_name("run_notebook.py")
NOTEBOOKS = sorted((ROOT / "examples").glob("*.ipynb"))

STORIES = {
    "flights": {
        "spring is warmer than all that it learned from": "months.sort('month')['temp'][5] > winter['temp'].max()",
        "the incident names warm flights": "'temp' in incident.cause.slice",
        "ranking is no worse so far": "weeks['realised'].tail(4).mean() > weeks['reference'][0]",
        "the challenger is proven better": "proof.passed and version == '2'",
    },
    "images": {
        "negatives are seen before labels come": "[v for v in before_labels if v.alarms and 'image.' in str(v.column)]",
        "the slice is the second scanner": "'brightness' in incident.cause.slice",
        "nearly all of it is read wrongly": "explanation.slices[0].loss[1] > 0.9",
        "the challenger is proven better": "proof.passed and version == '2'",
    },
    "recommendation": {
        "lists grew worse": "incident.kind == 'degraded' and weeks['high'].min() < weeks['reference'][0]",
        "most at one airport": "incident.cause.rows == \"origin = 'LGA'\"",
        "a shadow is logged beside the champion": "shadow.accepted == august.height and not shadow.quarantined",
        "the challenger's lists are better": "report.performance['ndcg'].change == 'better'",
    },
    "regression": {
        "west-bound flights take less time in May": "months['minutes'][4] < months['minutes'][0] - 20",
        "the inputs are in true": "not any(one.alarms for one in verdicts if one.column)",
        "the incident names long flights": "'distance' in incident.cause.slice",
        "it says what it costs": "explanation.cost is not None",
        "the challenger is proven better": "proof.passed and version == '2'",
    },
    "text": {
        "new words are seen before labels": "[v for v in before_labels if v.alarms and 'new_words' in str(v.column)]",
        "the slice is what the router doesn't know": "'known <' in incident.cause.slice",
        "the challenger is proven better": "proof.passed and version == '2'",
    },
    "torch": {
        "the first network is refused": "told[0][1] == '1' and not told[0][2].passed",
        "a later one is promoted": "told[-1][1] == '2' and told[-1][2].passed",
        "the rule had gone out of true": "weeks['realised'].tail(4).mean() > weeks['realised'].head(4).mean() + 3",
    },
}
"""What each notebook claims, as expressions over its names."""


def cells(path: Path) -> list[dict[str, Any]]:
    """Give the cells of a notebook."""
    found: list[dict[str, Any]] = json.loads(path.read_text(encoding="utf-8"))["cells"]
    return found


def test_every_notebook_has_a_story_that_is_checked() -> None:
    assert sorted(STORIES) == [path.stem for path in NOTEBOOKS]


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_a_notebook_is_kept_without_outputs(path: Path) -> None:
    """Outputs are large, and differ with each run; whoever opens it runs it."""
    code = [cell for cell in cells(path) if cell["cell_type"] == "code"]
    assert [cell["id"] for cell in code if cell["outputs"] or cell["execution_count"] is not None] == []


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_a_notebook_is_short_and_formatted(path: Path) -> None:
    assert 10 <= len(cells(path)) <= 20
    done = subprocess.run(
        [sys.executable, "-m", "ruff", "format", "--check", path], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr


@pytest.mark.slow
@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_a_notebook_runs_and_its_story_is_true(path: Path, tmp_path: Path) -> None:
    if not (find_spec("nbclient") and find_spec("ipykernel")):
        lacking("nbclient and ipykernel", "make dev")
    command = [sys.executable, str(RUNNER), str(path), json.dumps(STORIES[path.stem])]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
