"""The store's secret: 32 random bytes in a file that only its owner may read, for hashes that nobody else can try out.

    store/privacy.key       0600; made once, never changed

A plain hash of an e-mail address is found by hashing every address; a keyed one only by who has the key. Who has it can
still tell whether a value that they know is in the store. Without it hashed ids can't be joined any more: back it up,
apart from the store where you can.
"""

from __future__ import annotations

import hashlib
import os
import secrets
from pathlib import Path

from retrue.errors import StoreError
from retrue.store.catalog import Catalog
from retrue.store.durable import sync_folder

NAME = "privacy.key"
LENGTH = 32
FACT = "privacy key"
"""The catalog's fact that tells whether a key is the store's own: a digest of it."""


def secret(folder: Path, catalog: Catalog) -> bytes:
    """The store's secret; made where there never was one.

    Raises:
        StoreError: it is gone, is another store's, or others may read it.
    """
    path = folder / NAME
    with catalog.read() as tx:
        known = tx.fact(FACT)
    if known is None:
        _make(path)
        known = catalog.setting(FACT, _digest(path.read_bytes()))
    where, hint = str(path), "copy it from the server that made it, or from a backup: nothing hashed is told without it"
    if not path.exists():
        raise StoreError("the store's key is gone", where=where, hint=hint)
    key = path.read_bytes()
    if _digest(key) != known:
        raise StoreError("the key is not this store's", where=where, hint=hint)
    if path.stat().st_mode & 0o077:
        raise StoreError("others may read the store's key", where=where, hint=f"chmod 600 {path}")
    return key


def _make(path: Path) -> None:
    """Make the file, whole or not at all; one that is there stays."""
    partial = path.with_name(f".{NAME}.{secrets.token_hex(8)}")
    handle = os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        os.write(handle, secrets.token_bytes(LENGTH))
        os.fsync(handle)
    finally:
        os.close(handle)
    try:
        os.link(partial, path)
    except FileExistsError:
        pass  # somebody else was first
    finally:
        partial.unlink()
    sync_folder(path.parent)


def _digest(key: bytes) -> str:
    return hashlib.sha256(b"retrue privacy key" + key).hexdigest()
