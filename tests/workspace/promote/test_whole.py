"""A promotion is whole: all in one transaction, at one time, on the proof that was seen; and so is the way back."""

from __future__ import annotations

from typing import Any

import pytest
from tests.workspace.conftest import Begin, day, events, live
from tests.workspace.promote.test_promotion import EVERYWHERE, dies, learned_anew, ready

import retrue as rt
from retrue.store.rows import NamedSlice, Version
from retrue.workspace.check.incidents import reopen_incidents
from retrue.workspace.notes import find_markers
from retrue.workspace.promote import promotion, registry
from retrue.workspace.promote.lineage import lineages


def test_a_kill_after_a_promotion_or_a_way_back_leaves_no_incident_behind(
    begin: Begin, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What is live of the version that predicts no more ends in the transaction itself; what ended by it is back."""
    model = begin(ready).model("flights")
    (before,) = model.incidents(live=True)
    steps: tuple[tuple[str, Any], ...] = (("follow", model.run("latest").promote), ("mark", model.rollback))
    for where, step in steps:
        with monkeypatch.context() as patched:
            patched.setattr(registry, where, dies)
            with pytest.raises(OSError, match="power cut"):
                step()
        assert (model.version, list(model.incidents(live=True))) == ("2", [])
    with monkeypatch.context() as patched:
        patched.setattr(promotion, "regroup", dies)
        with pytest.raises(OSError, match="power cut"):
            model.rollback()
    assert (model.version, [one.id for one in model.incidents(live=True)]) == ("1", [before.id])


def test_incidents_of_a_replaced_version_that_a_check_left_live_end_at_the_next(begin: Begin) -> None:
    """It judged the old version while the new one was promoted."""
    model, _ = learned_anew(begin)
    with model.store.catalog.write() as tx:
        reopen_incidents(tx, model, "1")
    (old,) = model.incidents(live=True)
    model.check(now=day(25))
    assert not model.incident(old.id).live


def test_a_replay_s_promotion_has_the_replay_s_time_alone(begin: Begin) -> None:
    """On the axis and in the lineage; versions stay in the order in which they were made."""
    model, run = learned_anew(begin)
    (turn,) = (one for one in lineages(model) if one.id == run.id)
    marked = [one.at for one in find_markers(model.store.catalog, model.name) if one.text == "version 2 promoted"]
    assert marked == [turn.promoted]
    assert [row.version for row in model.versions()] == ["1", "2"]


def test_a_promotion_stands_on_its_proof_while_that_holds(begin: Begin) -> None:
    """Timing may come out otherwise the next time. New slices or golden sets ask anew; what is logged since doesn't."""
    model = begin(ready).model("flights")
    run = model.run("latest")
    assert run.holding is None
    run.prove()
    first = run.holding
    assert first == run.kept["proof"]
    with model.store.catalog.write() as tx:
        tx.put(NamedSlice("flights", "far", "x > 1"))
    assert run.holding is None
    model.golden("chosen", events(60, 1, turned=EVERYWHERE))
    run.prove()
    second = run.holding
    live(model, events(24, 1, turned=EVERYWHERE))
    assert run.promote() == "2"
    assert run.kept["proof"] == second != first


def test_a_refusal_stands_while_its_proof_holds(begin: Begin) -> None:
    model = begin(ready).model("flights")
    model.golden("turned back", events(60, 1))
    model.run("latest").prove()
    with pytest.raises(rt.RefusedError, match="prove it again to look anew"):
        model.run("latest").promote()


def test_a_way_back_to_a_version_that_is_gone_is_refused(begin: Begin) -> None:
    """It stays as it was: a model without a champion would be checked as version 1, whatever that is."""
    model, _ = learned_anew(begin)
    with model.store.catalog.write() as tx:
        tx.remove(Version, model="flights", version="1")
    with pytest.raises(rt.RefusedError, match="version 1 of 'flights' is gone"):
        model.rollback()
    assert [(row.version, row.stage) for row in model.versions()] == [("2", "champion")]
