"""The commands about markers: what is added is listed, until it is removed."""

from __future__ import annotations

import json
from datetime import datetime

from tests.cli.conftest import Call

import retrue as rt


def test_markers_are_added_listed_and_removed(call: Call) -> None:
    rt.open("store").close()
    assert "Nothing is marked" in call("marker", "list").out
    said = call("marker", "add", "new [pipeline]", "--kind", "deployment", "--at", "2026-03-01", "--json").out
    kept = json.loads(said)
    assert datetime.fromisoformat(kept.pop("created")).tzinfo is not None
    assert kept == {
        "number": 1, "kind": "deployment", "text": "new [pipeline]", "at": "2026-03-01T00:00:00+00:00", "until": None,
        "model": None, "actor": "user",
    }  # fmt: skip
    assert "new [pipeline]" in call("marker", "list").out
    assert [one["number"] for one in json.loads(call("marker", "list", "--json").out)] == [1]
    assert "no kind 'day'" in call("marker", "add", "x", "--kind", "day").error
    assert call("marker", "remove", "1").status == 0
    assert "no marker 1" in call("marker", "remove", "1").error
