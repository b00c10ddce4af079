"""A manifest builds the same training set again, whatever came since; or it says what changed."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import polars as pl
import pytest
from tests.workspace.conftest import day, events, live, registered
from tests.workspace.train.test_training import LEARNER

import retrue as rt
from retrue.store import rows
from retrue.store.retention import Retention
from retrue.workspace.collect.collecting import Logged


@pytest.fixture
def turned(store: rt.Workspace) -> rt.Model:
    """A model whose labels ripen in two days."""
    model = registered(store, maturity="2d")
    live(model, events(14, 5))
    live(model, events(19, 5, turned=("JFK",)))
    return model


def test_the_same_set_is_built_again_after_corrections_and_compaction(turned: rt.Model, store: rt.Workspace) -> None:
    """Later labels are later segments; merging files changes the order of rows, and nothing else."""
    edge = turned.collect("city = 'JFK'", name="JFK")
    mix = rt.Mix({turned.reference: 0.2, edge: 0.4, turned.logged(since=day(15)): 0.4}, most={"JFK": 200}, seed=3)
    run = turned.retrain(LEARNER, mix=mix, holdout="2d", now=day(24))
    turned.label(events(16, 1).select("id", y=1 - pl.col("y")))
    turned.log(events(24, 2))
    list(store.store.upkeep_of("flights", datetime.now(UTC) + timedelta(days=30), store.store.retention()))
    found = turned.run(run.id).rebuild()
    assert found.changed == ()
    assert found.digest == run.manifest["digest"]
    kept = pl.read_parquet(run.folder / "training.parquet")
    assert found.table.rows() == kept.drop("_weight").rows()
    assert found.weights.tolist() == kept["_weight"].to_list()


def test_what_changed_is_said(turned: rt.Model) -> None:
    """A collection of the same name, taken anew with another budget."""
    edge = turned.collect("city = 'JFK'", name="JFK")
    run = turned.retrain(LEARNER, mix=rt.Mix({turned.reference: 0.5, edge: 0.5}), holdout="2d", now=day(24))
    turned.collect("city = 'JFK'", name="JFK", budget=50)
    found = run.rebuild()
    assert not found.same
    assert len(found.changed) == 1
    assert found.changed[0].startswith("part 'JFK' changed: ")


def test_a_table_of_ones_own_cant_be_read_again(turned: rt.Model) -> None:
    brought = Logged("brought", events(14, 5))
    brought_part = type("Brought", (), {"name": "brought", "frame": brought.frame})()
    run = turned.retrain(LEARNER, mix=rt.Mix([(brought_part, 1.0)]), holdout="2d", now=day(24))
    with pytest.raises(rt.StoreError, match=r"'brought' of the mix can't be read again: it was a table of your own"):
        run.rebuild()


def test_a_manifest_pins_the_days_of_its_rows(turned: rt.Model) -> None:
    """So that vacuum and retention spare them."""
    run = turned.retrain(LEARNER, mix=rt.Mix({turned.logged(since=day(16)): 1.0}), holdout="2d", now=day(24))
    with turned.store.catalog.read() as tx:
        pinned = tx.find(rows.Manifest, model="flights")
    assert [(one.id, one.seq, one.digest) for one in pinned] == [
        (run.id, run.manifest["applied"], run.manifest["digest"])
    ]
    assert (pinned[0].body["since"][:10], pinned[0].body["until"][:10]) == (str(day(16))[:10], str(day(22))[:10])


def test_what_a_manifest_pins_is_spared_by_retention_until_it_is_forgotten(
    turned: rt.Model, store: rt.Workspace
) -> None:
    """Trained, compacted, and vacuumed past its age: the same set bit for bit. An erasure is said."""
    edge = turned.collect("city = 'JFK'", name="JFK")
    mix = rt.Mix({turned.reference: 0.2, edge: 0.4, turned.logged(since=day(16)): 0.4}, seed=3)
    run = turned.retrain(LEARNER, mix=mix, holdout="2d", now=day(24))
    age = Retention.of({"events": "30d"})
    for later in (40, 50, 400):
        list(store.store.upkeep_of("flights", day(24) + timedelta(days=later), age))
    days = turned.events().collect()["at"].dt.date().unique().sort().to_list()
    assert (days[0], days[-1]) == (day(14).date(), day(22).date())
    found, kept = run.rebuild(), pl.read_parquet(run.folder / "training.parquet")
    assert found.changed == ()
    assert found.table.equals(kept.drop("_weight"))
    assert found.weights.tobytes() == kept["_weight"].to_numpy().tobytes()
    turned.forget(turned.events(day(17), day(18)).collect()["id"])
    changed = run.rebuild().changed
    assert [said.partition(":")[0] for said in changed] == ["part 'JFK' changed", "part 'log since 2024-01-17' changed"]
