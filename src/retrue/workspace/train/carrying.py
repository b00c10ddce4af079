"""Runs of a store at a URL: trained in a folder of this machine, and carried to the object store as they end.

lay out ──> home/runs/MODEL/ID ──fit──> home/runs/MODEL/ID ──send──> URL/runs/MODEL/ID ──fetch──> another machine

In a store that is a folder a run's files are where they belong from the beginning.
"""

from __future__ import annotations

import secrets
import shutil
from pathlib import Path

from retrue.store.files import Remote, below, found
from retrue.workspace.stored import StoredModel
from retrue.workspace.train.standing import folder_of

LOCK = "lock"
"""The file that whoever trains holds; it stays where it is."""


def send(model: StoredModel, id: str) -> None:
    """Carry a run's files to the object store, each whole, and take away there what is gone here.

    Raises:
        StoreAwayError: the object store doesn't answer.
    """
    place = _place(model, id)
    if place is None:
        return
    folder = folder_of(model, id)
    here = {below(path, folder): path for path in sorted(folder.rglob("*")) if path.is_file() and path.name != LOCK}
    for name, path in here.items():
        (place / name).write_bytes(path.read_bytes())
    for old in found(place, "**/*"):
        if below(old, place) not in here:
            old.unlink(missing_ok=True)


def fetch(model: StoredModel, id: str) -> Path:
    """A run's folder on this machine; from the object store where another machine trained it.

    Raises:
        StoreAwayError: the object store doesn't answer.
    """
    folder, place = folder_of(model, id), _place(model, id)
    if place is None or folder.is_dir():
        return folder
    there = found(place, "**/*")
    if not there:
        return folder
    partial = folder.with_name(f".{id}.{secrets.token_hex(4)}")
    for one in there:
        path = partial / below(one, place)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(one.read_bytes())
    try:
        partial.rename(folder)
    except OSError:  # somebody else has fetched it meanwhile
        shutil.rmtree(partial)
    return folder


def _place(model: StoredModel, id: str) -> Remote | None:
    url = model.store.url
    return None if url is None else url / "runs" / model.name / id
