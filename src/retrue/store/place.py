"""Where a store's catalog is: in its folder, unless somebody said otherwise once; the folder remembers that.

store/catalog.url     postgresql://retrue@db.internal/retrue       (never a password)
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit, urlunsplit

from retrue.errors import ConfigError, StoreError
from retrue.store.durable import sync_file, sync_folder
from retrue.store.failure import FROM_BACKUP, store_error
from retrue.store.home import CATALOG, VARIABLE, Home, folder_of

FILE = "catalog.url"
SCHEMES = ("postgresql", "postgres", "postgresql+psycopg")
EXPECTED = "postgresql://user@host/database, or a folder on this machine"


@dataclass(frozen=True)
class PostgresPlace:
    """A catalog in PostgreSQL.

    Args:
        url: its address, as libpq takes it.
    """

    url: str

    def __str__(self) -> str:
        """The address without its password.

        >>> str(PostgresPlace("postgresql://me:secret@db:5432/retrue?sslmode=require"))
        'postgresql://me@db:5432/retrue?sslmode=require'
        """
        parts = urlsplit(self.url)
        user, at, host = parts.netloc.rpartition("@")
        query = "&".join(one for one in parts.query.split("&") if not one.startswith("password="))
        return urlunsplit((*parts[:1], user.partition(":")[0] + at + host, parts.path, query, ""))


Place = Path | PostgresPlace
"""A SQLite file, or a PostgreSQL database."""


def place_of(root: Path, named: str | Path | None = None) -> Place:
    """Where the catalog of a store is: where somebody says, where the folder remembers, or in the folder itself.

    Raises:
        ConfigError: what was said is no place for a catalog.

    >>> place_of(Path("store")), place_of(Path("store"), "/var/lib/retrue").as_posix()
    (PosixPath('store/catalog.db'), '/var/lib/retrue/catalog.db')
    """
    given = str(named or "") or _in_environment()
    said = given or remembered(root)
    if said is None:
        return root / CATALOG
    if "://" not in said:
        return folder_of(Path(said)) / CATALOG
    scheme, _, rest = said.partition("://")
    where = "catalog" if given else str(root / FILE)
    if scheme not in SCHEMES:
        raise ConfigError(f"{scheme!r} can't hold the catalog", where=where, expected=EXPECTED)
    refuse_port(rest, where)
    return PostgresPlace(f"postgresql://{rest}")


def refuse_port(rest: str, where: str) -> None:
    """Refuse an address whose port is none.

    Args:
        rest: the address after its scheme; perhaps of several hosts.
        where: where it is written, for the message.

    Raises:
        ConfigError: its port is no number from 1 to 65535.
    """
    hosts = rest.partition("/")[0].rpartition("@")[2]
    for host in hosts.split(","):
        port = host.rpartition("]")[2].rpartition(":")[2] if ":" in host.rpartition("]")[2] else ""
        if port and not (port.isdecimal() and 0 < int(port) < 2**16):
            what = f"{port!r} is no port of the catalog's server"
            raise ConfigError(what, where=where, expected="postgresql://user@host:5432/database")


def _in_environment() -> str | None:
    """A database that the environment names; a folder there is meant for stores at a URL (`retrue.store.home`)."""
    said = os.environ.get(VARIABLE, "")
    return said if "://" in said else None


def spool_of(catalog: Path) -> Path:
    """The spool's file beside a catalog's."""
    return catalog.with_name("spool.db")


def spool_gone(where: Path | str) -> StoreError:
    """The error for a spool that isn't there, where a store is."""
    return StoreError(
        "the spool is gone", where=str(where), expected="the rows that were acknowledged and wait for the lake",
        hint="restore it from a backup; or go on without those rows: whatever writes next, such as `retrue check`, "
        "makes a new one",
    )  # fmt: skip


def no_catalog(place: Place) -> StoreError:
    """The error for a place where a catalog should be, and is not."""
    hint = f"check the address; was it lost, restore it {FROM_BACKUP}"
    return StoreError("no catalog here", where=str(place), expected="one that a store has begun", hint=hint)


def remembered(root: Path) -> str | None:
    """What the folder remembers of where its catalog is."""
    try:
        return (root / FILE).read_text(encoding="utf-8").strip() or None
    except (FileNotFoundError, NotADirectoryError):
        return None
    except (OSError, UnicodeDecodeError) as error:
        hint = f"check its permissions, or write the catalog's address into it: {EXPECTED}"
        raise StoreError("what says where the catalog is can't be read", where=str(root / FILE), hint=hint) from error


def remember(root: Path, place: Place) -> None:
    """Let the folder remember where its catalog is, so that nobody has to say it again."""
    said = str(place if isinstance(place, PostgresPlace) else place.parent.absolute())
    own = place == root / CATALOG
    if own or remembered(root) == said:
        return
    try:
        partial = root / f".{FILE}.partial"
        partial.write_text(f"{said}\n", encoding="utf-8")
        sync_file(partial)
        partial.replace(root / FILE)
        sync_folder(root)
    except OSError as error:
        raise store_error(error, root / FILE) from error


def is_store(address: str | Path, named: str | Path | None = None) -> bool:
    """Whether there is a store in a folder or at a URL, as far as its files tell."""
    home = Home.of(address, named)
    place = place_of(home.folder, named)
    return place.exists() if isinstance(place, Path) else (home.root / "lake" / "_store.json").exists()
