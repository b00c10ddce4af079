"""Paths, globs and URLs: which files they mean, in which format, and one Polars query over all of them."""

from __future__ import annotations

import glob
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from os import PathLike, fspath
from pathlib import Path, PurePath
from typing import TYPE_CHECKING, Final
from urllib.parse import unquote, urlsplit

import polars as pl

from retrue.errors import TableError, nearest
from retrue.tables.objects import reason, to_check
from retrue.tables.table import Table
from retrue.tables.text import Scan, scan_csv, scan_ndjson
from retrue.tables.trouble import explained, missing

if TYPE_CHECKING:
    from deltalake import DeltaTable

SCHEME: Final = re.compile(r"^([a-z][a-z0-9+]+)://", re.IGNORECASE)
"""What tells a URL from a path: two letters at least, so that a drive letter is none."""

STORES: Final = ("s3", "s3a", "gs", "gcs", "az", "azure", "adl", "abfs", "abfss", "hf")
"""Schemes of object stores that Polars reads in place."""

PACKED: Final = (".gz", ".zst")
"""Extensions of text that is compressed as a whole."""


@dataclass(frozen=True)
class Format:
    """How the files of one format are read.

    Attributes:
        name: what messages call it.
        scan: makes a query of one URL.
        check: makes a query of one local file, and sees that its types hold; None where the file states them.
        columnar: reading one column costs only that column.
    """

    name: str
    scan: Callable[..., pl.LazyFrame]
    check: Callable[[str], Scan] | None
    columnar: bool


PARQUET = Format("Parquet", pl.scan_parquet, None, columnar=True)
CSV = Format("CSV", pl.scan_csv, scan_csv, columnar=False)
NDJSON = Format("NDJSON", pl.scan_ndjson, scan_ndjson, columnar=False)

FORMATS: Final = {
    ".parquet": PARQUET,
    ".pq": PARQUET,
    ".csv": CSV,
    ".tsv": CSV,
    ".ndjson": NDJSON,
    ".jsonl": NDJSON,
}


def open_location(source: object, name: str | None) -> Table:
    """Open a path, a glob, a URL, or a list of paths.

    Raises:
        TableError: no such file, nothing matches, an unknown format, or a file that can't be read.
    """
    parts = [located(part) for part in source] if isinstance(source, list | tuple) else [located(source)]
    urls = [scheme for part in parts if (scheme := SCHEME.match(part)) is not None]
    if not urls:
        return open_local(parts, name or local_name(parts))
    if len(parts) > 1:
        raise TableError("a list with URLs in it", expected="one URL, or a list of local paths")
    return open_url(parts[0], urls[0][1].lower(), name)


def located(source: object) -> str:
    """The text of a path or URL; `~` and `file://` become paths.

    >>> located("file:///data/a%20b.csv")
    '/data/a b.csv'
    """
    text = fspath(source) if isinstance(source, str | PathLike) else str(source)
    if text.lower().startswith("file://"):
        return unquote(urlsplit(text).path)
    return str(Path(text).expanduser()) if text.startswith("~") else text


def local_name(parts: Sequence[str]) -> str:
    """What messages call local files: the file's name, or the pattern."""
    if len(parts) > 1:
        return f"{Path(parts[0]).name} and {len(parts) - 1} more"
    return parts[0] if glob.has_magic(parts[0]) else Path(parts[0]).name or parts[0]


def open_url(url: str, scheme: str, name: str | None) -> Table:
    """Open a URL: http is downloaded first, object stores are read in place.

    Raises:
        TableError: an unknown scheme or format, or a download that fails.
    """
    tail = urlsplit(url).path.rstrip("/").rsplit("/", 1)[-1]
    shown = without_secrets(url)
    name = name or tail or shown
    if scheme in {"http", "https"}:
        form = format_of(tail, shown)
        # The http client takes 30 ms to import.
        from retrue.tables.download import Download

        download = Download(url, suffix(tail), shown)
        return scanned([download.path], form, name, keep=download)
    if scheme not in STORES:
        known = ", ".join(["http", "https", "file", *STORES])
        raise TableError(f"unknown scheme {scheme!r}", where=shown, expected=known, hint=nearest(scheme, STORES))
    if not PurePath(tail).suffix:
        return open_delta(url, name)
    form = format_of(tail, shown)
    return Table(form.scan(url), name, None, form.columnar)


def without_secrets(url: str) -> str:
    """The URL as messages show it: without user, password and query, which may hold keys.

    >>> without_secrets("https://me:secret@host:80/a.csv?key=secret")
    'https://host:80/a.csv'
    """
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}{parts.path}"


def open_local(parts: Sequence[str], name: str) -> Table:
    """Open local files, or the folder of one Delta table."""
    if len(parts) == 1 and Path(parts[0]).is_dir():
        return open_folder(parts[0], name)
    paths = [path for part in parts for path in expanded(part)]
    forms = {path: format_of(path, path) for path in paths}
    form = forms[paths[0]]
    odd = next((path for path in paths if forms[path] != form), None)
    if odd is not None:
        raise TableError(f"files of two formats: {form.name} and {forms[odd].name}", where=name, expected="one format")
    return scanned(paths, form, name)


def expanded(part: str) -> list[str]:
    """The files that a path or a glob means, sorted by name."""
    if Path(part).is_file():
        return [part]
    if not glob.has_magic(part):
        raise missing(part)
    # Path.glob can't take absolute patterns.
    found = sorted(path for path in glob.glob(part, recursive=True) if Path(path).is_file())  # noqa: PTH207
    if not found:
        raise TableError("no file matches", where=repr(part), hint="`**` crosses folders, `*` doesn't")
    return found


