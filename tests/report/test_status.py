"""How things stand, in a terminal."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from io import StringIO
from typing import Any

import polars as pl
from rich.console import Console

from retrue.report.status import (
    COUNTS,
    doctor_view,
    fresh,
    models_view,
    quarantine_view,
    received_view,
    schema_view,
    watching,
)
from retrue.schema import Schema


@dataclass(frozen=True)
class Rows:
    """What became of rows."""

    accepted: int = 20
    quarantined: int = 0
    reasons: Mapping[str, int] = field(default_factory=dict)
    counts: Mapping[str, int] = field(default_factory=dict)
    changes: Sequence[str] = ()


@dataclass(frozen=True)
class Watched:
    """How a model is watched."""

    window: float = 86_400
    grace: float = 0
    maturity: float | None = None
    alarm_budget: str = "1 per 30d"
    rules: Sequence[str] = ()
    against: str = "training"
    longer: Sequence[float] = ()
    group: str | None = None


def printed(what: Any, width: int = 100) -> list[str]:
    """What a terminal shows."""
    into = StringIO()
    Console(file=into, width=width, color_system=None, markup=False).print(what)
    return [line.rstrip() for line in into.getvalue().splitlines()]


BUDGET = {"alarm_budget": "1 per 30d", "group": None}
SCHEMA = Schema.infer(
    pl.DataFrame({"id": [f"a{i}" for i in range(100)], "x": [i / 7 for i in range(100)], "y": [0, 1] * 50}),
    id="id",
    label="y",
    score="x",
)


def test_rows_that_were_here_are_not_counted_as_taken() -> None:
    again = Rows(20, counts={"events repeated": 17})
    assert fresh(again) == 3
    assert printed(received_view(again, "event")) == ["3 events taken.", "  17 were here already"]


def test_rows_that_others_repeated_never_make_it_negative() -> None:
    """A commit cycle may have applied another process's batch too."""
    assert fresh(Rows(5, counts={"labels repeated": 9})) == 0


def test_what_was_set_aside_is_said_with_the_reasons() -> None:
    odd = Rows(1, 3, {"missing id": 2, "[impossible] time": 1}, {}, ("'x' was Int64 and is now String",))
    assert printed(received_view(odd, "label")) == [
        "1 label taken.",
        "'x' was Int64 and is now String.",
        "3 rows set aside:",
        "  2  missing id",
        "  1  [impossible] time",
    ]


def test_every_count_of_the_store_has_its_words() -> None:
    """What the commit cycle counts, but for what is set aside, which is said with the reasons."""
    import inspect

    from retrue.store import resolve

    counted = set(pl.Series([inspect.getsource(resolve)]).str.extract_all(r'"(?:events|labels|feedback) [a-z ]+"')[0])
    assert {name.strip('"') for name in counted} - {"events differing"} == set(COUNTS)


def test_a_schema_shows_each_column_with_the_reason() -> None:
    lines = printed(schema_view("m", "1", "store", SCHEMA, Watched()))
    assert lines[:2] == [
        "m is registered in store, version 1.",
        "Windows of 1 day by arrival, judged as soon as they end; false alarms: 1 per 30d.",
    ]
    assert any(line.startswith("x       numeric  the score") for line in lines)
    assert lines[-1] == "No time: events count when they arrive. Hint: --time COLUMN"


def test_a_schema_without_an_id_or_a_prediction_says_what_cant_be_done() -> None:
    lines = printed(schema_view("m", "1", "store", SCHEMA.replace(id=None, score=None), Watched()))
    assert "No id: labels can't find their events. Hint: --id COLUMN" in lines
    assert any(line.startswith("No score and no prediction: performance can't be measured.") for line in lines)


def test_watching_says_all_that_was_told() -> None:
    told = replace(Watched(), grace=7200, maturity=172_800, rules=("a", "b"))
    assert watching(SCHEMA, told) == (
        "Windows of 1 day by arrival, judged 2 hours after their end; false alarms: 1 per 30d; "
        "labels are final after 2 days; 2 rules."
    )


def test_a_shared_budget_longer_windows_and_what_they_are_compared_with_are_said() -> None:
    told = replace(Watched(), against="last 7d", longer=(604_800.0,), group="risk")
    assert watching(SCHEMA, told, 3) == (
        "Windows of 1 day and 1 week by arrival, judged as soon as they end; compared with: last 7d; "
        "false alarms: 1 per 30d for the 3 models of group 'risk'."
    )


def test_the_quarantine_says_how_many_rows_there_are_beside_those_it_shows() -> None:
    at = [datetime(2026, 2, day, 10, tzinfo=UTC) for day in (3, 2)]
    rows = pl.DataFrame({"_at": at, "kind": ["events"] * 2, "reason": ["r3", "r2"], "id": ["c", None]})
    lines = printed(quarantine_view(rows, 3))
    assert lines[0].startswith("3 rows set aside; ")
    assert [line.split() for line in lines[3:]] == [
        ["2026-02-03", "10:00", "events", "c", "r3"],
        ["2026-02-02", "10:00", "events", "–", "r2"],
    ]
    assert printed(quarantine_view(rows.clear(), 3))[-1] == "No rows are older than that."
    assert printed(quarantine_view(rows.clear(), 0)) == ["Nothing was set aside."]


def test_models_are_a_table() -> None:
    rows = [
        {"model": "a", "version": "1", "events": 0, "labelled": 0, "open_incidents": 0, "severity": None, **BUDGET},
        {
            "model": "b",
            "version": "2",
            "events": 12_440,
            "labelled": 6_220,
            "open_incidents": 3,
            "severity": "high",
            **BUDGET,
            "group": "g",
        },
    ]
    assert [line.split() for line in printed(models_view(rows))[1:]] == [
        ["a", "1", "0", "–", "0", "1", "per", "30d"],
        ["b", "2", "12.4k", "50", "%", "3,", "high", "1", "per", "30d,", "group", "'g'"],
    ]


def test_the_doctor_says_what_is_wrong_last() -> None:
    assert printed(doctor_view({"retrue": "1"}, ["it [is] gone"])) == ["retrue  1", "", "■ it [is] gone"]
    assert printed(doctor_view({"retrue": "1"}, []))[-1] == "Nothing is wrong."
