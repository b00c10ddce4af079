"""The gate says no with a reason for each thing that is wrong, and yes only where none is."""

from __future__ import annotations

from dataclasses import replace

import pytest

from retrue.refine.promote import Gate
from retrue.refine.prove import Contest

MAIN = Contest("holdout", "roc_auc", True, 0.70, 0.72, 0.02, (0.01, 0.03), 5_000)
GUARD = Contest("holdout", "brier", False, 0.15, 0.15, 0.0, (-0.001, 0.001), 5_000)
SLICE = Contest("origin = 'JFK'", "roc_auc", True, 0.70, 0.71, 0.01, (-0.03, 0.05), 900)


def test_a_challenger_that_is_better_and_nowhere_worse_passes() -> None:
    assert Gate().reasons([MAIN, GUARD, SLICE], 0.99) == []


def test_nothing_compared_is_refused() -> None:
    assert Gate().reasons([], 1.0) == ["nothing was compared"]


@pytest.mark.parametrize(("coverage", "refused"), [(0.9499, True), (0.95, False)])
def test_a_holdout_whose_labels_still_come_is_refused(coverage: float, refused: bool) -> None:
    reasons = Gate().reasons([MAIN], coverage)
    assert bool(reasons) is refused
    if refused:
        assert reasons[0].startswith("only 95 % of the holdout's events have a label (needs 95 %)")


def test_a_gain_that_chance_explains_is_refused() -> None:
    even = replace(MAIN, difference=0.005, interval=(0.0, 0.01))
    assert Gate().reasons([even], 1.0) == [
        "ROC AUC is not proven better on the holdout: +0.0050, gain between +0.0000 and +0.0100 on 5,000 rows"
    ]


def test_a_worse_challenger_is_called_worse() -> None:
    worse = replace(MAIN, difference=-0.02, interval=(-0.03, -0.01))
    assert Gate().reasons([worse], 1.0)[0].startswith("ROC AUC is worse on the holdout: −0.0200")


def test_a_contest_without_a_value_is_refused_with_its_note() -> None:
    none = Contest("holdout", "roc_auc", True, None, None, None, None, 12, "12 rows, needs 50")
    assert Gate().reasons([none], 1.0) == ["ROC AUC can't be compared on the holdout: 12 rows, needs 50"]


def test_another_metric_that_certainly_loses_is_refused() -> None:
    """A Brier score of 0.15 may rise by one in a hundred, 0.0015, and by what chance explains."""
    lost = replace(GUARD, difference=0.002, interval=(0.0016, 0.003))
    assert Gate().reasons([MAIN, lost], 1.0) == [
        (
            "Brier score is worse on the holdout: +0.0020, gain between −0.0030 and −0.0016 on 5,000 rows, "
            "where 0.0015 may be lost"
        )
    ]
    assert Gate().reasons([MAIN, replace(lost, interval=(0.0014, 0.003))], 1.0) == []


def test_a_slice_may_lose_what_is_tolerated() -> None:
    """One in a hundred of the champion's 0.70: its whole interval must lie below -0.007."""
    near, lost = replace(SLICE, interval=(-0.05, -0.0069)), replace(SLICE, difference=-0.03, interval=(-0.05, -0.0071))
    assert Gate().reasons([MAIN, near], 1.0) == []
    [reason] = Gate().reasons([MAIN, lost], 1.0)
    assert reason.startswith("ROC AUC is worse on origin = 'JFK': −0.0300, gain between −0.0500 and −0.0071")
    assert Gate(tolerance=0.02).reasons([MAIN, lost], 1.0) == []


def test_a_slice_with_too_few_rows_refuses_nothing() -> None:
    unknown = Contest("origin = 'XYZ'", "roc_auc", True, None, None, None, None, 3, "3 rows, needs 50")
    assert Gate().reasons([MAIN, unknown], 1.0) == []


def test_all_that_is_wrong_is_told_at_once() -> None:
    lost = replace(SLICE, difference=-0.03, interval=(-0.05, -0.02))
    worse = replace(MAIN, difference=-0.02, interval=(-0.03, -0.01))
    assert len(Gate().reasons([worse, lost], 0.4)) == 3
