"""Whose parts these are: spool, catalog and lake carry one id, and parts of different stores are refused."""

from __future__ import annotations

import json
import logging
from contextlib import suppress
from pathlib import Path

from retrue.errors import StoreError, StoreVersionError
from retrue.store.durable import sync_file, sync_folder
from retrue.store.files import AnyPath, AwayError, Remote
from retrue.store.lake import FORMAT
from retrue.store.place import Place
from retrue.store.shelf import Shelf

logger = logging.getLogger("retrue.store")


def refuse_orphans(root: AnyPath, place: Place) -> None:
    """A lake without its catalog must not get a new one: it would begin to count segments from 1 again."""
    if isinstance(place, Path) and not place.exists() and (root / "lake" / "_store.json").exists():
        raise StoreError(
            "the catalog is missing", where=str(root), expected=str(place),
            hint="say where it is with catalog=..., or restore it from the backup that the lake came from",
        )  # fmt: skip


def check_identity(store: Shelf) -> None:
    """Refuse parts that belong to different stores, or a lake that a newer Retrue wrote.

    An object store that doesn't answer is believed to be what it was: rows are acknowledged without it.
    """
    try:
        _check_lake(store)
    except AwayError as error:
        if not any(store.models()):
            raise
        logger.warning("the lake isn't there, and is taken to be the store's own: %s", error)
    _check("spool", store.spool.set_meta("store", store.id), store)


def _check_lake(store: Shelf) -> None:
    card = store.root / "lake" / "_store.json"
    if not card.exists():
        if any(store.models()):
            raise StoreError("the lake doesn't say whose it is", where=str(card), hint="restore it from a backup")
        _write(card, json.dumps({"store": store.id, "format": FORMAT}))
    try:
        written = json.loads(card.read_text())
    except ValueError as error:
        raise StoreError("the lake's card is damaged", where=str(card), hint="restore it from a backup") from error
    if int(written.get("format", 0)) > FORMAT:
        raise StoreVersionError(
            "the lake was written by a newer version of Retrue", where=str(card), hint="upgrade Retrue"
        )
    _check("lake", str(written.get("store")), store)


def _check(part: str, owner: str, store: Shelf) -> None:
    if owner != store.id:
        raise StoreError(
            f"the {part} belongs to another store", where=str(store.root), expected=store.id,
            hint="put the parts of one store together again",
        )  # fmt: skip


def _write(card: AnyPath, text: str) -> None:
    """Write the card; of two who begin a lake at once the first one does."""
    if isinstance(card, Remote):
        with suppress(FileExistsError):
            card.create(text.encode())
        return
    card.write_text(text)
    sync_file(card)
    sync_folder(card.parent)
