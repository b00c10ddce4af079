"""A store that is only looked at, and what is left of one where it can't be opened."""

from __future__ import annotations

from typing import TYPE_CHECKING

from retrue.cli import shared

if TYPE_CHECKING:
    from retrue.workspace import Workspace


def look_at_store(given: str | None) -> Workspace:
    """Open the store only to look at it: nothing of it is made, mended or written.

    Raises:
        StoreError: there is none, or a part of it is gone or can't be read.
        ConfigError: an unknown engine.
    """
    from retrue.store.store import Store
    from retrue.workspace import Workspace

    folder, catalog = shared.store_named(given), shared.store_catalog()
    refuse_none(folder, catalog)
    return shared.closed_after(Workspace(Store.to_read(folder, catalog=catalog), shared.store_engine()))


def refuse_none(folder: str, catalog: str | None) -> None:
    """Refuse to open a store where there is none, or only what is left of one.

    Raises:
        StoreError: there is none, or its catalog is gone.
    """
    from retrue.errors import StoreError
    from retrue.store.home import Home
    from retrue.store.identity import refuse_orphans
    from retrue.store.place import is_store, place_of

    if is_store(folder, catalog):
        return
    home = Home.of(folder, catalog)
    if home.url is None:  # no object store is asked
        refuse_orphans(home.root, place_of(home.folder, catalog))
    hint = "say where it is with --store, or begin one with `retrue register`"
    raise StoreError("no store here", where=folder, hint=hint)
