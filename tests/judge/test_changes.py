"""A column that came, went, was renamed or retyped is broken data, and named as what it is."""

from retrue.judge.changes import judge_changes
from retrue.judge.verdict import VerdictKind
from retrue.schema import Change


def test_each_change_is_one_broken_verdict_in_its_own_words() -> None:
    changes = [
        Change("renamed", "dep_hour", "'hour' is now called 'dep_hour'"),
        Change("removed", "age", "'age' is gone"),
    ]
    verdicts = judge_changes(changes, span_of=("a", "b"))
    assert [(v.kind, v.column, v.reason) for v in verdicts] == [
        (VerdictKind.BROKEN, "dep_hour", "'hour' is now called 'dep_hour'"),
        (VerdictKind.BROKEN, "age", "'age' is gone"),
    ]
    assert all(v.alarm and v.window == ("a", "b") for v in verdicts)


def test_a_new_column_is_a_notice() -> None:
    """Nothing that the model reads has changed."""
    (verdict,) = judge_changes([Change("added", "gate", "'gate' (String) is new")])
    assert (verdict.notice, verdict.alarm, verdict.column) == (True, False, "gate")