def open_folder(path: str, name: str) -> Table:
    """Open a Delta table; any other folder is an error that says how to name the files in it."""
    if (Path(path) / "_delta_log").is_dir():
        return open_delta(path, name)
    raise no_delta(path, next((ext for ext in FORMATS if next(Path(path).rglob(f"*{ext}"), None)), ".parquet"))


def no_delta(path: str, inside: str) -> TableError:
    """The error for a folder, here or in an object store, that is no Delta table; `inside`: what files may be in it."""
    shown = without_secrets(path) if SCHEME.match(path) else path
    return TableError(
        "a folder that is no Delta table", where=shown, expected="a folder with a _delta_log",
        hint=f"for the files in it, write '{shown.rstrip('/')}/**/*{inside}', or the extension that they have",
    )  # fmt: skip


def open_delta(path: str, name: str) -> Table:
    """Open a Delta table, without pyarrow.

    Raises:
        TableError: it isn't one, can't be read, or has deletion vectors or column mapping.
    """
    from deltalake.exceptions import DeltaError

    table = delta_table(path, name)
    if "deletionVectors" in (table.protocol().reader_features or ()):
        hint = "purge them (REORG TABLE ... APPLY (PURGE)) and turn them off"
        raise TableError("a Delta table with deletion vectors", where=name, hint=hint)
    if table.metadata().configuration.get("delta.columnMapping.mode", "none") != "none":
        raise TableError("a Delta table with column mapping", where=name, hint="write it without")
    try:
        frame = pl.scan_delta(table)
        frame.collect_schema()  # only this says which features of the table can't be read
    except (OSError, DeltaError, pl.exceptions.PolarsError) as error:
        raise unreadable_delta(error, path, name) from error
    return Table(frame, name, None, columnar=True)


def delta_table(path: str, name: str) -> DeltaTable:
    """The log of a Delta table.

    Raises:
        TableError: it isn't one, or can't be read.
    """
    from deltalake import DeltaTable
    from deltalake.exceptions import DeltaError, TableNotFoundError

    try:
        return DeltaTable(path)
    except (DeltaError, OSError) as error:
        if isinstance(error, TableNotFoundError) and SCHEME.match(path):
            raise no_delta(path, ".parquet") from error
        raise unreadable_delta(error, path, name) from error


def unreadable_delta(error: BaseException, path: str, name: str) -> TableError:
    """The error for a Delta table at a path or a URL that can't be read, in words."""
    return TableError(f"a Delta table that can't be read: {reason(error)}", where=name, hint=to_check(error, path))


def format_of(path: str, where: str) -> Format:
    """The format that a file's extension tells.

    Raises:
        TableError: no known extension.
    """
    found = suffix(path)
    form = FORMATS.get(found.removesuffix(".gz").removesuffix(".zst"))
    if form is None or (found.endswith(PACKED) and form.check is None):
        hint = "one JSON object a line is .ndjson" if found.startswith(".json") else None
        known = ", ".join([*FORMATS, ".csv.gz", ".ndjson.gz"])
        what = f"unknown extension {found!r}" if found else "no extension"
        raise TableError(what, where=where, expected=known, hint=hint)
    return form


def suffix(path: str) -> str:
    """The extension, lower-case, with the one that tells the compression.

    >>> suffix("a.b/train.v2.CSV.gz"), suffix("events")
    ('.csv.gz', '')
    """
    last = PurePath(path.lower())
    return PurePath(last.stem).suffix + last.suffix if last.suffix in PACKED else last.suffix


def scanned(paths: Sequence[str], form: Format, name: str, keep: object = None) -> Table:
    """One query over local files of one format.

    Files whose columns or types differ are read together: columns that a file lacks are null in its rows, and integers
    become floats where another file has floats.

    Raises:
        TableError: a file can't be read, or a column's types don't go together.
    """
    scans = [scan_one(path, form, name if len(paths) == 1 else PurePath(path).name) for path in paths]
    rows = [scan.rows for scan in scans]
    seekable = form is PARQUET and len(paths) == 1
    total = sum(n for n in rows if n is not None) if None not in rows else None
    return Table(together(scans, paths, form), name, total, form.columnar, tuple(paths), seekable, keep=keep)


def scan_one(path: str, form: Format, name: str) -> Scan:
    """A query over one file, its schema known to be readable."""
    try:
        scan = Scan(form.scan(path), None) if form.check is None else form.check(path)
        scan.frame.collect_schema()
    except (pl.exceptions.PolarsError, pl.exceptions.PanicException, OSError) as error:
        raise explained(error, name, [path]) from error
    return scan


def together(scans: Sequence[Scan], paths: Sequence[str], form: Format) -> pl.LazyFrame:
    """The files one after the other."""
    frames = [scan.frame for scan in scans]
    schemas = [frame.collect_schema() for frame in frames]
    if len(frames) == 1:
        return frames[0]
    if any(schema != schemas[0] for schema in schemas):
        return pl.concat(frames, how="diagonal_relaxed")
    if form.check is None:
        return form.scan(list(paths), hive_partitioning=in_hive(paths))
    return pl.concat(frames)


def in_hive(paths: Sequence[str]) -> bool:
    """Tell whether all files lie in folders such as `day=2024-05-01`, which then are columns."""
    keys = [[part.split("=")[0] for part in PurePath(path).parts[:-1] if "=" in part] for path in paths]
    return bool(keys[0]) and all(key == keys[0] for key in keys)
