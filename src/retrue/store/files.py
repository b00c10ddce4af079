"""Where a store's files lie: a `Path` on this machine, or a `Remote` under the URL of an object store.

    AnyPath   Path       a folder: synced to the disk, renamed into place
              Remote     s3://, az:// or abfss://, gs://: an object is there whole or not at all, so nothing is synced

A `Remote` answers what the store asks of a `Path`, by the same names. Objects are reached through `obstore`, what
deltalake and Polars stand on too; all three take credentials from where the cloud's own tools do: never an argument.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import lru_cache, total_ordering
from importlib import import_module
from importlib.util import find_spec
from io import BytesIO
from pathlib import Path, PurePosixPath
from typing import Any, TypeAlias
from urllib.parse import urlsplit

import polars as pl

from retrue.errors import ConfigError, StoreAwayError, StoreError, StoreRefusedError
from retrue.tables.objects import CREDENTIALS, EXTRAS, is_refusal, plain

RETRIES, PATIENCE = 3, 20
"""How often, and for how many seconds, a request is tried again before the store counts as away."""
KEPT = "acknowledged rows wait in the spool"
"""What became of rows; where it is known how many wait, their number takes its place."""
HINT = f"{KEPT} until it answers; see docs/object-stores.md"


@dataclass(frozen=True)
class Stat:
    """What is known of an object: bytes, and when it was written (seconds since 1970)."""

    st_size: int
    st_mtime: float


@total_ordering
@dataclass(frozen=True)
class Remote:
    """An object, or what its name is the beginning of ("a folder").

    Args:
        root: the bucket or container, such as `s3://bucket`.
        key: the name in it, without a slash at either end.
        known: what a listing said of it, to be asked once.

    >>> (Remote("s3://b", "x") / "y" / "z.json").parent
    Remote(root='s3://b', key='x/y')
    """

    root: str
    key: str
    known: Stat | None = field(default=None, compare=False, repr=False)

    def __truediv__(self, name: object) -> Remote:
        return Remote(self.root, f"{self.key}/{name}".strip("/"))

    def __str__(self) -> str:
        return f"{self.root}/{self.key}"

    def __lt__(self, other: Remote) -> bool:
        return (self.root, self.key) < (other.root, other.key)

    @property
    def name(self) -> str:
        """The last part of its name."""
        return PurePosixPath(self.key).name

    @property
    def stem(self) -> str:
        """The last part without its ending."""
        return PurePosixPath(self.key).stem

    @property
    def suffix(self) -> str:
        """The ending of its name."""
        return PurePosixPath(self.key).suffix

    @property
    def parent(self) -> Remote:
        """What it is in."""
        return Remote(self.root, self.key.rpartition("/")[0])

    def with_name(self, name: str) -> Remote:
        """Its neighbour of another name."""
        return self.parent / name

    def relative_to(self, other: object) -> PurePosixPath:
        """Its name as seen from above."""
        return PurePosixPath(self.key).relative_to(other.key if isinstance(other, Remote) else str(other))

    # What asks the object store

    def exists(self) -> bool:
        """Whether there is an object of this name."""
        try:
            self.stat()
        except FileNotFoundError:
            return False
        return True

    is_file = exists

    def is_dir(self) -> bool:
        """Whether there is anything below it."""
        return next(self._below(), None) is not None

    def stat(self) -> Stat:
        """What is known of it."""
        return self.known or _stat(_asked(self, "head", self.key))

    def read_bytes(self) -> bytes:
        """Its content."""
        return bytes(_asked(self, "get", self.key, then=lambda found: found.bytes()))

    def read_text(self, encoding: str = "utf-8") -> str:
        """Its content as text."""
        return self.read_bytes().decode(encoding)

    def write_bytes(self, data: bytes) -> int:
        """Write it whole, over what is there."""
        _asked(self, "put", self.key, data)
        return len(data)

    def write_text(self, text: str, encoding: str = "utf-8") -> int:
        """Write it whole, over what is there."""
        return self.write_bytes(text.encode(encoding))

    def create(self, data: bytes) -> None:
        """Write it whole where nothing is: of two who try at once, one gets FileExistsError."""
        _asked(self, "put", self.key, data, mode="create")

    def unlink(self, missing_ok: bool = False) -> None:  # noqa: FBT001, FBT002 - as `Path` has it
        """Delete it."""
        try:
            _asked(self, "delete", self.key)
        except FileNotFoundError:
            if not missing_ok:
                raise

    def rename(self, other: Remote) -> Remote:
        """Copy it, and what is below it, to another name; then delete it here."""
        for one in [*self._below(), *([self] if self.exists() else [])]:
            new = Remote(self.root, other.key + one.key.removeprefix(self.key))
            _asked(one, "copy", one.key, new.key)
            one.unlink(missing_ok=True)
        return other

    replace = rename

    def mkdir(self, **_: object) -> None:
        """Nothing: an object store has no folders."""

    def glob(self, pattern: str) -> Iterator[Remote]:
        """What is below it and fits a pattern of `*` and `**`, as `Path.glob` has it."""
        fixed = re.match(r"(?:[^*/]+/)*", pattern)
        start = self / (fixed[0] if fixed else "")
        wanted = re.compile("".join(_PATTERN.get(part, re.escape(part)) for part in re.split(r"(\*\*/|\*)", pattern)))
        cut = len(self.key) + 1 if self.key else 0
        return (one for one in start._below() if wanted.fullmatch(one.key[cut:]))  # noqa: SLF001 - our own

    def iterdir(self) -> Iterator[Remote]:
        """The objects right below it."""
        return self.glob("*")

    def _below(self) -> Iterator[Remote]:
        prefix = f"{self.key}/" if self.key else None
        for chunk in _asked(self, "list", prefix, then=list):
            yield from (Remote(self.root, str(one["path"]), _stat(one)) for one in chunk)


_PATTERN = {"**/": "(?:[^/]+/)*", "*": "[^/]*"}

AnyPath: TypeAlias = Path | Remote


def move(path: AnyPath, to: AnyPath) -> None:
    """Give a file, or a folder with all below it, another name in the same store."""
    path.rename(to)  # type: ignore[arg-type]  # both are of one kind


def below(path: AnyPath, root: AnyPath) -> str:
    """A file's name as seen from a folder above it."""
    return path.relative_to(root).as_posix()  # type: ignore[arg-type]  # both are of one kind


