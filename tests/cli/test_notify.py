"""The commands about messages: channels without their secrets, a test that arrives, the log."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.adapters.receivers import Hook, hook
from tests.cli.conftest import Call

import retrue as rt
from retrue.store import rows

AT = 1_767_225_600_000_000  # 2026-01-01T00:00 UTC


@pytest.fixture
def web(call: Call) -> Iterator[Hook]:
    """A web hook that retrue.toml of this folder names; beside it a store with messages."""
    assert call is not None  # it has changed to an empty folder
    with rt.open("store") as store, store.store.catalog.write() as tx:
        tx.put(rows.Model("flights", {}))
        log = [{"at": "2026-01-01T00:00:00+00:00", "said": "error=503"}]
        tx.add(rows.Delivery("3f2a", "flights", "ops", "opened", "sent", AT, AT, 1, {"key": "3f2a-1"}))
        tx.add(rows.Delivery("3f2a", "flights", "ops", "resolved", "waiting", AT, AT, 2, {"key": "k", "log": log}))
        tx.add(rows.Delivery("3f2a", "flights", "", "resolved", "noted", AT, AT))
    with hook() as made:
        text = f'[[channels]]\nname = "ops"\nurl = "{made.url}"\nquiet = {{ from = "22:00", until = "07:00" }}\n'
        Path("retrue.toml").write_text(text, encoding="utf-8")
        yield made


def test_channels_are_listed_without_their_secrets(call: Call, web: Hook) -> None:
    said = call("notify", "list").out
    assert f"json://anna:****@127.0.0.1:{web.port}/…" in said
    assert "22:00 to 07:00 UTC" in said
    (found,) = json.loads(call("notify", "list", "--json").out)
    assert (found["name"], found["severity"], found["quiet"]["from"]) == ("ops", "low", "22:00")
    assert "geheimnis" not in said + str(found)


def test_a_test_arrives(call: Call, web: Hook) -> None:
    assert "took it" in call("notify", "test", "ops").out
    assert [one["title"] for one in web.got] == ["Retrue: a test"]
    web.status = 500
    assert "500" in call("notify", "test", "ops").error
    kept = json.loads(call("notify", "log", "--json").out)[:2]
    assert [(one["event"], one["status"], one["channel"]) for one in kept] == [
        ("test", "failed", "ops"),
        ("test", "sent", "ops"),
    ]
    assert "500" in kept[0]["log"][0]["said"]
    assert "did you mean 'ops'" in call("notify", "test", "opps").error


@pytest.mark.usefixtures("web")
def test_the_log_says_what_became_of_messages(call: Call) -> None:
    said = call("notify", "log").out
    assert "error=503" in said
    assert "sent" in said
    found = json.loads(call("notify", "log", "--json").out)
    assert [(one["event"], one["status"], one["tries"]) for one in found if one["event"] != "test"] == [
        ("resolved", "waiting", 2),
        ("opened", "sent", 1),
    ]
    assert call("notify", "log", "--channel", "other").out == "No messages yet.\n"
