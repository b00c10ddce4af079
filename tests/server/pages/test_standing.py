"""How a model stands, in words: its state, its figures, how far from the reference, what to sort by."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path

import pytest
from tests.server.pages.conftest import live

import retrue as rt
from retrue.server.pages.model import sentence_of
from retrue.server.pages.overview import Asked, overview_view, sub_of
from retrue.server.pages.reading import Facts, Figure, Headlines, Judged, Live, Traffic, facts
from retrue.server.pages.standing import Standing, standing
from retrue.server.pages.trend import trend

DAY = 86_400
UNTIL = 1_767_225_600  # 2026-01-01
SINCE = UNTIL - 30 * DAY


def figures(value: float, *, days: int = 30, reference: float = 0.75) -> tuple[Figure, ...]:
    """Daily figures that wander a little, the last one at `value`."""
    starts = range(UNTIL - days * DAY, UNTIL, DAY)
    return tuple(Figure(s, value + 0.001 * (s // DAY % 3), value - 0.01, value + 0.012, reference) for s in starts)


def known(name: str = "loans", **changes: object) -> Facts:
    """A model that is watched by the day and in true."""
    traffic = tuple(Traffic(start, 1_000, 900) for start in range(SINCE, UNTIL, DAY))
    judged = Judged(UNTIL - DAY, {"true": "as before"})
    made = Facts(name, "1", DAY, None, "UTC", "roc_auc", figures(0.75), figures(0.752), traffic, (), judged)
    return replace(made, **changes)  # type: ignore[arg-type]


def incident(kind: str, status: str = "open", severity: str = "medium") -> Live:
    """A live incident since Christmas."""
    return Live(f"{kind}-{status}", kind, status, "2025-12-25T00:00:00+00:00", severity, f"{kind}!", None)


def stands(facts: Facts) -> Standing:
    """How it stands in the last 30 days."""
    return standing(facts, SINCE, UNTIL)


def test_a_calm_model_is_in_true_without_colour() -> None:
    """Calm is the absence of colour; its figure carries the digits of its interval."""
    one = stands(known())
    assert (one.state.word, one.state.tone, one.state.group) == ("in true", "calm", "in")
    assert one.realised is not None
    assert (one.realised.value, one.realised.interval) == ("0.752", "0.740 to 0.762")
    assert (one.change, one.lost) == ("within noise", 0.0)
    assert (one.rows_a_day, one.labelled) == ("1,000", "90 %")


def test_the_worst_incident_says_the_state() -> None:
    """Broken is worse than degraded, whichever came first; the line below counts both."""
    one = stands(known(live=(incident("degraded"), incident("broken"))))
    assert (one.state.glyph, one.state.word, one.state.tone) == ("■", "broken", "bad")
    assert one.why == "since 25 Dec 2025, 2 incidents"


def test_what_somebody_snoozed_is_told_quietly() -> None:
    """It stays out of true, and loses its colour and its place at the top."""
    asleep, awake = stands(known(live=(incident("broken", "snoozed"),))), stands(known(live=(incident("drifting"),)))
    assert (asleep.state.word, asleep.state.tone, asleep.state.group) == ("broken, snoozed", "calm", "out")
    assert asleep.state.rank > awake.state.rank


def test_too_few_rows_say_why() -> None:
    """The reason stands below the word."""
    one = stands(known(judged=Judged(UNTIL - DAY, {"not_comparable": "12 rows, needs 50"})))
    assert (one.state.word, one.why, one.state.group) == ("can't tell", "12 rows, needs 50", "untold")


def test_a_model_without_events_says_so() -> None:
    """No figures, no picture, no made-up zeros."""
    one = stands(known(realised=(), estimated=(), traffic=(), judged=None, metric=None))
    assert (one.state.word, one.why) == ("not judged yet", "no events of version 1 yet")
    assert (one.realised, one.change, one.rows_a_day, one.labelled, one.trend) == (None, "–", "–", "–", "")


def test_an_older_figure_says_of_when_it_is() -> None:
    """Labels come late: the realised figure is of an earlier window than the estimate."""
    one = stands(known(realised=figures(0.75)[:-9]))
    assert one.realised is not None
    assert one.estimated is not None
    assert (one.realised.when, one.estimated.when) == ("22 Dec", "")


def test_what_is_compared_with_the_reference_is_the_figure_that_is_shown() -> None:
    """An estimate that is a window newer may lie elsewhere: its change beside the realised figure told nonsense."""
    one = stands(known(realised=figures(0.60)[:-1]))
    assert one.realised is not None
    assert (one.realised.value, one.change) == ("0.601", "−14.9 points")
    assert "0.601 (0.590 to 0.612), −14.9 points against the reference" in sentence_of(one)


@pytest.mark.parametrize(
    ("metric", "value", "said", "sign"),
    [("roc_auc", 0.70, "−4.8 points", 1), ("roc_auc", 0.80, "+5.2 points", -1), ("mae", 0.80, "+0.052", 1)],
)
def test_a_change_has_its_sign_and_unit(metric: str, value: float, said: str, sign: int) -> None:
    """Losing is positive for sorting, whichever way the metric goes."""
    one = stands(known(metric=metric, realised=figures(value), estimated=()))
    assert one.change == said
    assert one.lost * sign > 0


def test_labels_are_counted_of_windows_that_are_old_enough() -> None:
    """Labels that can't be there yet don't count against the share."""
    traffic = tuple(Traffic(s, 100, 0 if s >= UNTIL - 2 * DAY else 100) for s in range(SINCE, UNTIL, DAY))
    assert stands(known(traffic=traffic, maturity=2 * DAY)).labelled == "100 %"
    assert stands(known(traffic=traffic)).labelled == "93 %"


def test_the_trend_draws_numbers_only() -> None:
    """Reference dashed, estimate and labels as lines, a dot only where a person is needed."""
    assert str(stands(known()).trend).count("<circle") == 0
    late = (Figure(UNTIL - DAY, 0.75, None, None, 0.75),)
    labelled = figures(0.6)[:-10]
    x, y = re.findall(r"cx='([\d.]+)' cy='([\d.]+)'", str(trend(labelled, late, SINCE, UNTIL, loud=True)))[0]
    assert 80 < float(x) < 90, "on the newest figure that labels gave, not on the estimate after it"
    assert float(y) > 20
    loud = str(stands(known(live=(incident("degraded"),))).trend)
    assert 'class="tr"' in loud
    assert loud.count("<polyline") == 2
    assert "class='tw'" in loud


# --- the overview ---------------------------------------------------------------------------------------------------


def every() -> list[Standing]:
    """Four models: one in true, one degraded, one broken, one without events."""
    return [
        stands(known("calm")),
        stands(known("worse", live=(incident("degraded"),), realised=figures(0.70))),
        stands(known("wrong", live=(incident("broken"),))),
        stands(known("new", traffic=(), realised=(), estimated=(), judged=None)),
    ]


def test_the_sentence_answers() -> None:
    """Out of true first; what can't be told is not called fine."""
    assert overview_view(every(), Asked(), "", "").sentence == "2 of 4 models are out of true, 1 can't be told yet"
    assert overview_view(every()[:1], Asked(), "", "").sentence == "The one model is in true"
    assert overview_view([], Asked(), "", "").sentence == "No model yet"


