"""Runs that nobody needs any more: what they were trained on goes by age; what they showed stays.

    older than `[retention] runs`:
        became no version      its folder (rows, model, log) and its manifest go; the catalog says when
        a version, retired     its manifest goes, so that the lake may drop those days; its folder is the version's

The champion's run stays whole, as do those of the version that a rollback leads to, and of a version that is tried.
"""

from __future__ import annotations

import shutil
from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import datetime, timedelta

from retrue.store import rows
from retrue.store.files import found
from retrue.store.upkeep import Done
from retrue.workspace import clock
from retrue.workspace.decide.trials import trials
from retrue.workspace.stored import StoredModel
from retrue.workspace.train.standing import folder_of, free, standing

ENDED = ("trained", "proven", "refused", "failed")
"""Statuses of runs that became no version, and that nobody works on."""


def drop_runs(model: StoredModel, now: datetime, age: timedelta | None, *, dry: bool = False) -> Iterator[Done]:
    """Let go of what old runs were trained on; says what it did as it goes.

    Args:
        model: whose.
        now: the time (UTC).
        age: how long a run is kept after its last change; None: for ever.
        dry: say what is due, and do nothing.
    """
    runs = standing(model)
    if not runs:  # most of a thousand models have none
        return
    with model.store.catalog.read() as tx:
        pinned = {row.id for row in tx.find(rows.Manifest, model=model.name)}
    needed = in_use(model, runs)
    for run in runs:
        if "gone" in run.body:
            if not dry:
                delete(model, run.id, everywhere=run.id in pinned)
        elif age is None or run.id in needed or clock.moment(run.updated) >= now - age:
            continue
        elif run.status in ENDED and free(folder_of(model, run.id)):
            yield Done(model.name, "dropped", f"run {run.id}: what it was trained on, its model and its log")
            if not dry:
                with model.store.catalog.write() as tx:
                    tx.put(replace(run, body={**run.body, "gone": now.isoformat()}))
                delete(model, run.id, everywhere=True)
        elif run.status == "promoted" and run.id in pinned:
            yield Done(model.name, "dropped", f"the manifest of run {run.id}: the lake may drop its days")
            if not dry:
                unpin(model, run.id)


def in_use(model: StoredModel, runs: Sequence[rows.RunRow]) -> set[str]:
    """The runs of the champion, of the version before it, and of versions that are tried."""
    versions = {one.version: one for one in model.versions()}
    champion = versions.get(model.version)
    before = None if champion is None else versions.get(str(champion.body.get("before")))
    kept = {str(one.body.get("run")) for one in (champion, before) if one is not None}
    tried = {str(one.body["challenger"]) for one in trials(model) if one.waits}
    return kept | {row.id for row in runs if str(row.body.get("tried")) in tried}


def delete(model: StoredModel, id: str, *, everywhere: bool) -> None:
    """Delete a run's files here, or everywhere: its manifest goes last, so that what is cut off is done again."""
    shutil.rmtree(folder_of(model, id), ignore_errors=True)
    if not everywhere:
        return
    if model.store.url is not None:
        for path in found(model.store.url / "runs" / model.name / id, "**/*"):
            path.unlink(missing_ok=True)
    unpin(model, id)


def unpin(model: StoredModel, id: str) -> None:
    """Let the lake drop the days that a run's manifest names."""
    with model.store.catalog.write() as tx:
        tx.remove(rows.Manifest, id=id)
