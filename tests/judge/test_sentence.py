"""The sentence on top says since when, what it costs and why, in words for somebody who was asleep a minute ago."""

from dataclasses import replace

import pytest

from retrue.judge.cause import Cause, Search
from retrue.judge.cost import Cost
from retrue.judge.incident import Incident, State
from retrue.judge.sentence import sentence_of
from retrue.judge.verdict import Verdict, VerdictKind

K = VerdictKind
FIRST = ("2026-03-14T00:00:00+00:00", "2026-03-15T00:00:00+00:00")
RELP = Cause("RELP IN (16, 17)", "share", 0.92, (0.9, 0.94), 0.07, explains=0.9)
LOST = Cost("accuracy", -0.061, (-0.08, -0.05), estimated=True)
UNSURE = Cost("accuracy", -0.01, (-0.04, 0.02), estimated=True)
MOVED = Verdict(K.DRIFTING, "moved by KS 0.4", column="RELP", window=FIRST)
WORSE = Verdict(K.DEGRADED, "accuracy 0.76, reference 0.82: worse by 0.06", metric="accuracy", window=FIRST)
ESTIMATED = replace(
    WORSE,
    reason="estimated accuracy 0.76 (0.75 to 0.77), reference 0.82: worse by 0.06; without labels: mean of the outcome "
    "model and PAPE; the inputs moved far",
    metric="estimated_accuracy",
)
EMPTY = Verdict(K.BROKEN, "missing rose from 0 % to 12 % of 500 rows", metric="missing", column="income", window=FIRST)


def incident(*alerts: Verdict, **more: object) -> Incident:
    columns = tuple(dict.fromkeys(alert.column for alert in alerts if alert.column is not None))
    found = Incident("i", "m", alerts[0].kind, State.OPEN, FIRST[0], None, columns, alerts, "")
    return replace(found, **more)  # type: ignore[arg-type]


SHIFTED = "92 % of rows are now RELP in {16, 17}; normally 7 %"
GUESSED = "accuracy is an estimated 6 points lower (5 to 8)"
TOLD = "accuracy is 6 points lower (5 to 8)"
HOLES = "income: missing rose from 0 % to 12 % of 500 rows"
UNSEEN = "12 % of 500 rows lie where the model was never evaluated; 1 % did before"
AT_LGA = Cause("city = 'LGA'", "loss", 0.3, (0.2, 0.4), 0.3, (0.16, 0.82), "accuracy")
KNOWN = replace(LOST, estimated=False)


@pytest.mark.parametrize(
    ("told", "said"),
    [
        (incident(MOVED, cost=LOST, cause=RELP), f"{GUESSED}, because {SHIFTED}"),
        (
            incident(MOVED, replace(MOVED, column="AGEP"), cost=LOST, cause=RELP),
            f"{GUESSED}, because {SHIFTED}; also AGEP",
        ),
        (incident(MOVED, cost=LOST, cause=replace(RELP, explains=0.02)), f"{GUESSED}, and {SHIFTED}"),
        (incident(MOVED, cost=UNSURE, cause=RELP), f"{SHIFTED}; it may cost up to 4 points of accuracy"),
        (incident(MOVED, cause=RELP), f"{SHIFTED}; what that costs isn't known"),
        (incident(MOVED), "RELP: moved by KS 0.4; what that costs isn't known"),
        (
            incident(WORSE, cost=KNOWN, cause=AT_LGA),
            f"{TOLD}, most where city = 'LGA': 82 % of predictions are wrong there; normally 16 %",
        ),
        (incident(WORSE, cost=KNOWN, search=Search(1, 1.0, "degraded")), f"{TOLD}, on all kinds of rows alike"),
        (
            incident(WORSE, cost=KNOWN, search=Search(1, 1.0, "degraded", "ValueError: the rows\nare gone")),
            f"{TOLD}; its rows aren't known, for their search failed: ValueError: the rows are gone",
        ),
        (
            incident(WORSE, cost=KNOWN, cause=AT_LGA, search=Search(9, 1.0, "degraded", "KeyError: 'x'")),
            (f"{TOLD}, most where city = 'LGA': 82 % of predictions are wrong there; normally 16 %"),
        ),
        (incident(WORSE), "accuracy 0.76, reference 0.82: worse by 0.06"),
        (incident(EMPTY), HOLES),
        (incident(EMPTY, MOVED, cost=KNOWN), f"{HOLES}; also RELP; {TOLD}"),
        (
            incident(EMPTY, MOVED, cost=KNOWN, cause=RELP),
            f"{HOLES}; {TOLD}, because {SHIFTED}",
        ),
        (incident(EMPTY, cost=KNOWN, cause=replace(RELP, explains=0.02)), f"{HOLES}; {TOLD}"),
        (incident(EMPTY, cause=RELP), f"{HOLES}; {SHIFTED}"),
        (incident(ESTIMATED), "estimated accuracy 0.76 (0.75 to 0.77), reference 0.82: worse by 0.06"),
        (incident(EMPTY, ESTIMATED), f"{HOLES}; estimated accuracy 0.76 (0.75 to 0.77), reference 0.82: worse by 0.06"),
        (incident(EMPTY, WORSE), f"{HOLES}; accuracy 0.76, reference 0.82: worse by 0.06"),
        (incident(replace(EMPTY, slice="city = 'LGA'")), f"where city = 'LGA', {HOLES}"),
        (
            incident(replace(EMPTY, slice="\"income\" > 3 AND city = 'LGA'")),
            f"where income > 3 and city = 'LGA', {HOLES}",
        ),
        (incident(Verdict(K.UNKNOWN, UNSEEN, column="age", window=FIRST)), f"age: {UNSEEN}"),
        (incident(Verdict(K.SILENT, "no events; usually 90 rows", "rows", window=FIRST)), "no events; usually 90 rows"),
    ],
)
def test_each_kind_has_its_words_while_it_lasts(told: Incident, said: str) -> None:
    assert sentence_of(told) == f"Since 14 March 2026, {said}"


def test_what_is_over_is_said_in_the_past() -> None:
    over = incident(MOVED, cost=LOST, cause=RELP, state=State.RESOLVED, until="2026-03-18T00:00:00+00:00")
    assert sentence_of(over) == (
        "From 14 to 17 March 2026, accuracy was an estimated 6 points lower (5 to 8), because 92 % of rows were RELP "
        "in {16, 17}; normally 7 %"
    )


def test_a_gain_is_no_cost() -> None:
    """A drift that makes the model better still drifts."""
    better = replace(LOST, change=0.06, interval=(0.05, 0.08))
    assert sentence_of(incident(MOVED, cost=better, cause=RELP)).startswith("Since 14 March 2026, 92 % of rows")


def test_a_search_that_failed_claims_nothing() -> None:
    failed = Search(1, 1.0, "degraded", "StoreError: the rows are gone")
    assert "on all kinds" not in sentence_of(incident(WORSE, cost=LOST, search=failed))


def test_columns_that_changed_together_are_named_unless_the_rows_to_blame_are_theirs() -> None:
    pair = Verdict(K.DRIFTING, "age and room changed together", metric="mmd", window=FIRST, columns=("age", "room"))
    assert "age and room changed together" in sentence_of(incident(pair, cause=RELP))
    assert "age and room" not in sentence_of(incident(pair, cause=replace(RELP, slice="room = 3")))
