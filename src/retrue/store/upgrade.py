"""`retrue migrate`: bring a store that an older Retrue wrote to this one's form, after a backup.

Opening never does this by itself: two servers may share a store, and the older one must not find it changed under it.
"""

from __future__ import annotations

from pathlib import Path

from retrue.errors import StoreError
from retrue.store.catalog import Catalog, _translated, migrate
from retrue.store.commit import locked


def upgrade(folder: str | Path) -> Path | None:
    """Migrate a store's catalog; gives the backup that was made beside it, None where nothing was to be done.

    Raises:
        StoreError: there is no store.
        StoreVersionError: it was written by a newer Retrue.
    """
    root = Path(folder)
    if not (root / "catalog.db").exists():
        raise StoreError("no store here", where=str(root), hint="check the path")
    with locked(root / "locks" / "open"), _translated(root / "catalog.db"):
        catalog = Catalog.at(root / "catalog.db")
        try:
            return migrate(catalog)
        finally:
            catalog.close()
