"""Inputs that moved wake nobody where the model is seen to do as well as before."""

from __future__ import annotations

import pytest

from retrue.judge.eased import awaited, eased
from retrue.judge.settings import Settings
from retrue.judge.verdict import Verdict, VerdictKind
from retrue.metrics import Measure

OWN = {"roc_auc": Measure(0.8), "accuracy": Measure(0.7)}
MAIN = ("roc_auc", "accuracy")


def told_with(kind: VerdictKind = VerdictKind.TRUE, roc_auc: float = 0.8, form: str = "") -> list[Verdict]:
    """Columns that changed together, a rule of the user's about the same, and what is said of performance."""
    together = Verdict(VerdictKind.DRIFTING, "a and b changed together", "mmd", value=0.3, threshold=0.05)
    single = Verdict(VerdictKind.DRIFTING, "moved", "ks", "a", value=0.3, threshold=0.05)
    scores = [Verdict(kind, "", form + "roc_auc", value=roc_auc), Verdict(kind, "", form + "accuracy", value=0.6)]
    return [together, single, *scores]


@pytest.mark.parametrize("form", ["", "estimated_"])
def test_inputs_that_moved_at_no_cost_that_shows_are_a_notice(form: str) -> None:
    found = eased(told_with(form=form), OWN, MAIN, Settings())
    assert found[0].notice
    assert "it costs nothing that shows" in found[0].reason
    assert "ROC AUC 0.8" in found[0].reason
    assert found[1].notice
    ruled = eased(told_with(form=form), OWN, MAIN, Settings(), [("ks", "a")])
    assert ruled[1].alarms  # a rule that a user wrote always counts


@pytest.mark.parametrize(
    "verdicts",
    [
        told_with(VerdictKind.DEGRADED),
        told_with(VerdictKind.NOT_COMPARABLE),
        told_with(roc_auc=0.78),  # two points may be chance, and may be not
        told_with()[:2],
        told_with()[:3],
    ],
)
def test_inputs_that_moved_alarm_where_it_isn_t_known_to_cost_nothing(verdicts: list[Verdict]) -> None:
    assert eased(verdicts, OWN, MAIN, Settings()) == verdicts
    assert eased(verdicts, OWN, (), Settings()) == verdicts


def test_inputs_that_moved_wait_for_labels_that_are_about_to_come() -> None:
    broken = Verdict(VerdictKind.BROKEN, "missing rose", "missing", "a")
    found = awaited([*told_with(), broken], "2026-03-14 00:00", [("ks", "a")])
    assert [one.alarms for one in found] == [False, True, False, False, True]
    assert found[0].reason.endswith("labels tell by 2026-03-14 00:00 what that costs")
