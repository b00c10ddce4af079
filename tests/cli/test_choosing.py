"""`decide` and `trial` at a command line: in words, and as plain values."""

from __future__ import annotations

import json
from pathlib import Path

from tests.cli.conftest import Call, Files


def test_trials_and_decisions_are_told(call: Call, files: Files, tmp_path: Path) -> None:
    store = ("--store", tmp_path / "store")
    roles = ("--id", "loan_id", "--time", "at", "--label", "defaulted", "--score", "p_default", "--window", "1d")
    assert call("register", "loans", "--reference", files.reference, *roles, "--maturity", "1d", *store).status == 0
    started = call("trial", "start", "loans", "2", "--now", "2026-01-19", *store)
    assert "versions 1 and 2 of loans are compared by brier" in started.out
    for version in ("1", "2"):
        assert call("log", "loans", files.calm, "--version", version, *store).status == 0
    assert call("label", "loans", files.labels, *store).status == 0
    shown = call("trial", "status", "loans", *store)
    assert "Brier score" in shown.out
    assert "all events" in shown.out
    ended = json.loads(call("trial", "stop", "loans", "--note", "enough", "--json", *store).out)
    assert (ended["status"], ended["note"]) == ("stopped", "enough")
    decided = call("decide", "loans", *store)
    assert "policy" in decided.out
    assert decided.out.splitlines()[-1] == f"Next: retrue check loans --store {store[1]}"  # no check was ever made
    asked = call("performance", "loans", *store)
    assert asked.out.splitlines()[-1] == f"Next: retrue check loans --store {store[1]}"
    assert call("check", "loans", *store).status in (0, 1)
    assert "Next: retrue check" not in call("decide", "loans", *store).out + call("performance", "loans", *store).out
    assert json.loads(call("decide", "loans", "--json", *store).out)["answer"] in ("retrain", "wait")
