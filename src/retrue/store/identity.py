"""Whose parts these are: spool, catalog and lake carry one id, and parts of different stores are refused."""

from __future__ import annotations

import json
from pathlib import Path

from retrue.errors import StoreError, StoreVersionError
from retrue.store.durable import sync_file, sync_folder
from retrue.store.lake import FORMAT
from retrue.store.shelf import Shelf


def refuse_orphans(root: Path) -> None:
    """A lake without its catalog must not get a new one: it would begin to count segments from 1 again."""
    if (root / "lake" / "_store.json").exists() and not (root / "catalog.db").exists():
        raise StoreError(
            "the catalog is missing", where=str(root), expected="catalog.db beside the lake",
            hint="restore it from the backup that the lake came from",
        )  # fmt: skip


def check_identity(store: Shelf) -> None:
    """Refuse parts that belong to different stores, or a lake that a newer Retrue wrote."""
    card = store.folder / "lake" / "_store.json"
    if not card.exists():
        if any(store.models()):
            raise StoreError("the lake doesn't say whose it is", where=str(card), hint="restore it from a backup")
        card.write_text(json.dumps({"store": store.id, "format": FORMAT}))
        sync_file(card)
        sync_folder(card.parent)
    try:
        written = json.loads(card.read_text())
    except ValueError as error:
        raise StoreError("the lake's card is damaged", where=str(card), hint="restore it from a backup") from error
    if int(written.get("format", 0)) > FORMAT:
        raise StoreVersionError(
            "the lake was written by a newer version of Retrue", where=str(card), hint="upgrade Retrue"
        )
    for part, owner in (("lake", str(written.get("store"))), ("spool", store.spool.set_meta("store", store.id))):
        if owner != store.id:
            raise StoreError(
                f"the {part} belongs to another store", where=str(store.folder), expected=store.id,
                hint="put the parts of one store together again",
            )  # fmt: skip
