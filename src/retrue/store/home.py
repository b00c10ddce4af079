"""What of a store lies on this machine: all of it in a folder, or only its catalog and spool, with the lake at a URL.

    store/          catalog.db  spool.db  locks/  lake/  references/  runs/        a store in a folder
    s3://b/x        lake/  references/  runs/                                      a store at a URL ...
    /var/lib/x      catalog.db  spool.db  locks/  runs/  lake.url                  ... and its home: opens it as well

Acknowledged rows must not wait for an object store, and SQLite and locks can't be in one: they are at home.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from hashlib import blake2b
from pathlib import Path

from retrue.errors import ConfigError, StoreError
from retrue.store.durable import sync_file, sync_folder
from retrue.store.files import AnyPath, Remote, any_path, is_url

FILE = "lake.url"
"""The file of a home that says where its lake is."""
EXPECTED = "the address of the lake, such as s3://bucket/prefix"
VARIABLE = "RETRUE_CATALOG"
"""Names the catalog, where nobody else does."""
CATALOG = "catalog.db"


@dataclass(frozen=True)
class Home:
    """Where the parts of a store are.

    Attributes:
        folder: what is on this machine.
        url: what the lake, references and runs are under, where that is not the folder.
    """

    folder: Path
    url: Remote | None = None

    @classmethod
    def of(cls, address: str | Path, catalog: str | Path | None = None) -> Home:
        """Find the parts of a store by its address: a folder, or the URL of its lake with the catalog that it goes by.

        Raises:
            ConfigError: a URL that is no store's, or without a catalog.
        """
        said = catalog or os.environ.get(VARIABLE) or None
        place = any_path(address)
        if isinstance(place, Path):
            return cls(place, remembered(place))
        if said is None:
            raise ConfigError(
                f"{place} needs a catalog", where="open", expected="a folder on this machine, or a PostgreSQL database",
                hint=f'rt.open("{place}", catalog="/var/lib/retrue"), or {VARIABLE}=/var/lib/retrue',
            )  # fmt: skip
        return cls(_shared(str(place)) if is_url(str(said)) else folder_of(Path(said)), place)

    @property
    def root(self) -> AnyPath:
        """What the lake, references and runs are under."""
        return self.url or self.folder

    def refuse_other(self) -> None:
        """Refuse a catalog that belongs to another lake.

        Raises:
            StoreError: the folder knows another lake, or has its own.
        """
        own = (self.folder / "lake" / "_store.json").exists()
        known = remembered(self.folder) or (self.folder if own else self.root)
        if known != self.root:
            raise StoreError(
                "the catalog belongs to another lake", where=str(self.folder), expected=str(known),
                hint="name another folder as its catalog: one for each store",
            )  # fmt: skip

    def begin(self) -> Path:
        """Make the folder, which opens the store from now on; gives it.

        Raises:
            StoreError: the folder is another lake's.
        """
        self.refuse_other()
        self.folder.mkdir(parents=True, exist_ok=True)
        self.remember()
        return self.folder

    def remember(self) -> None:
        """Let the folder know its lake, so that opening the folder opens the store."""
        if remembered(self.folder) == self.url:
            return
        path = self.folder / FILE
        path.write_text(f"{self.url}\n", encoding="utf-8")
        sync_file(path)
        sync_folder(self.folder)


def remembered(folder: Path) -> Remote | None:
    """The lake that a folder is the home of; None where it has its own, or none.

    Raises:
        StoreError: what it says is no address.
    """
    try:
        said = any_path((folder / FILE).read_text(encoding="utf-8").strip())
    except (FileNotFoundError, NotADirectoryError):
        return None
    if isinstance(said, Remote):
        return said
    raise StoreError("what says where the lake is isn't a URL", where=str(folder / FILE), expected=EXPECTED)


def folder_of(said: Path) -> Path:
    """The folder of a catalog, which may be named by the file in it."""
    return said.parent if said.name == CATALOG else said


def _shared(lake: str) -> Path:
    """What a machine needs besides a catalog that it shares: room for trainings, in the user's own folders."""
    state = Path(os.environ.get("XDG_STATE_HOME") or Path.home() / ".local" / "state")
    return state / "retrue" / blake2b(lake.encode(), digest_size=8).hexdigest()