def found(folder: AnyPath, *patterns: str) -> list[AnyPath]:
    """What fits one of some patterns below a folder, by name."""
    paths: list[AnyPath] = []
    for pattern in patterns:
        paths += folder.glob(pattern)
    return sorted(paths, key=str)


def stamp(path: AnyPath) -> tuple[str, int]:
    """What tells a file from another, and from one that was written over it; 0 where it isn't there."""
    try:
        if isinstance(path, Remote):
            return str(path), round(path.stat().st_mtime * 1e9)
        return str(path.resolve()), path.stat().st_mtime_ns
    except FileNotFoundError:
        return str(path), 0


def is_url(address: object) -> bool:
    """Whether an address is a URL, and not a folder.

    >>> is_url("s3://bucket/x"), is_url("store"), is_url(Path("s3:/x"))
    (True, False, False)
    """
    return isinstance(address, Remote) or (isinstance(address, str) and "://" in address)


def any_path(address: str | Path | Remote) -> AnyPath:
    """The path of an address.

    Raises:
        ConfigError: a URL that no object store has.

    >>> any_path("s3://bucket/lakes/one/")
    Remote(root='s3://bucket', key='lakes/one')
    """
    if isinstance(address, Path | Remote) or not is_url(address):
        return address if isinstance(address, Remote) else Path(address)
    said = urlsplit(address)
    if said.scheme not in EXTRAS or not said.netloc or said.query or said.fragment:
        raise ConfigError(f"{safe(address)!r} is no store", expected="a folder, or s3://, az://, abfss:// or gs://")
    if "@" in said.netloc and (not said.scheme.startswith("abfs") or ":" in said.netloc.split("@")[0]):
        raise ConfigError(f"{safe(address)!r} has credentials in it", hint="they come from the environment alone")
    return Remote(f"{said.scheme}://{said.netloc}", said.path.strip("/"))


def safe(address: str) -> str:
    """A URL that may be shown: without what may be a password or a signature.

    >>> safe("s3://key:secret@bucket/x?sig=abc")
    's3://***@bucket/x'
    """
    said = urlsplit(address)
    user, at, host = said.netloc.rpartition("@")
    user = user if said.scheme.startswith("abfs") and ":" not in user else "***"
    return f"{said.scheme}://{f'{user}@' if at else ''}{host}{said.path}"


def options(where: AnyPath) -> dict[str, str] | None:
    """What deltalake is told besides the environment: how patient it is, and what the usual files say."""
    if isinstance(where, Path):
        return None
    told = {"max_retries": str(RETRIES), "retry_timeout": f"{PATIENCE} seconds"}
    session = _profile(where.root)
    if session is None:
        return told
    key = session.get_credentials().get_frozen_credentials()
    own = {"access_key_id": key.access_key, "secret_access_key": key.secret_key, "session_token": key.token}
    own |= {"region": session.region_name}
    return told | {f"aws_{name}": value for name, value in own.items() if value}


