"""`retrue migrate`: bring a store that an older Retrue wrote to this one's form, after a backup; or back.

Opening never does this by itself: two servers may share a store, and the older one must not find it changed under it.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from retrue.errors import StoreError
from retrue.store.bodies import mend_bodies
from retrue.store.catalog import HEAD, Catalog, migrate
from retrue.store.place import is_store, place_of


@dataclass(frozen=True)
class Upgraded:
    """What became of a store.

    Attributes:
        backup: the catalog as it was, beside it; None where nothing was migrated, and for PostgreSQL.
        mended: bodies that PostgreSQL couldn't read, and can now.
    """

    backup: Path | None = None
    mended: int = 0


def upgrade(folder: str | Path, *, catalog: str | None = None, to: str = HEAD) -> Upgraded:
    """Migrate a store's catalog, and mend what an older Retrue wrote that PostgreSQL can't read.

    Args:
        folder: the store.
        catalog: where its catalog is, where the folder doesn't say.
        to: the migration to be at, the newest unless said; what an older one has no place for is dropped.

    Raises:
        StoreError: there is no store.
        StoreVersionError: it was written by a newer Retrue.
        ConfigError: there is no such migration.
    """
    root = Path(folder)
    if not is_store(root, catalog):
        raise StoreError("no store here", where=str(root), hint="check the path")
    found = Catalog.at(place_of(root, catalog))
    try:
        with found.translated(), found.locks.hold("open"):
            backup = migrate(found, to)
            return Upgraded(backup, mend_bodies(found) if to == HEAD else 0)
    finally:
        found.close()
