"""Incidents in a terminal."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from io import StringIO
from typing import Any

import polars as pl
import pytest
from rich.console import Console

from retrue.core.column import ColumnProfile
from retrue.estimate.impact import Impact
from retrue.explain.contributions import Contributions
from retrue.explain.features import Feature
from retrue.explain.finding import Finding, Proxy
from retrue.explain.joint import JointChange
from retrue.explain.sharing import Part, Sharing
from retrue.explain.since import Course
from retrue.explain.standing import Standing
from retrue.judge.cost import Cost
from retrue.judge.incident import Incident, State
from retrue.judge.verdict import Verdict, VerdictKind
from retrue.report.actions import next_step
from retrue.report.explanation import Explanation
from retrue.report.incident import cost_said, expected, explanation_view, incidents_view, sharing_said, whose
from retrue.slices import Slice

WINDOW = ("2026-02-02T00:00:00+00:00", "2026-02-03T00:00:00+00:00")
MOVED = Verdict(
    VerdictKind.DRIFTING, "moved by KS 0.3; expected to change accuracy by -0.1", "ks", "region", window=WINDOW
)
INCIDENT = Incident(
    "abc123", "loans", VerdictKind.DEGRADED, State.OPEN, WINDOW[0], None, ("region",), (MOVED,),
    "Since 2 February 2026, accuracy 0.55: worse",
)  # fmt: skip
SOUTH = Finding(Slice.parse("region = 'south'"), "loss", (0.2, 0.6), (0.38, 0.42), 3360, 100.0, 90.0, (0.1, 0.6))
IMPACT = Impact(-0.1, (-0.12, -0.08), "accuracy", "higher", 0, 0)
COST = Cost("roc_auc", -0.331, (-0.35, -0.312), estimated=False, reference=0.9)


@dataclass(frozen=True)
class Told:
    """An explanation made by hand."""

    incident: Incident = INCIDENT
    since: str = WINDOW[0]
    features: tuple[Feature, ...] = (
        Feature("region", MOVED, Impact(-0.1, (-0.12, -0.08), "accuracy", "higher", 0, 0)),
    )
    slices: tuple[Finding, ...] = (SOUTH,)
    cost: Cost | None = COST
    course: Course | None = None
    sharing: Sharing | None = None
    joint: JointChange | None = None
    kept: float = 1.0
    standings: tuple[Standing, ...] = ()
    outcome: tuple[str, ...] = ()
    contributions: Contributions | None = None
    distributions: Mapping[str, tuple[ColumnProfile, ColumnProfile]] = field(default_factory=dict)
    examples: pl.DataFrame = field(
        default_factory=lambda: pl.DataFrame({"id": ["a"], "region": ["south"], "age": [40.0], "_h": [1]})
    )


def printed(what: Any, width: int = 130) -> list[str]:
    """What a terminal shows."""
    into = StringIO()
    Console(file=into, width=width, color_system=None, markup=False).print(what)
    return [line.rstrip() for line in into.getvalue().splitlines()]


def test_an_explanation_reads_from_the_sentence_to_the_next_command() -> None:
    told: Explanation = Told()
    assert printed(explanation_view(told, where=" --store s")) == [
        "Since 2 February 2026, accuracy 0.55: worse.",
        "",
        "incident  abc123  ▲ degraded, medium, open",
        "since     2026-02-02 (UTC), it lasts",
        "cost      ROC AUC is 33 points lower (31 to 35)",
        "columns   region",
        "",
        "It went wrong most where region = 'south': the mean loss went from 0.100 to 0.600",
        "Slice              Rows  Share before   now  Mean loss before    now",
        "region = 'south'  3,360          20 %  60 %             0.100  0.600",
        "",
        "1 column moved, by what it is expected to cost",
        "State       Column  What happened" + " " * 80 + "Expected change",
        "● drifting  region  moved by KS 0.3" + " " * 72 + "accuracy −10.0 points",
        "",
        "A few rows where region = 'south'",
        "id  region  age",
        "a   south    40",
        "",
        "Next: retrue collect loans \"region = 'south'\" --store s",
    ]


def test_since_is_the_date_of_the_sentence_and_an_earlier_change_is_said_beside_it() -> None:
    (line,) = (one for one in printed(explanation_view(Told(since="2026-01-31T00:00:00+00:00"))) if "since " in one)
    assert line == "since     2026-02-02 (UTC), it lasts, what it shows changed on 2026-01-31"


def test_what_is_everywhere_leads_to_retraining_on_the_log() -> None:
    whole = Finding(Slice.all(), "loss", (1, 1), (0, 0), 500, 10.0, 9.0, (0.1, 0.3))
    told = Told(slices=(whole,))
    lines = printed(explanation_view(told))
    assert "It is everywhere: no part of the rows explains more than all of them" in lines
    assert next_step(told) == "retrue retrain loans --fit FILE.py:FUNCTION --mix reference=0.5 --mix log=0.5"


def test_a_slice_that_grew_says_by_how_much() -> None:
    lines = printed(explanation_view(Told(slices=(replace(SOUTH, question="share", loss=None),))))
    assert "The events changed most where region = 'south': rose from 20 % to 60 % of all" in lines
    assert "Slice              Rows  Share before   now" in lines


def test_what_cant_be_told_from_a_slice_is_named_with_it_and_long_lists_in_short() -> None:
    proxies = Proxy(Slice.parse("port = 'B'"), 90.0, 0.95), Proxy(Slice.parse("age > 60"), 40.0, 0.2)
    south = replace(SOUTH, slice=SOUTH.slice.named("region IN ('a', 'b' and 30 more)"), proxies=proxies)
    lines = printed(explanation_view(Told(slices=(south,))))
    title = "It went wrong most where region IN ('a', 'b' and 30 more) or its proxy port = 'B': the mean loss"
    assert any(line.startswith(title) for line in lines)
    assert "A few rows where region IN ('a', 'b' and 30 more)" in lines
    assert lines[-1] == "Next: retrue collect loans \"region = 'south'\""  # typed, it has to be the whole text


def test_nothing_found_still_has_the_sentence_and_a_next_step() -> None:
    told = Told(features=(), slices=(), cost=None, examples=pl.DataFrame())
    lines = printed(explanation_view(told))
    assert lines[0].startswith("Since 2 February")
    assert "cost      not known: there are no labels, and no estimate" in lines
    assert lines[-1].startswith("Next: retrue retrain loans")


def test_a_narrow_terminal_keeps_the_expected_change() -> None:
    lines = printed(explanation_view(Told()), width=80)
    at = lines.index("● drifting  region")
    assert lines[at + 1 : at + 3] == ["  expected change: accuracy −10.0 points", "  moved by KS 0.3"]
    assert max(map(len, lines)) <= 80


def test_examples_have_the_guilty_columns_where_not_all_have_room() -> None:
    wide = pl.DataFrame({**{f"c{i}": [i] for i in range(30)}, "region": ["south"]})
    header = next(line for line in printed(explanation_view(Told(examples=wide)), width=70) if "c0" in line)
    assert header.split() == ["c0", "c1", "c2", "c3", "region"]


def test_a_slice_in_another_quoting_is_still_typed_right() -> None:
    odd = replace(SOUTH, slice=Slice.parse("region = '$HOME'"))
    assert next_step(Told(slices=(odd,))) == """retrue collect loans 'region = '"'"'$HOME'"'"''"""


@pytest.mark.parametrize(
    ("cost", "said"),
    [
        (Cost("mae", 2.5, (2.0, 3.0), estimated=False), "MAE is 2.5 higher (2.0 to 3.0)"),
        (Cost("roc_auc", 0.02, (-0.01, 0.05), estimated=True), "ROC AUC is an estimated 2 points higher, within noise"),
        (None, "not known: there are no labels, and no estimate"),
    ],
)
def test_a_cost_is_said_in_the_metrics_own_unit(cost: Cost | None, said: str) -> None:
    assert cost_said(INCIDENT, cost) == said


def test_silence_has_no_cost_and_what_people_said_is_shown() -> None:
    lost = Verdict(VerdictKind.SILENT, "no events", "rows", window=WINDOW)
    quiet = replace(INCIDENT, kind=VerdictKind.SILENT, verdicts=(lost,), columns=(), real=False, note="a holiday")
    lines = printed(explanation_view(Told(incident=quiet, features=(), slices=(), cost=None, examples=pl.DataFrame())))
    assert "people say  a false alarm: a holiday" in lines
    assert not any(line.startswith("cost") for line in lines)
    assert lines[-1] == "Next: retrue log loans FILE"


def test_an_impact_that_may_be_none_says_so() -> None:
    perhaps = Impact(0.01, (-0.01, 0.03), "accuracy", "higher", 0, 0)
    assert expected(Feature("region", MOVED, perhaps)) == "none of accuracy to tell"
    assert expected(Feature("region", MOVED)) == "–"


def test_an_impact_that_is_anothers_says_whose() -> None:
    def told(share: float, *others: str) -> str:
        return whose(Feature("region", MOVED, IMPACT, Part("region", -0.1, share, others)))

    assert told(0.0, "age", "home") == "shared with age"
    assert told(-0.04, "age") == "−4.0 points of it its own"
    assert told(-0.095, "age") == told(-0.1) == "", "near enough to all of it"
    follows = Feature("region", MOVED, IMPACT, Part("region", -0.1, 0.0, ("age",)))
    lines = printed(explanation_view(Told(features=(follows,))), width=160)
    place = next(i for i, line in enumerate(lines) if line.endswith("accuracy −10.0 points"))
    assert lines[place + 1].strip() == "shared with age"


def test_what_the_features_explain_together_stands_below_them() -> None:
    sharing = Sharing("mae", (), 2.5, (2.1, 2.9), 0.04, None)
    assert sharing_said(sharing) == (
        "Together the features explain MAE +2.5 (+2.1 to +2.9). "
        "4 % of the rows have a value that the model was never evaluated on."
    )
    lines = printed(explanation_view(Told(sharing=sharing)), width=160)
    assert lines[lines.index("1 column moved, by what it is expected to cost") + 3] == sharing_said(sharing)
    assert sharing_said(None) == ""
    assert sharing_said(Sharing("accuracy", (), 0.0, (0.0, 0.0), 0.0)) == ""


def test_incidents_are_listed_with_how_many_live() -> None:
    over = replace(INCIDENT, id="def456", state=State.RESOLVED, until=WINDOW[1], real=False)
    assert printed(incidents_view([INCIDENT, over])) == [
        "2 incidents, 1 of them live.",
        "",
        "Incident  Severity  Kind        State                  What happened",
        "abc123    medium    ▲ degraded  open                   Since 2 February 2026, accuracy 0.55: worse",
        "def456    medium    ▲ degraded  resolved, false alarm  Since 2 February 2026, accuracy 0.55: worse",
    ]
    assert printed(incidents_view([INCIDENT]), width=60) == [
        "1 incident.",
        "",
        "abc123  medium  ▲ degraded  open",
        "  Since 2 February 2026, accuracy 0.55: worse",
    ]


def test_what_the_model_made_is_called_no_cause() -> None:
    assert whose(Feature("p", MOVED, IMPACT, output=True)) == "made by the model, no cause"
