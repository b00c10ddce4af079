"""How bad an incident is follows from what it certainly costs, else from its rows."""

from dataclasses import replace

import pytest

from retrue.judge.cost import Cost
from retrue.judge.severity import Severity, severity_of
from retrue.judge.verdict import Verdict, VerdictKind

K, S = VerdictKind, Severity


def lost(low: float, high: float, *, share: float = 1.0) -> Cost:
    return Cost("accuracy", -(low + high) / 2, (-high, -low), estimated=False, share=share)


def missing(share: float) -> Verdict:
    return Verdict(K.BROKEN, "missing", metric="missing", column="x", value=share)


@pytest.mark.parametrize(
    ("cost", "wanted"),
    [
        (lost(0.10, 0.2), S.CRITICAL),
        (lost(0.03, 0.2), S.HIGH),
        (lost(0.01, 0.2), S.MEDIUM),
        (lost(0.009, 0.2), S.LOW),
        (lost(-0.01, 0.2), S.LOW),
        (lost(0.10, 0.2, share=0.2), S.MEDIUM),
        (Cost("mae", 4.0, (3.0, 5.0), False, 10.0), S.HIGH),  # 30 % of 10 is 6 times the 5 % worth telling
        (Cost("mae", 4.0, (3.0, 5.0), False), S.MEDIUM),  # of what size, nobody knows
        (None, S.MEDIUM),
    ],
)
def test_by_what_is_certainly_lost(cost: Cost | None, wanted: Severity) -> None:
    assert severity_of(K.DRIFTING, [Verdict(K.DRIFTING, "moved", column="x")], cost) is wanted


@pytest.mark.parametrize(("share", "wanted"), [(0.5, S.HIGH), (0.1, S.MEDIUM), (0.05, S.LOW)])
def test_by_the_share_of_broken_rows(share: float, wanted: Severity) -> None:
    assert severity_of(K.BROKEN, [missing(share)], None) is wanted


def test_the_worse_of_cost_and_rows_counts() -> None:
    """What the model does on values that it never saw, its impact can't tell."""
    assert severity_of(K.BROKEN, [missing(0.6)], lost(-0.01, 0.01)) is S.HIGH
    assert severity_of(K.BROKEN, [missing(0.05)], lost(0.2, 0.3)) is S.CRITICAL


def test_where_labels_show_no_loss_it_is_not_high_however_many_rows_are_odd() -> None:
    assert severity_of(K.BROKEN, [missing(0.6)], lost(-0.02, 0.005)) is S.MEDIUM
    assert severity_of(K.BROKEN, [missing(0.6)], replace(lost(-0.02, 0.005), estimated=True)) is S.HIGH
    assert severity_of(K.BROKEN, [missing(0.05)], lost(-0.02, 0.005)) is S.LOW


def test_silence_is_high() -> None:
    assert severity_of(K.SILENT, [Verdict(K.SILENT, "no events")], None) is S.HIGH


def test_a_figure_that_is_no_share_of_rows_says_nothing_of_rows() -> None:
    assert severity_of(K.BROKEN, [Verdict(K.BROKEN, "mean", metric="mean", column="x", value=9.0)], None) is S.MEDIUM


def test_they_are_ordered() -> None:
    assert sorted([S.HIGH, S.LOW, S.CRITICAL, S.MEDIUM]) == [S.LOW, S.MEDIUM, S.HIGH, S.CRITICAL]
    assert S.LOW <= S.LOW < S.HIGH
    assert S.CRITICAL > S.HIGH >= S.HIGH
