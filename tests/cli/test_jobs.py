"""The commands about what runs by itself: what ran, what it said, found again."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from tests.cli.conftest import Call

import retrue as rt
from retrue.store import rows

AT = 1_767_225_600_000_000  # 2026-01-01T00:00 UTC


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A store in which two jobs ran, and one runs."""
    with rt.open(tmp_path / "store") as store, store.store.catalog.write() as tx:
        body = {"message": "3 windows judged", "seconds": 1.25, "server": "host:1", "version": "1"}
        tx.put(rows.Job("aa11", "check", "done", AT, AT + 1_250_000, body))
        tx.put(rows.Job("bb22", "check", "failed", AT + 1, AT + 2, {"message": "no such [file]", "seconds": 0.5}))
        tx.put(rows.Job("cc33", "prune", "running", AT + 3, AT + 3, {}))
        tx.add(rows.Log(AT, "info", "3 windows judged", job="aa11", version="1"))
        tx.add(rows.Log(AT + 1, "error", "no such [file]", job="bb22"))
    return tmp_path / "store"


def test_jobs_are_listed_newest_first_with_what_came_of_them(call: Call, folder: Path) -> None:
    said = call("jobs", "--store", folder).out
    assert [line.split()[2] for line in said.splitlines()[1:]] == ["prune", "check", "check"]
    assert "no such [file]" in said
    assert call("jobs", "--store", folder, "--status", "done").out.count("check") == 1
    assert "1 of 3" in call("jobs", "--store", folder, "--limit", "1").out
    assert "expected running, done, failed" in call("jobs", "--store", folder, "--status", "lost").error
    assert "retrue serve" in call("jobs", "--store", folder, "--kind", "notify").out


def test_jobs_as_json(call: Call, folder: Path) -> None:
    found = json.loads(call("jobs", "--store", folder, "--json").out)
    assert found[-1] == {
        "id": "aa11", "kind": "check", "model": None, "status": "done", "start": "2026-01-01T00:00:00+00:00",
        "end": "2026-01-01T00:00:01.250000+00:00", "seconds": 1.25, "message": "3 windows judged", "server": "host:1",
        "version": "1", "run": None,
    }  # fmt: skip
    assert (found[0]["status"], found[0]["end"], found[0]["seconds"]) == ("running", None, None)


def test_logs_are_searched(call: Call, folder: Path) -> None:
    assert [line.split()[2] for line in call("logs", "--store", folder).out.splitlines()[1:]] == ["info", "error"]
    assert "no such [file]" in call("logs", "FILE", "--store", folder).out
    found = json.loads(call("logs", "--store", folder, "--job", "aa", "--json").out)
    assert [(line["job"], line["text"]) for line in found] == [("aa11", "3 windows judged")]
    assert [line["version"] for line in found] == ["1"]
    assert "no such" not in call("logs", "--store", folder, "--version", "1").out
    assert call("jobs", "--store", folder, "--version", "1").out.count("check") == 1
    assert call("logs", "--store", folder, "--since", "2026-01-02").out == "No such lines.\n"
    assert "debug, info" in call("logs", "--store", folder, "--level", "loud").error
