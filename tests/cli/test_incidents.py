"""What people say of an incident by commands: acknowledge, snooze, resolve. Listing and explaining: test_models."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from tests.cli.conftest import Call


def listed(call: Call, store: Path) -> Any:
    """The latest incident."""
    return json.loads(call("incidents", "loans", "--store", store, "--json").out)[0]


def test_an_incident_is_acknowledged_and_stays_so_after_a_check(call: Call, store: Path) -> None:
    said = call("acknowledge", "loans", "--store", store)
    assert said.status == 0
    assert said.out.startswith(f"{listed(call, store)['id']} is acknowledged: Since ")
    call("check", "loans", "--now", "2026-02-16T13:00", "--store", store)
    assert listed(call, store)["state"] == "acknowledged"


def test_it_is_snoozed_for_a_time_or_until_one(call: Call, store: Path) -> None:
    call("snooze", "loans", "--for", "3d", "--store", store)
    until = datetime.fromisoformat(listed(call, store)["snoozed_until"])
    assert abs(until - datetime.now(UTC) - timedelta(days=3)) < timedelta(minutes=5)
    said = call("snooze", "loans", "--until", "2030-01-01T09:00", "--store", store, "--json")
    assert json.loads(said.out)["snoozed_until"] == "2030-01-01T09:00:00+00:00"


@pytest.mark.parametrize("options", [(), ("--for", "1d", "--until", "2030-01-01")])
def test_a_snooze_needs_one_end(call: Call, store: Path, options: tuple[str, ...]) -> None:
    said = call("snooze", "loans", *options, "--store", store)
    assert (said.status, said.err) == (
        2,
        "error: until when? in snooze: expected either --for 2d or --until 2024-03-14T09:00\n",
    )


def test_what_is_resolved_is_over(call: Call, store: Path) -> None:
    """Nobody needs to acknowledge it then."""
    known = listed(call, store)["id"]
    assert json.loads(call("resolve", "loans", known[:5], "--store", store, "--json").out)["state"] == "resolved"
    assert known not in call("incidents", "loans", "--live", "--store", store).out
    said = call("acknowledge", "loans", known, "--store", store)
    assert (said.status, said.err.split(". Hint")[0]) == (2, f"error: incident {known} is resolved")


def test_explaining_parts_a_given_models_predictions(call: Call, store: Path, tmp_path: Path) -> None:
    (tmp_path / "own.py").write_text("def score(table):\n    return table['income'] / 1000\n", encoding="utf-8")
    said = call("explain", "loans", "--store", str(store), "--predict", f"{tmp_path / 'own.py'}:score")
    assert said.status == 0, said.error
    assert "Row 1: predicted " in said.out
    assert "income " in said.out.partition("Row 1: predicted ")[2]
    error = call("explain", "loans", "--store", str(store), "--predict", "own.py").error
    assert "'own.py' names no function in --predict" in error


def test_explaining_tells_the_shape_and_writes_a_page(call: Call, store: Path, tmp_path: Path) -> None:
    """Two in three loans come from the south from 2 February on."""
    found = json.loads(call("incidents", "loans", "--store", store, "--json").out)
    known = next(one["id"] for one in found if one["kind"] == "degraded")
    page = tmp_path / "incident.html"
    said = call("explain", "loans", known, "--html", page, "--store", store).out
    assert "  region: sudden on 2 February 2026, and it lasts (" in said
    assert said.endswith(f"Report: {page}\n")
    assert "sudden on 2 February 2026" in page.read_text(encoding="utf-8")
    wrong = call("explain", "loans", known, "--html", tmp_path / "incident.pdf", "--store", store)
    assert wrong.error.startswith("error: 'incident.pdf' is no name for a page in --html")


def test_a_false_alarm_is_called_one_and_stays_so_after_a_check(call: Call, store: Path) -> None:
    known = listed(call, store)["id"]
    said = call("mark", "loans", known, "--false-alarm", "--note", "a holiday", "--store", store)
    assert said.out.startswith(f"{known} is a false alarm (a holiday): Since ")
    call("check", "loans", "--now", "2026-02-16T13:00", "--store", store)
    assert (listed(call, store)["real"], listed(call, store)["note"]) == (False, "a holiday")
    assert json.loads(call("mark", "loans", known, "--real", "--store", store, "--json").out)["real"] is True
    assert "people say  real: a holiday" in call("explain", "loans", known, "--store", store).out


def test_a_mark_says_which(call: Call, store: Path) -> None:
    said = call("mark", "loans", "--store", store)
    assert (said.status, said.err) == (2, "error: real or not? in mark: expected either --real or --false-alarm\n")


def test_the_worst_that_lasts_comes_first(call: Call, store: Path) -> None:
    found = json.loads(call("incidents", "loans", "--store", store, "--json").out)
    order = ["low", "medium", "high", "critical"]
    keys = [(one["state"] == "resolved", -order.index(one["severity"])) for one in found]
    assert keys == sorted(keys)
    assert found[0]["cost"]["metric"] in call("incidents", "loans", "--store", store).out.replace("ROC AUC", "roc_auc")
