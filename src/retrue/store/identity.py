"""Whose parts these are: spool, catalog and lake carry one id, and parts of different stores are refused.

    lake/_store.json    {"store": "9f..", "format": 1, "was": ["3c.."]}

A lake has one catalog. A backup that is restored to a lake takes it over under a new id; the ids before it are refused.
"""

from __future__ import annotations

import json
import logging
from contextlib import suppress
from pathlib import Path

from retrue.errors import StoreAwayError, StoreError, StoreRefusedError, StoreVersionError
from retrue.store.durable import sync_file, sync_folder
from retrue.store.failure import FROM_BACKUP
from retrue.store.files import AnyPath, Remote
from retrue.store.lake import FORMAT
from retrue.store.place import Place
from retrue.store.shelf import Shelf
from retrue.version import VERSION

logger = logging.getLogger("retrue.store")


def card_of(root: AnyPath) -> AnyPath:
    """What says whose lake it is."""
    return root / "lake" / "_store.json"


def refuse_orphans(root: AnyPath, place: Place) -> None:
    """A lake without its catalog must not get a new one: it would begin to count segments from 1 again."""
    if not isinstance(place, Path) or (place.exists() and place.stat().st_size) or not card_of(root).exists():
        return
    raise StoreError(
        "the catalog is empty" if place.exists() else "the catalog is missing", where=str(place),
        expected="that of the lake beside it",
        hint="restore it from a backup (retrue restore --help), or say where it is: [store] catalog of retrue.toml",
    )  # fmt: skip


def check_identity(store: Shelf) -> None:
    """Refuse parts that belong to different stores, or a lake that a newer Retrue wrote.

    An object store that doesn't answer, or refuses, is believed to be what it was: rows are acknowledged without it.
    """
    try:
        _check_lake(store)
    except (StoreAwayError, StoreRefusedError) as error:
        if not any(store.models()):
            raise
        logger.warning("the lake isn't there, and is taken to be the store's own: %s", error)
    _check("spool", store.spool.set_meta("store", store.id), store)


def _check_lake(store: Shelf) -> None:
    card = card_of(store.root)
    if not card.exists():
        if any(store.models()):
            gone = isinstance(card, Path) and not card.parent.exists()
            what = "the lake is gone" if gone else "the lake doesn't say whose it is: its card is gone"
            hint = f"is its disk mounted? Otherwise restore it {FROM_BACKUP}"
            raise StoreError(what, where=str(card.parent if gone else card), hint=hint)
        if store.catalog.read_only:
            return
        _write(card, json.dumps({"store": store.id, "format": FORMAT}))
    confirm_lake(store)


def confirm_lake(store: Shelf) -> None:
    """Refuse to go on with a lake that isn't the store's own, or became another catalog's.

    Raises:
        StoreError: it is another's, or a backup that was restored has taken it over.
    """
    card = card_of(store.root)
    owner, *earlier = owners_of(card)
    if store.id not in earlier:
        _check("lake", owner, store)
    elif not store.catalog.read_only:
        raise StoreError(
            "another catalog has taken the lake over: a backup was restored to it", where=str(store.root),
            hint=f"use that one; this one ({store.catalog.where}) is refused since",
        )  # fmt: skip


def owners_of(card: AnyPath) -> tuple[str, ...]:
    """The ids of the stores that a lake is and was of, by its card, the newest first.

    Raises:
        StoreError: the card is gone, or damaged.
        StoreVersionError: a newer Retrue wrote it.
    """
    try:
        written = json.loads(card.read_text())
        owners = (str(written.get("store")), *map(str, written.get("was", ())))
    except FileNotFoundError as error:
        raise StoreError("no lake here", where=str(card), hint="check the address") from error
    except (ValueError, AttributeError, TypeError) as error:
        raise StoreError("the lake's card is damaged", where=str(card), hint=f"restore it {FROM_BACKUP}") from error
    if int(written.get("format", 0)) > FORMAT:
        raise StoreVersionError(
            "the lake was written by a newer version of Retrue",
            where=str(card),
            hint=f"upgrade Retrue: this is {VERSION}",
        )
    return owners


def refuse_foreign(root: AnyPath, store: str) -> tuple[str, ...]:
    """Refuse a lake that never was a store's, by the store's id; gives whose it is and was."""
    owners = owners_of(card_of(root))
    if store not in owners:
        raise StoreError(
            "the lake belongs to another store",
            where=str(root),
            hint="name the backup's own, or a copy of it",
        )
    return owners


def take_over(root: AnyPath, store: str, new: str) -> None:
    """Make a store's lake that of another catalog, by its new id: whoever had it before is refused from now on."""
    owners = refuse_foreign(root, store)
    card, text = card_of(root), json.dumps({"store": new, "format": FORMAT, "was": owners})
    if isinstance(card, Remote):
        card.write_text(text)
        return
    partial = card.with_name(f".{card.name}.partial")
    partial.write_text(text)
    sync_file(partial)
    partial.replace(card)
    sync_folder(card.parent)


def _check(part: str, owner: str, store: Shelf) -> None:
    if owner != store.id:
        raise StoreError(
            f"the {part} belongs to another store", where=str(store.root), expected=store.id,
            hint="put the parts of one store together again; was its catalog lost, see: retrue restore --help",
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
