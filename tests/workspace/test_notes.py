"""Markers and comments: kept with who made them, found by time and model, checked at the door."""

from __future__ import annotations

from datetime import timedelta

import pytest
from tests.workspace.conftest import DAYS, day, events, live, registered

import retrue as rt
from retrue.workspace.acting import acting


def texts(store: rt.Workspace, **asked: object) -> list[str]:
    """What is marked."""
    return [marker.text for marker in store.markers(**asked)]  # type: ignore[arg-type]


def test_markers_are_of_one_model_or_of_all_and_found_by_time(store: rt.Workspace) -> None:
    registered(store)
    with acting("anna"):
        store.add_marker("new pipeline", model="flights", kind="deployment", at=day(3))
    store.add_marker("holidays", kind="holiday", at=day(1), until=day(5))
    assert texts(store) == texts(store, model="flights") == ["holidays", "new pipeline"]
    assert texts(store, model="loans") == ["holidays"]
    assert texts(store, since=day(4)) == ["holidays"]  # it lasts
    assert texts(store, until=day(3)) == ["holidays"]
    assert texts(store, since=day(6)) == []
    (own,) = [marker for marker in store.markers() if marker.model]
    assert (own.kind, own.actor, own.until) == ("deployment", "anna", None)
    assert own.number is not None
    store.remove_marker(own.number)
    assert texts(store) == ["holidays"]


@pytest.mark.parametrize(
    ("text", "asked", "said"),
    [
        ("x", {"kind": "holyday"}, "did you mean 'holiday'"),
        (" ", {}, "a note of 1 characters"),
        ("x" * 4001, {}, "4,001 characters"),
        ("x", {"at": day(2), "until": day(1)}, "ends before it begins"),
        ("x", {"model": "loans"}, "loans"),
    ],
)
def test_what_makes_no_sense_is_refused(store: rt.Workspace, text: str, asked: dict[str, object], said: str) -> None:
    with pytest.raises(rt.RetrueError, match=said):
        store.add_marker(text, **asked)  # type: ignore[arg-type]
    with pytest.raises(rt.StoreError, match="no marker 7"):
        store.remove_marker(7)


def test_people_comment_on_incidents(store: rt.Workspace) -> None:
    model = registered(store)
    live(model, events(DAYS, 3, shift=3.0))
    model.check(day(DAYS + 3) + timedelta(hours=12))
    incident = model.incidents()[0]
    with acting("anna"):
        incident.comment("a new sensor <b>since</b> Monday")
    incident.comment(" it is back ")
    said = [(comment.actor, comment.text) for comment in model.incident(incident.id).comments()]
    assert said == [("anna", "a new sensor <b>since</b> Monday"), ("user", "it is back")]
    with pytest.raises(rt.ConfigError, match="a note of"):
        incident.comment("\n")
