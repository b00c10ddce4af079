"""The course of an incident's main column: the reference's windows first, then what was logged."""

from __future__ import annotations

from datetime import datetime

import polars as pl
from tests.workspace.conftest import A_DAY, DAYS, day, events, live, registered

import retrue as rt
from retrue.explain.since import Course


def shifted(store: rt.Workspace) -> Course:
    """A column that is another one from day 20 on."""
    model = registered(store)
    live(model, events(DAYS, 20 - DAYS))
    live(model, events(20, 10, shift=3.0))
    model.check(now=day(31))
    found = [incident.explain().course for incident in model.incidents()]
    (course,) = [one for one in found if one is not None and one.column == "x"]
    return course


def test_the_shape_of_the_main_column_is_told(store: rt.Workspace) -> None:
    course = shifted(store)
    assert (course.shape.kind.value, course.shape.since) == ("sudden", day(20).isoformat())


def test_the_references_own_windows_come_first(store: rt.Workspace) -> None:
    """With the days that its rows are of, so that a change in the first days of production has a before."""
    course = shifted(store)
    assert course.reference == DAYS
    assert [datetime.fromisoformat(start) for start, _ in course.spans] == [day(i) for i in range(30)]
    assert {window.rows for window in course.windows} == {A_DAY}


def test_a_reference_without_time_has_no_windows_of_its_own(store: rt.Workspace) -> None:
    model = store.register(
        "flights", events(0, DAYS).with_columns(at=pl.lit(None, pl.Datetime("us", "UTC"))),
        id="id", time="at", label="y", score="p", window="1d",
    )  # fmt: skip
    live(model, events(DAYS, 3, shift=3.0))
    model.check(now=day(18))
    course = model.incidents()[0].explain().course
    assert course is not None
    assert course.reference == 0
    assert course.shape.kind.value == "not_comparable"
