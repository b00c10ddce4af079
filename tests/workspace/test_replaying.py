"""Rows of the quarantine are mended and let in again: each leaves once, and what still doesn't fit comes back."""

from __future__ import annotations

import json
from concurrent.futures import ThreadPoolExecutor

import polars as pl
import pytest
from tests.workspace.conftest import events, registered

import retrue as rt
from retrue.errors import TableError
from retrue.workspace.replaying import Mended, replay


@pytest.fixture
def model(store: rt.Workspace) -> rt.Model:
    """A model with a day of events, three of which were set aside for their x."""
    made, table = registered(store), events(14, 1).drop("y")
    odd = (
        pl.when(pl.col("id").is_in(table["id"][:3].implode())).then(pl.lit("?")).otherwise(pl.col("x").cast(pl.String))
    )
    made.log(table.with_columns(odd.alias("x")))
    return made


def test_a_row_that_was_mended_leaves_the_quarantine(model: rt.Model) -> None:
    aside = model.quarantine()
    mended = {row["number"]: {**json.loads(row["row"]), "x": 0.5} for row in aside[:2].to_dicts()}
    received = model.replay(mended)
    assert (received.accepted, received.quarantined) == (2, 0)
    assert model.quarantine()["number"].to_list() == aside["number"].to_list()[2:]
    assert model.events().filter(pl.col("x") == 0.5).collect().height == 2


def test_a_row_that_still_does_not_fit_comes_back_as_another(model: rt.Model) -> None:
    before = set(model.quarantine()["number"])
    received = model.replay()
    assert (received.accepted, received.quarantined) == (0, 3)
    after = set(model.quarantine()["number"])
    assert (len(after), before & after) == (3, set())


def test_a_row_that_differs_can_be_given_another_id(model: rt.Model) -> None:
    """What was set aside by the commit cycle is replayed like what was set aside at the door."""
    model.log(events(14, 1).drop("y")[10:11].with_columns(x=pl.lit(9.0)))
    (row,) = model.quarantine().filter(pl.col("reason").str.starts_with("differs")).to_dicts()
    assert model.replay({row["number"]: None}).quarantined == 1
    (row,) = model.quarantine().filter(pl.col("reason").str.starts_with("differs")).to_dicts()
    assert model.replay({row["number"]: {**json.loads(row["row"]), "id": "new"}}).accepted == 1
    assert model.events().filter(pl.col("id") == "new").collect()["x"].to_list() == [9.0]


def test_who_lets_in_again_what_is_on_its_way_is_told_so(model: rt.Model) -> None:
    """Until a commit cycle has moved it, it is still listed."""
    number = str(model.quarantine()["number"][0])
    row = {"id": "once", "at": "2024-01-15T00:00:00Z", "x": 1.0, "city": "JFK", "p": 0.5}
    first, second = (replay(model, [Mended(number, row)]) for _ in range(2))
    assert (first.accepted, first.counts) == (1, {})
    assert (second.accepted, second.counts) == (0, {"rows that were let in again already": 1})


def test_a_row_leaves_once_whoever_lets_it_in(model: rt.Model) -> None:
    (number, *_) = model.quarantine()["number"]
    row = {"id": "once", "at": "2024-01-15T00:00:00Z", "x": 1.0, "city": "JFK", "p": 0.5}

    def let_in(n: int) -> int:
        return replay(model, [Mended(number, {**row, "id": f"once-{n}"})]).accepted

    with ThreadPoolExecutor(4) as pool:
        assert sum(pool.map(let_in, range(4))) == 1
    assert model.events().filter(pl.col("id").str.starts_with("once")).collect().height == 1
    with pytest.raises(TableError, match="no rows"):
        model.replay({number: None})


def test_an_unknown_number_is_told(model: rt.Model) -> None:
    with pytest.raises(TableError, match="no rows '7' in the quarantine of 'flights'"):
        model.replay({"7": None})


def test_counters_tell_of_rows_and_not_of_marks(model: rt.Model) -> None:
    before = model.store.counters("flights")["set aside"]
    row = model.quarantine().to_dicts()[0]
    model.replay({row["number"]: {**json.loads(row["row"]), "x": 0.5}})
    assert model.store.counters("flights")["set aside"] == before


def test_private_values_stay_hashed_and_no_raw_one_comes_in(store: rt.Workspace) -> None:
    """Rows of the quarantine hold hashes: they aren't hashed again, and what somebody writes there isn't taken."""
    table = events(14, 1).drop("y")
    model = registered(store, privacy={"id": "hash"})
    model.log(table)
    known = model.events().collect()["id"].to_list()
    model.log(table[:2].with_columns(x=pl.lit("?")))
    aside = model.quarantine().to_dicts()
    model.replay({row["number"]: {**json.loads(row["row"]), "id": "Ann", "x": 7.0} for row in aside})
    again = model.quarantine()
    assert set(again["reason"]) == {"differs from the event that was logged first"}
    assert set(again["id"]) <= set(known)


def test_a_crash_leaves_no_replay_that_the_audit_log_does_not_know(
    store: rt.Workspace, model: rt.Model, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The entry is there before the first row is let in."""
    import retrue.workspace.replaying as module

    def crash(*_: object, **__: object) -> None:
        assert store.audit("flights", most=1)[0].action == "replayed"
        raise KeyboardInterrupt

    monkeypatch.setattr(module, "let_in", crash)
    with pytest.raises(KeyboardInterrupt):
        model.replay()
    assert store.audit("flights", most=1)[0].body == {"rows": 3}


def test_all_rows_are_let_in_in_order_a_part_at_a_time(model: rt.Model, monkeypatch: pytest.MonkeyPatch) -> None:
    """Those that come back meanwhile aren't let in twice."""
    monkeypatch.setattr("retrue.workspace.replaying.MOST", 2)
    before = model.quarantine()["id"].to_list()
    received = model.replay()
    assert (received.quarantined, model.quarantine()["id"].to_list()) == (3, before)
