"""Commands about tokens and the audit log."""

from __future__ import annotations

import json
import sqlite3
from pathlib import Path

from tests.cli.conftest import Call


def test_a_token_is_made_listed_and_revoked(call: Call) -> None:
    made = call("token", "create", "anna", "--role", "admin", "--expires", "90d")
    secret = made.out.strip()
    assert secret.startswith("rt_")
    assert made.err == "This is token 'anna' (admin). Keep it now: it is not shown again.\n"
    listed = call("token", "list")
    assert ("anna" in listed.out, "valid" in listed.out, secret in listed.out) == (True, True, False)
    assert call("token", "revoke", "anna").out == "Token 'anna' is revoked.\n"
    told = json.loads(call("token", "list", "--json").out)
    assert [(one["name"], one["state"]) for one in told] == [("anna", "revoked")]
    assert call("token", "revoke", "anna").error.startswith("error: no token 'anna'")


def test_wrong_words_for_a_token_are_told(call: Call) -> None:
    assert call("token", "create", "a", "--role", "root").error == (
        "error: no role 'root': expected ingest, viewer, editor, admin"
    )
    assert "as a length of time" in call("token", "create", "a", "--role", "viewer", "--expires", "soon").error
    call("token", "create", "b", "--role", "viewer", "--json")
    assert "no model 'x'" in call("token", "create", "a", "--role", "viewer", "--model", "x").error


def test_no_tokens_yet_says_what_to_do(call: Call, deployed: Path) -> None:
    assert (
        call("token", "list", "--store", deployed).out == "No tokens yet. Next: retrue token create NAME --role admin\n"
    )


def test_the_audit_log_is_shown_and_verified(call: Call, tmp_path: Path) -> None:
    for name in ("anna", "bob"):
        call("token", "create", name, "--role", "viewer")
    shown = call("audit").out
    assert shown.index("bob") < shown.index("anna")
    assert [entry["number"] for entry in json.loads(call("audit", "--json", "--most", "1").out)] == [2]
    good = call("audit", "--verify")
    assert (good.status, good.out.splitlines()[0]) == (0, "All 2 entries of the audit log are as they were written.")
    with sqlite3.connect(tmp_path / "store" / "catalog.db") as db:
        db.execute("drop trigger audit_refuses_update")
        db.execute("update audit set actor = 'nobody' where number = 1")
    db.close()
    bad = call("audit", "--verify")
    assert bad.status == 1
    assert bad.out == "Entry 1 of the audit log is not as it was written: it was altered.\n"
    assert json.loads(call("audit", "--verify", "--json").out)["broken"] == 1
