"""Bring a store that an older version wrote up to date. `open` never does: `retrue migrate` asks for it."""

from __future__ import annotations

from pathlib import Path

from retrue.errors import StoreError
from retrue.store.catalog import Catalog, _engine, _translated, migrate
from retrue.store.commit import locked


def upgrade(folder: str | Path) -> Path | None:
    """Migrate a store's catalog to the newest form, after a backup beside it.

    Args:
        folder: the store.

    Returns:
        The backup of the old catalog; None where nothing had to change.

    Raises:
        StoreVersionError: a newer version of Retrue wrote it.
        StoreError: there is no store, or it can't be written.
    """
    root = Path(folder)
    path = root / "catalog.db"
    if not path.exists():
        raise StoreError("no store here", where=str(root), hint="check the path")
    with locked(root / "locks" / "open"), _translated(path):
        catalog = Catalog(_engine(path), path)  # `Catalog.open` refuses what needs a migration
        try:
            return migrate(catalog)
        finally:
            catalog.close()