@pytest.mark.parametrize(
    ("asked", "names"),
    [
        (Asked(), ["wrong", "worse", "calm", "new"]),
        (Asked(sort="name"), ["calm", "new", "worse", "wrong"]),
        (Asked(sort="change"), ["worse", "calm", "new", "wrong"]),
        (Asked(q="W"), ["wrong", "worse", "new"]),
        (Asked(q="wr", state="in"), []),
        (Asked(state="untold"), ["new"]),
    ],
)
def test_rows_are_found_filtered_and_sorted(asked: Asked, names: list[str]) -> None:
    """As the address says."""
    view = overview_view(every(), asked, "", "")
    assert [one.name for one in view.rows] == names
    assert view.found == ("" if len(names) == 4 else f"{len(names)} of 4 models")


def test_a_store_that_nothing_comes_into_says_since_when() -> None:
    """Figures of long ago are not told as of today."""
    assert sub_of(every(), UNTIL, UNTIL) == "3,000 predictions a day, labels for 90 % of those old enough."
    assert sub_of(every(), UNTIL, UNTIL + 9 * DAY).endswith(
        "Nothing newer than 1 January 2026: times are told from there."
    )


def test_what_still_alarms_after_its_incident_was_resolved_says_so() -> None:
    """The feature stays orange; the model is not told as merely drifting beside it."""
    one = stands(known(judged=Judged(UNTIL - DAY, {"unknown": "new values", "drifting": "a notice"}, "unknown")))
    assert (one.state.word, one.state.tone, one.state.group) == ("unknown, resolved", "calm", "out")
    assert one.why == "its incident was resolved; the newest window still shows it"


def test_what_an_incident_made_worse_is_told_first(tmp_path: Path) -> None:
    """Scores at a third of what they were order rows as before (ROC AUC), but are hardly ever above a half."""
    with rt.open(tmp_path / "store") as store:
        live(store, "calm")
        live(store, "loans", squeeze=3.0)
        with store.store.catalog.read() as tx:
            calm, worse = facts(tx.connection, Headlines(), 0)
    assert (calm.metric, calm.live) == ("roc_auc", ())
    assert worse.metric == "accuracy"
    assert "accuracy" in {one.metric for one in worse.live}
    assert worse.realised[-1].value is not None
    assert worse.realised[0].value - worse.realised[-1].value > 0.05
