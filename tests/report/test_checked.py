"""What `check` says: one line for each thing that is out of true."""

from __future__ import annotations

from io import StringIO

import pytest
from rich.console import Console

from retrue.judge.rules import Rule
from retrue.judge.verdict import Verdict, VerdictKind
from retrue.metrics import Measure
from retrue.report.checked import checked_view, findings, headline

DAYS = [(f"2026-02-0{day}T00:00:00+00:00", f"2026-02-0{day + 1}T00:00:00+00:00") for day in range(1, 6)]


def auc(day: int, value: float) -> Verdict:
    """A degraded model on one day."""
    reason = f"ROC AUC {value} (0.4 to 0.6), reference 0.80: worse"
    return Verdict(VerdictKind.DEGRADED, reason, "roc_auc", window=DAYS[day], value=value, threshold=0.06)


def drift(day: int, *, alarm: bool) -> Verdict:
    """A column that moved on one day."""
    return Verdict(VerdictKind.DRIFTING, "moved", "ks", "age", window=DAYS[day], value=0.2, threshold=0.1, alarm=alarm)


def calm(day: int) -> Verdict:
    """A day in true."""
    return Verdict(VerdictKind.TRUE, "nothing moved", column="age", window=DAYS[day])


def ruled(number: int) -> Verdict:
    """A rule about the model that doesn't hold."""
    rule = Rule.parse("roc_auc[y = 1] >= 0.75")
    return rule.judge(Measure(0.64), n=500, window=calm(number).window)


def shown(verdicts: list[Verdict], width: int = 130) -> list[str]:
    """What is printed."""
    into = StringIO()
    Console(file=into, width=width, color_system=None).print(checked_view("loans", verdicts))
    return [line.rstrip() for line in into.getvalue().splitlines()]


@pytest.mark.parametrize(
    ("verdicts", "said"),
    [
        ([], "loans: no window has closed or changed since the last check."),
        ([calm(0)], "loans is in true: 1 window judged."),
        ([calm(0), drift(1, alarm=False)], "loans is in true: 2 windows judged."),
        ([auc(0, 0.5)], "loans is out of true in the one window judged."),
        ([auc(0, 0.5), auc(1, 0.5), calm(2)], "loans is out of true in 2 of 3 windows judged."),
        (
            [ruled(0)],
            "loans is out of true in the one window judged: where y = 1, ROC AUC is 0.640, but the rule says >= 0.750.",
        ),
    ],
)
def test_the_sentence_says_how_the_model_stands(verdicts: list[Verdict], said: str) -> None:
    assert headline("loans", verdicts) == said
    assert shown(verdicts)[0] == said


def test_the_same_thing_in_several_windows_is_one_finding() -> None:
    found = findings([auc(0, 0.55), auc(2, 0.5), drift(1, alarm=False), calm(3)])
    assert [(one.worst.metric, len(one.starts)) for one in found] == [("roc_auc", 2), ("ks", 1)]


def test_the_worst_of_a_model_is_its_lowest_auc() -> None:
    """Not the one that is largest beside its threshold."""
    assert findings([auc(0, 0.55), auc(2, 0.45), auc(3, 0.5)])[0].worst.value == 0.45


def test_a_notice_and_an_alarm_about_one_column_are_two_findings() -> None:
    assert len(findings([drift(0, alarm=True), drift(1, alarm=False)])) == 2


def test_a_wide_terminal_gets_a_table() -> None:
    lines = shown([auc(0, 0.5), auc(1, 0.5), drift(1, alarm=False)])
    assert lines[2].split() == ["State", "What", "Windows", "From", "At", "its", "worst"]
    assert lines[3].startswith("▲ degraded           ROC AUC        2  2026-02-01 to 2026-02-02  0.5 (0.4 to 0.6), ")
    assert lines[4].startswith("◌ drifting (notice)  age            1  2026-02-02                moved")


def test_a_narrow_terminal_gets_headings() -> None:
    lines = shown([auc(0, 0.5), auc(1, 0.5)], width=72)
    assert lines[2] == "▲ degraded  ROC AUC  2 windows, 2026-02-01 to 2026-02-02"
    assert lines[3] == "  0.5 (0.4 to 0.6), reference 0.80: worse"


def test_a_new_column_is_a_notice() -> None:
    new = Verdict(VerdictKind.BROKEN, "'x' is new", column="x", window=DAYS[0], alarm=False)
    assert shown([new])[0] == "loans is in true: 1 window judged."
    assert any(line.startswith("◌ broken (notice)  x") for line in shown([new]))


def test_what_cant_be_told_is_said_once() -> None:
    few = [Verdict(VerdictKind.NOT_COMPARABLE, "12 rows, needs 50", column="age", window=DAYS[day]) for day in (0, 1)]
    assert shown(few)[-1] == "Can't tell in 2 windows: age (12 rows, needs 50)"


def test_a_projection_that_failed_is_in_the_first_sentence() -> None:
    reason = "the projection 'shouts' failed: ValueError: too loud"
    failed = Verdict(VerdictKind.NOT_COMPARABLE, reason, column="comment.shouts", window=DAYS[0])
    said = headline("loans", [calm(0), failed])
    assert said == (
        "loans is in true: 1 window judged. "
        "Nothing is known of comment.shouts, for the projection 'shouts' failed: ValueError: too loud."
    )
