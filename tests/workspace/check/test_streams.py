"""Concept drift over single events is told with since when, on labels that can be trusted."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import pytest
from tests.workspace.conftest import DAYS, day, events, live, registered

import retrue as rt
from retrue.errors import MetricError

ALL = ("EWR", "LGA", "JFK")


def turned(store: rt.Workspace, **options: Any) -> rt.Model:
    """From day 18 on the labels are the opposite of what the scores foretell."""
    model = registered(store, **options)
    live(model, events(14, 4))
    live(model, events(18, 4, turned=ALL))
    return model


@pytest.mark.parametrize("detector", ["adwin", "page_hinkley", "hddm"])
def test_a_turned_concept_is_degraded_since_it_turned(store: rt.Workspace, detector: str) -> None:
    (found,) = turned(store).concept_drift(detector)
    assert (found.kind, found.alarm, found.metric) == ("degraded", True, "accuracy")
    assert found.window is not None
    assert abs(datetime.fromisoformat(found.window[0]) - day(18)) < timedelta(hours=3)
    correct = events(18, 4, turned=ALL)
    accuracy = float(((correct["p"] >= 0.5).cast(int) == correct["y"]).mean())  # type: ignore[arg-type]
    assert found.value == pytest.approx(accuracy, abs=0.01)
    assert found.interval is not None
    assert found.interval[0] < accuracy < found.interval[1]
    assert found.reason.startswith("since 2024-01-")


def test_where_nothing_turned_the_model_is_in_true(store: rt.Workspace) -> None:
    model = registered(store)
    live(model, events(14, 4))
    (found,) = model.concept_drift()
    assert (found.kind, found.n) == ("true", 1_200)
    assert found.reason == "accuracy of 1,200 rows: ADWIN finds no event since which it is worse"


def test_early_labels_dont_count(store: rt.Workspace) -> None:
    """Half of the labels of the turned days are known: that says nothing yet, until they have matured."""
    model = registered(store, maturity="10d")
    live(model, events(14, 4))
    late = events(18, 4, turned=ALL)
    model.log(late.drop("y"))
    model.label(late.select("id", "y").gather_every(2))
    assert model.concept_drift(now=day(23))[0].kind == "true"
    assert model.concept_drift(now=day(40))[0].kind == "degraded"


def test_without_labels_it_cant_be_told(store: rt.Workspace) -> None:
    model = registered(store)
    assert model.concept_drift()[0].reason == "0 rows with labels that can be trusted, needs 100"
    model.log(events(14, 1).drop("y"))
    assert model.concept_drift()[0].kind == "not_comparable"
    plain = store.register("plain", events(0, DAYS).select("id", "at", "x"), id="id", time="at")
    assert plain.concept_drift()[0].reason == "the model has no label, or nothing to hold against it"


def test_an_unknown_detector_is_refused(store: rt.Workspace) -> None:
    with pytest.raises(MetricError, match="unknown detector 'ddm'"):
        registered(store).concept_drift("ddm")
