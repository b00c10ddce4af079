"""`retrue backtest` replays what a file proposes, and says so in words and in JSON."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from tests.cli.conftest import Call

RULES = """\
# what is proposed
accuracy >= 0.5

rows within 5 mad
"""


@pytest.fixture
def rules(tmp_path: Path) -> Path:
    """Two rules and a comment."""
    path = tmp_path / "rules.txt"
    path.write_text(RULES, encoding="utf-8")
    return path


@pytest.fixture
def known(tmp_path: Path) -> Path:
    """The turn of the third week, as somebody noted it."""
    path = tmp_path / "incidents.csv"
    path.write_text("name,since,until\nsouth,2026-02-02,2026-02-16\n", encoding="utf-8")
    return path


def test_the_sets_are_told_side_by_side(call: Call, deployed: Path, rules: Path, known: Path) -> None:
    said = call("backtest", "loans", "--store", deployed, "--rules", rules, "--incidents", known)
    assert said.status == 0
    assert said.out.startswith("28 windows of loans replayed, 2026-01-19 to 2026-02-16. Alarms: present ")
    lines = said.out.splitlines()
    assert any(line.split() == ["Set", "Alarms", "In", "30", "days", "Found", "Delay", "False"] for line in lines)
    assert [line.split()[0] for line in lines if line.startswith(("present", "proposed", "dummy"))][:3] == [
        "present",
        "proposed",
        "dummy",
    ]
    assert "accuracy >= 0.5" in said.out
    assert "What the proposed set would have told" in said.out
    assert "Only 28 days of history" in said.out


def test_json_has_every_alarm(call: Call, deployed: Path, rules: Path, known: Path) -> None:
    said = json.loads(
        call("backtest", "loans", "--store", deployed, "--rules", rules, "--incidents", known, "--json").out
    )
    present, proposed, dummy = said["sets"]
    assert (present["name"], proposed["name"], dummy["name"]) == ("present", "proposed", "dummy")
    assert len(proposed["episodes"]) == proposed["alarms"]
    assert proposed["found"] == 1
    assert said["marked"] == 1
    assert [one["monitor"] for one in said["monitors"] if one["set"] == "proposed"] == [
        "learned",
        "accuracy >= 0.5",
        "rows within 5 mad",
    ]


def test_without_a_proposal_the_present_set_is_told(call: Call, deployed: Path) -> None:
    said = call("backtest", "loans", "--store", deployed)
    assert said.status == 0
    assert "proposed" not in said.out
    assert "No incidents are marked" in said.out


def test_a_configuration_proposes_too(call: Call, deployed: Path, tmp_path: Path) -> None:
    file = tmp_path / "next.toml"
    file.write_text('[models.loans]\nalarm_budget = "5 per week"\nrules = ["rows >= 300"]\n', encoding="utf-8")
    said = json.loads(call("backtest", "loans", "--store", deployed, "--config", file, "--json").out)
    assert [one["monitor"] for one in said["monitors"] if one["set"] == "proposed"] == ["learned", "rows >= 300"]


def test_what_isnt_understood_is_one_line(call: Call, deployed: Path, rules: Path, tmp_path: Path) -> None:
    run = ("backtest", "loans", "--store", deployed)
    assert "two proposals in --rules and --config" in call(*run, "--rules", rules, "--config", rules).error
    assert "none.txt': expected a file of rules" in call(*run, "--rules", tmp_path / "none.txt").error
    (tmp_path / "other.toml").write_text("[models.loan]\n", encoding="utf-8")
    assert "did you mean 'loan'" in call(*run, "--config", tmp_path / "other.toml").error
    (tmp_path / "odd.txt").write_text("rows witin 3 sigma\n", encoding="utf-8")
    assert "did you mean 'within'" in call(*run, "--rules", tmp_path / "odd.txt").error
    (tmp_path / "odd.toml").write_text('[models.loans]\nwindow = "7d"\n', encoding="utf-8")
    assert "a backtest can't change 'window'" in call(*run, "--config", tmp_path / "odd.toml").error
    (tmp_path / "latin.txt").write_bytes(b"rows >= 1 \xe9")
    assert "isn't UTF-8" in call(*run, "--rules", tmp_path / "latin.txt").error


def test_what_was_proposed_is_adopted_where_one_says_so(call: Call, store: Path, rules: Path) -> None:
    """The present rules, and what the next check judges by, are the proposed ones then."""
    said = call("backtest", "loans", "--store", store, "--rules", rules, "--adopt")
    assert said.status == 0
    assert said.out.endswith(f"loans is watched as proposed from now on. Next: retrue check loans --store {store}\n")
    again = json.loads(call("backtest", "loans", "--store", store, "--json").out)
    assert {one["monitor"] for one in again["monitors"]} == {"learned", "accuracy >= 0.5", "rows within 5 mad"}
    assert "adopted" not in again


def test_nothing_proposed_is_nothing_to_adopt(call: Call, deployed: Path) -> None:
    said = call("backtest", "loans", "--store", deployed, "--adopt")
    assert (said.status, said.err) == (
        2,
        "error: nothing to adopt in --adopt: expected a proposal: --rules, --config or --signal\n",
    )
