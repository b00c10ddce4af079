"""Runs as they stand: one that is said to be trained, by a process that is gone, has failed, and can be resumed."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from retrue.store import rows
from retrue.store.locks import try_locked
from retrue.workspace.stored import StoredModel

if TYPE_CHECKING:
    from pathlib import Path


CUT_OFF = "it was cut off: the process that trained it is gone. run.resume() trains it again, on the same rows"


def standing(model: StoredModel) -> list[rows.RunRow]:
    """The model's runs as they stand now, latest first."""
    with model.store.catalog.read() as tx:
        found = sorted(tx.find(rows.RunRow, model=model.name), key=lambda row: -row.created)
    return [as_it_stands(model, row) if row.status == "training" and "job" not in row.body else row for row in found]


def as_it_stands(model: StoredModel, row: rows.RunRow) -> rows.RunRow:
    """A run that is said to be trained, or what it ended as; a service goes on with those of its own by itself."""
    if not free(folder_of(model, row.id)):
        return row
    with model.store.catalog.read() as tx:
        now = tx.get(rows.RunRow, id=row.id) or row
    return replace(now, status="failed", body={**now.body, "error": CUT_OFF}) if now.status == "training" else now


def folder_of(model: StoredModel, id: str) -> Path:
    """Where a run's artefact and its holdout are, on this machine."""
    return model.store.folder / "runs" / model.name / id


def free(folder: Path) -> bool:
    """Whether nobody trains in a folder; what trains holds its lock."""
    try:
        with try_locked(folder / "lock") as mine:
            return mine
    except FileNotFoundError:
        return True
    except OSError:  # a store that can only be read: who trains there isn't known
        return False
