"""Inputs that moved wake nobody where the model is seen to do as well as before."""

from __future__ import annotations

from dataclasses import replace

import pytest

from retrue.judge.eased import awaited, eased
from retrue.judge.grouping import group_incidents
from retrue.judge.incident import State
from retrue.judge.settings import Settings
from retrue.judge.verdict import Verdict, VerdictKind
from retrue.metrics import Measure

OWN = {"roc_auc": Measure(0.8), "accuracy": Measure(0.7)}
MAIN = ("roc_auc", "accuracy")


def told_with(
    kind: VerdictKind = VerdictKind.TRUE, roc_auc: float = 0.8, form: str = "", accuracy: float = 0.7
) -> list[Verdict]:
    """Columns that changed together, a rule of the user's about the same, and what is said of performance."""
    together = Verdict(VerdictKind.DRIFTING, "a and b changed together", "mmd", value=0.3, threshold=0.05)
    single = Verdict(VerdictKind.DRIFTING, "moved", "ks", "a", value=0.3, threshold=0.05)
    scores = [Verdict(kind, "", form + "roc_auc", value=roc_auc), Verdict(kind, "", form + "accuracy", value=accuracy)]
    return [together, single, *scores]


@pytest.mark.parametrize("form", ["", "estimated_"])
def test_inputs_that_moved_at_no_cost_that_shows_are_a_notice(form: str) -> None:
    found = eased(told_with(form=form), OWN, MAIN, Settings())
    assert found[0].notice
    assert "it costs nothing that shows" in found[0].reason
    assert "ROC AUC 0.8" in found[0].reason
    assert found[1].notice
    assert found[1].eased
    assert Verdict.from_dict(found[1].to_dict(), alarm=False) == found[1]
    ruled = eased(told_with(form=form), OWN, MAIN, Settings(), [("ks", "a")])
    assert ruled[1].alarms  # a rule that a user wrote always counts


@pytest.mark.parametrize(
    "verdicts",
    [
        told_with(VerdictKind.DEGRADED),
        told_with(VerdictKind.NOT_COMPARABLE),
        told_with(roc_auc=0.78),  # two points may be chance, and may be not
        told_with(accuracy=0.65),  # one of the main metrics doesn't tell for all
        told_with()[:2],
        told_with()[:3],
    ],
)
def test_inputs_that_moved_alarm_where_it_isn_t_known_to_cost_nothing(verdicts: list[Verdict]) -> None:
    assert eased(verdicts, OWN, MAIN, Settings()) == verdicts
    assert eased(verdicts, OWN, (), Settings()) == verdicts


def test_a_metric_that_costs_are_told_in_is_asked_too() -> None:
    settings = Settings(impact="f1")
    for f1, alarms in ((0.5, True), (0.6, False)):
        found = eased(told_with(), OWN, MAIN, settings, costs=(Measure(f1), Measure(0.6)))
        assert found[0].alarms is alarms


def test_inputs_that_moved_wait_for_labels_that_are_about_to_come() -> None:
    broken = Verdict(VerdictKind.BROKEN, "missing rose", "missing", "a")
    found = awaited([*told_with(), broken], "14 March 2026", [("ks", "a")])
    assert [one.alarms for one in found] == [False, True, False, False, True]
    assert found[0].reason.endswith("labels tell by 14 March 2026 what that costs")


def test_a_notice_of_what_goes_on_neither_begins_an_incident_nor_ends_one() -> None:
    """Labels of some windows show no cost, those of the next aren't there yet: it is one shift."""
    moved, other = (Verdict(VerdictKind.DRIFTING, "moved", "ks", name, value=0.3) for name in "ab")
    calm = Verdict(VerdictKind.TRUE, "as before", "ks", "a")
    notice, another = (replace(one, alarm=False, eased=True) for one in (moved, other))

    def states(*windows: Verdict) -> list[State]:
        days = [(f"2026-03-{day:02}", f"2026-03-{day + 1:02}") for day in range(1, len(windows) + 1)]
        return [one.state for one in group_incidents("m", {day: [one] for day, one in zip(days, windows, strict=True)})]

    assert states(notice, notice, notice) == []
    assert states(moved, *[notice] * 6) == [State.OPEN]
    assert states(moved, *[notice] * 9, moved) == [State.OPEN]
    assert states(moved, *[another] * 2) == [State.RESOLVED]
    assert states(moved, notice, calm, calm) == [State.RESOLVED]


@pytest.mark.parametrize("seen_by", ["accuracy", "estimated_accuracy"])
def test_a_worse_model_is_over_only_where_its_metric_was_judged_again(seen_by: str) -> None:
    """Windows whose labels aren't there show calm columns, and calm estimates: neither told of it before."""
    worse = Verdict(VerdictKind.DEGRADED, "16 points lower", seen_by, value=0.56, threshold=0.7)
    column = Verdict(VerdictKind.TRUE, "as before", "ks", "income")
    unknown = Verdict(VerdictKind.NOT_COMPARABLE, "50 % of labels", "accuracy")
    blind = Verdict(VerdictKind.TRUE, "as before", "estimated_roc_auc")
    better = Verdict(VerdictKind.TRUE, "as before", "accuracy", value=0.74)

    def state(*windows: tuple[Verdict, ...]) -> State:
        days = {(f"2026-03-{day:02}", f"2026-03-{day + 1:02}"): list(one) for day, one in enumerate(windows, 1)}
        (found,) = group_incidents("m", days)
        return found.state

    waits = [(column, unknown, blind)] * 5
    assert state((worse, column), *waits) is State.OPEN
    assert state((worse, column), *waits, (better, column)) is State.OPEN
    assert state((worse, column), (better, column), *waits, (better, column)) is State.RESOLVED
