"""What to do about an incident: commands that can be typed as they stand."""

from __future__ import annotations

import shlex
from dataclasses import replace

import pytest
from tests.report.test_incident import COST, INCIDENT, MOVED, SOUTH, WINDOW, Told

from retrue.explain.finding import Finding
from retrue.judge.cost import Cost
from retrue.judge.incident import State
from retrue.judge.rules import Rule
from retrue.judge.verdict import Verdict, VerdictKind
from retrue.report.actions import actions, guilty, monitor, next_step
from retrue.slices import Slice


def test_a_live_incident_can_be_collected_watched_and_answered() -> None:
    commands = [shlex.split(one.command)[:3] for one in actions(Told()) if one.command.startswith("retrue ")]
    assert commands == [
        ["retrue", "collect", "loans"],
        ["retrue", "retrain", "loans"],
        ["retrue", "acknowledge", "loans"],
        ["retrue", "snooze", "loans"],
        ["retrue", "resolve", "loans"],
        ["retrue", "mark", "loans"],
    ]


def test_a_resolved_one_needs_no_answer() -> None:
    over = replace(INCIDENT, state=State.RESOLVED, until=WINDOW[1])
    assert not any("acknowledge" in one.command for one in actions(Told(incident=over)))


@pytest.mark.parametrize(("metric", "first"), [("rows", "log"), ("labelled", "label")])
def test_silence_asks_for_what_is_missing(metric: str, first: str) -> None:
    """No rows explain it, and there is nothing to collect or to learn from."""
    lost = Verdict(VerdictKind.SILENT, "no events", metric, window=WINDOW)
    told = Told(incident=replace(INCIDENT, kind=VerdictKind.SILENT, verdicts=(lost,), columns=()), slices=())
    typed = [one.command.split()[1] for one in actions(told)]
    assert typed == [first, "quarantine", "acknowledge", "snooze", "resolve", "mark"]
    assert next_step(told) == f"retrue {first} loans FILE"


@pytest.mark.parametrize("slices", [(SOUTH,), ()])
def test_broken_data_is_looked_at_and_never_learned_from(slices: tuple[Finding, ...]) -> None:
    lost = Verdict(VerdictKind.BROKEN, "missing rose", "missing", "income", window=WINDOW)
    told = Told(incident=replace(INCIDENT, kind=VerdictKind.BROKEN, verdicts=(lost, MOVED)), slices=slices)
    found = actions(told)
    typed = [one.command.split()[1] for one in found]
    assert typed == [*(["collect"] if slices else []), "quarantine", "acknowledge", "snooze", "resolve", "mark"]
    assert found[0].note == "look first at what writes income: what changed there on 2026-02-02 (UTC)?"
    assert next_step(told) == found[0].command


@pytest.mark.parametrize("cost", [COST, Cost("mae", 2.5, None, estimated=False)])
def test_the_monitor_is_a_rule_that_can_be_registered(cost: Cost) -> None:
    """Worse than the reference by 5 %: below it where more is better, above it where less is."""
    text = monitor(Told(cost=cost))
    assert text is not None
    rule = Rule.parse(text)
    assert (rule.metric, rule.op) == (cost.metric, ">=" if cost.metric == "roc_auc" else "<=")
    assert rule.slice == Slice.parse("region = 'south'")
    assert rule.needs_reference


def test_a_model_that_is_worse_on_all_rows_is_watched_on_all() -> None:
    text = monitor(Told(slices=()))
    assert text is not None
    assert Rule.parse(text).slice is None
    assert monitor(Told(incident=replace(INCIDENT, kind=VerdictKind.DRIFTING), slices=())) is None


def test_without_labels_there_is_nothing_to_watch() -> None:
    for slices in ((), (SOUTH,)):
        assert monitor(Told(cost=None, slices=slices)) is None
        assert monitor(Told(cost=replace(COST, estimated=True), slices=slices)) is None


def test_rows_that_vanished_are_not_collected() -> None:
    """What came in their place is."""
    fell = replace(SOUTH, question="share", share=(0.4, 0.02))
    came = replace(SOUTH, slice=Slice.parse("region = 'north'"), question="share", share=(0.1, 0.5))
    assert guilty(Told(slices=(fell, came))) == "region = 'north'"
    assert next_step(Told(slices=(fell,))).startswith("retrue retrain loans")