def read_table(where: AnyPath, **asked: Any) -> pl.DataFrame:
    """Read a Parquet file whole.

    Raises:
        StoreAwayError: the object store doesn't answer; what is wrong with the file itself raises as Polars does.
    """
    if isinstance(where, Path):
        return pl.read_parquet(where, **asked)
    return pl.read_parquet(BytesIO(where.read_bytes()), **asked)


def height(path: AnyPath) -> int:
    """How many rows a file has."""
    return int(pl.scan_parquet(str(path), hive_partitioning=False, glob=False).select(pl.len()).collect().item())


def as_parquet(rows: pl.DataFrame, **how: Any) -> bytes:
    """Rows as the bytes of a Parquet file."""
    data = BytesIO()
    rows.write_parquet(data, **how)
    return data.getvalue()


def away(error: BaseException, where: object) -> StoreAwayError | StoreRefusedError | None:
    """The error for an object store that doesn't answer, or refuses, where a library's own error means that."""
    said = str(error)
    if not is_url(where) or isinstance(error, FileNotFoundError) or not any(sign in said for sign in _AWAY):
        return None
    if not is_refusal(said):
        what = f"the object store doesn't answer as it should ({plain(said)})"
        return StoreAwayError(what, where=str(where), hint=HINT)
    who = CREDENTIALS[EXTRAS[str(where).partition("://")[0]]]
    hint = f"check {who}, and what they may do; {KEPT} meanwhile; see docs/object-stores.md"
    return StoreRefusedError(f"the object store refuses ({plain(said)})", where=str(where), hint=hint)


_AWAY = (
    "Generic S3 error", "Generic MicrosoftAzure error", "Generic GCS error", "Error performing", "Generic HTTP",
    "error sending request", "retries", "timed out", "Connection", "dispatch failure", "credential", "Unauthenticated",
    "Server returned non-2xx status code",
)  # fmt: skip
"""What the libraries say where a request failed (and not where rows don't fit)."""


def _asked(one: Remote, what: str, *given: Any, then: Any = lambda found: found, **named: Any) -> Any:
    """Ask the object store, and say its errors as the system does those of files."""
    api, errors = _obstore(one.root), import_module("obstore.exceptions")
    try:
        return then(getattr(api, what)(_bucket(one.root), *given, **named))
    except FileNotFoundError as error:
        if what == "put":  # whatever can't be written to isn't there itself
            hint = "make it first, or check the address; rows that were acknowledged wait in the spool"
            raise StoreRefusedError(f"there is no bucket or container {one.root}", where=str(one), hint=hint) from error
        raise FileNotFoundError(f"{one} is not there") from error
    except (errors.AlreadyExistsError, errors.PreconditionError) as error:
        raise FileExistsError(f"{one} is there") from error
    except errors.BaseError as error:
        said = away(error, one) or StoreAwayError(f"the object store failed ({plain(str(error))})", where=str(one))
        raise said from None  # what the server echoed is in the cause


def _obstore(root: str) -> Any:
    """The library.

    Raises:
        StoreError: it isn't installed.
    """
    if find_spec("obstore") is None:
        extra = EXTRAS[root.partition("://")[0]]
        raise StoreError("a store at a URL needs obstore", where=root, hint=f'pip install "retrue[{extra}]"')
    return import_module("obstore")


@lru_cache(maxsize=16)
def _bucket(root: str) -> Any:
    """The connection to a bucket; credentials are found as the cloud's own tools find them."""
    retry = {"max_retries": RETRIES, "retry_timeout": timedelta(seconds=PATIENCE)}
    given: dict[str, Any] = {"retry_config": retry}
    session = _profile(root)
    if session is not None:
        given["credential_provider"] = import_module("obstore.auth.boto3").Boto3CredentialProvider(session)
        given |= {"region": session.region_name} if session.region_name else {}
    return import_module("obstore.store").from_url(root, **given)


def _profile(root: str) -> Any:
    """A session of boto3, for S3 whose keys aren't in the environment; None where it finds none either."""
    if not root.startswith("s3") or "AWS_ACCESS_KEY_ID" in os.environ or find_spec("boto3") is None:
        return None
    session = import_module("boto3").Session()
    return session if session.get_credentials() is not None else None


def _stat(said: Any) -> Stat:
    written: datetime = said["last_modified"]
    return Stat(int(said["size"]), written.timestamp())
