"""What old runs were trained on goes by age; what is served, tried, or may be rolled back to stays."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest
from tests.workspace.conftest import Begin, day, live
from tests.workspace.promote.test_promotion import LEARNER
from tests.workspace.promote.test_tried import challenged, turned

import retrue as rt
from retrue.config import Config
from retrue.jobs.upkeep import upkeep
from retrue.store import rows
from retrue.workspace import clock

MONTHS = timedelta(days=400)


def after(workspace: rt.Workspace, late: timedelta, *, dry: bool = False) -> list[str]:
    """What upkeep so much later does about runs; where nobody said otherwise, they are kept for a year."""
    done = upkeep(workspace, clock.now() + late, dry=dry, config=Config(retention={"jobs": "never", "logs": "never"}))
    return [str(one) for one in done if "run " in one.what]


def pinned(workspace: rt.Workspace) -> set[str]:
    """The runs whose manifests keep days of the lake."""
    with workspace.store.catalog.read() as tx:
        return {row.id for row in tx.find(rows.Manifest)}


def test_an_old_run_that_became_no_version_is_let_go(begin: Begin) -> None:
    workspace = begin(challenged)
    model = workspace.model("flights")
    run = model.run("latest")
    run.prove()
    assert after(workspace, timedelta(days=300)) == []
    said = [f"flights: dropped run {run.id}: what it was trained on, its model and its log"]
    assert after(workspace, MONTHS, dry=True) == said
    assert run.artefact.exists()
    assert after(workspace, MONTHS) == said
    assert not run.folder.exists()
    assert pinned(workspace) == set()
    assert after(workspace, MONTHS) == []
    kept = model.run(run.id)
    assert kept.body["proof"]["contests"], "what it showed stays"
    reason = f"what run {run.id} was trained on, and its model, went by age on "
    for asked in (kept.prove, kept.promote):
        with pytest.raises(rt.RefusedError, match=reason):
            asked()


def test_what_is_served_tried_or_may_come_back_stays(begin: Begin) -> None:
    """Versions 2 and 3 came of runs: 3 is the champion, 2 may be rolled back to, and another run is tried."""
    workspace = begin(challenged)
    model = workspace.model("flights")
    first = model.run("latest")
    first.promote(override="anna", note="to have two", now=day(24))
    live(model, turned(24, 6))
    mix = rt.Mix({model.logged(): 1.0})
    second, third = (model.retrain(LEARNER, mix=mix, holdout="2d", seed=seed, now=day(31)) for seed in (1, 2))
    second.promote(override="anna", note="to have three", now=day(31))
    model.trial("9", run=third.id, now=day(31))
    assert after(workspace, MONTHS) == []
    assert pinned(workspace) == {first.id, second.id, third.id}
    model.trials()[0].stop(now=day(32))
    model.trials()[0].update(day(60))
    assert after(workspace, MONTHS) == [
        f"flights: dropped run {third.id}: what it was trained on, its model and its log"
    ]
    assert pinned(workspace) == {first.id, second.id}


def test_a_deletion_that_was_cut_off_is_done_again(begin: Begin, monkeypatch: pytest.MonkeyPatch) -> None:
    """Killed after the catalog was told, and before the files went."""
    workspace = begin(challenged)
    run = workspace.model("flights").run("latest")
    with monkeypatch.context() as cut:
        cut.setattr("retrue.workspace.train.aging.shutil.rmtree", broken)
        with pytest.raises(KeyboardInterrupt):
            after(workspace, MONTHS)
    assert run.artefact.exists()
    after(workspace, MONTHS)
    assert not Path(run.folder).exists()
    assert pinned(workspace) == set()


def broken(*_: object, **__: object) -> None:
    """What cuts it off."""
    raise KeyboardInterrupt
