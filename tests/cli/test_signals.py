"""The commands about signals: what is watched is listed with its rows, until it is removed."""

from __future__ import annotations

import json

from tests.cli.conftest import Call
from tests.workspace.conftest import events, registered

import retrue as rt


def test_signals_are_watched_collected_listed_and_removed(call: Call) -> None:
    with rt.open("store") as store:
        registered(store).log(events(14, 2).drop("y"))
    assert "Nothing is watched" in call("signals", "list", "flights").out
    said = call("signals", "add", "flights", "x > 1", "--as", "large [x]", "--policy", "5 per day")
    assert "Signal 'large [x]' is watched: x > 1; collected: 5 per day." in said.out
    kept = json.loads(call("signals", "add", "flights", "--signal", "low-confidence", "--json").out)
    assert (kept["name"], kept["slice"]) == ("low confidence", "confidence_rank <= 0.05")
    assert "10 new rows of 'large [x]'" in call("signals", "collect", "flights").out
    assert "Nothing new was logged" in call("signals", "collect", "flights").out
    assert "large [x]" in call("signals", "list", "flights").out
    listed = json.loads(call("signals", "list", "flights", "--json").out)
    assert [one["rows"] for one in listed if one["name"] == "large [x]"] == [10]
    assert call("signals", "remove", "flights", "large [x]").status == 0
    assert "no signal 'large [x]'" in call("signals", "remove", "flights", "large [x]").error
    collected = json.loads(call("collect", "flights", "x > 0", "--policy", "10 %", "--as", "share", "--json").out)
    assert collected["policy"] == "10 %"


def test_one_signal_is_named_and_a_policy_that_is_none_is_refused(call: Call) -> None:
    with rt.open("store") as store:
        registered(store)
    assert "which signal?" in call("signals", "add", "flights").error
    assert "which signal?" in call("signals", "add", "flights", "x > 1", "--signal", "outlier").error
    assert "no built-in signal 'odd'" in call("signals", "add", "flights", "--signal", "odd").error
    assert "is no policy" in call("signals", "add", "flights", "x > 1", "--policy", "often").error
