"""Registered slices are judged by the learned budget, through a store."""

from __future__ import annotations

import polars as pl
from tests.workspace.conftest import DAYS, day, events, live, registered

import retrue as rt
from retrue.store import rows

JFK = "city = 'JFK'"


def test_one_city_goes_bad_and_the_incident_names_it(store: rt.Workspace) -> None:
    """A fifth of x's values moves in one city; over all cities that is a notice at most."""
    model = registered(store)
    odd = events(DAYS + 2, 1).with_columns(x=pl.when(pl.col("city") == "EWR").then(pl.col("x") + 2.5).otherwise("x"))
    live(model, events(DAYS, 2))
    live(model, odd)
    found = [v for v in model.check(now=day(DAYS + 3.9)) if v.alarm]
    assert {v.slice for v in found if v.slice} == {"city = 'EWR'"}
    assert {v.window for v in found} == {(day(DAYS + 2).isoformat(), day(DAYS + 3).isoformat())}
    (incident,) = model.incidents()
    assert "city = 'EWR'" in {verdict.slice for verdict in incident.verdicts}


def test_calm_slices_leave_no_verdicts_and_no_points(store: rt.Workspace) -> None:
    model = registered(store)
    live(model, events(DAYS, 1))
    assert {v.slice for v in model.check(now=day(DAYS + 2)) if not v.kind.alarms} == {None}
    with store.store.catalog.read() as tx:
        assert {point.slice for point in tx.find(rows.Point, model="flights")} == {""}


def test_a_reference_knows_its_slices_and_how_they_wander(store: rt.Workspace) -> None:
    learned = registered(store).reference.load()
    assert list(learned.slices) == [JFK, "city = 'LGA'", "city = 'EWR'"]
    part = learned.slices[JFK]
    assert len(part.windows) == DAYS
    assert part.grids.digest == learned.grids.coarse.digest
    assert sum(window.rows for window in part.windows) == part.profile.rows


def test_at_most_twenty_slices_are_judged(store: rt.Workspace) -> None:
    many = events(0, DAYS).with_columns(
        a=pl.int_range(pl.len()).mod(15).cast(pl.String), b=pl.int_range(pl.len()).mod(14).cast(pl.String)
    )
    model = store.register("many", many, id="id", time="at", label="y", score="p", slices=["a", "b"], window="1d")
    assert len(model.reference.load().slices) == 20


def test_too_few_windows_teach_nothing_of_a_slice(store: rt.Workspace) -> None:
    """Eleven days don't show how a city wanders, so cities are not judged by themselves."""
    model = store.register(
        "short", events(0, 11), id="id", time="at", label="y", score="p", slices=["city"], window="1d"
    )
    assert model.reference.load().slices == {}
