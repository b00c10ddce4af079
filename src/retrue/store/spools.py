"""The spool that goes with a catalog: a file beside its file, or tables beside its tables."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from retrue.store.database import SqliteFile
from retrue.store.place import Place, spool_gone, spool_of
from retrue.store.readonly import address
from retrue.store.spool import Spool


def spool_at(place: Place, fault: Callable[[str], None] = lambda _: None) -> Spool:
    """The spool that goes with a catalog, made where there is none."""
    if isinstance(place, Path):
        return Spool.open(spool_of(place), fault)
    from retrue.store.postgres import PostgresSpool

    return Spool(PostgresSpool(place), fault)


def spool_to_read(place: Place, fault: Callable[[str], None] = lambda _: None) -> Spool:
    """The spool that goes with a catalog, to be read as it is.

    Raises:
        StoreError: it is gone.
    """
    if not isinstance(place, Path):
        from retrue.store.postgres import PostgresSpool

        return Spool(PostgresSpool(place, read_only=True), fault)
    path = spool_of(place)
    if not path.exists() or not path.stat().st_size:
        raise spool_gone(path)
    return Spool(SqliteFile(path, address(path)), fault)
