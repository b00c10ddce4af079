"""Paths, globs and URLs: which files they mean, in which format, and one Polars query over all of them."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from glob import glob, has_magic
from os import PathLike, fspath
from pathlib import Path
from urllib.parse import unquote, urlsplit

import polars as pl

from retrue.errors import TableError
from retrue.tables.download import Download
from retrue.tables.table import Table
from retrue.tables.text import scan_csv, scan_ndjson
from retrue.tables.trouble import corrupt, explained, first_line, missing

SCHEME = re.compile(r"^([a-z][a-z0-9+]+)://", re.IGNORECASE)
"""What tells a URL from a path: two letters at least, so that a drive letter is none."""

COMPRESSED = (".gz", ".zst")

type_of_scan = Callable[[str], pl.LazyFrame]


@dataclass(frozen=True)
class Format:
    """How the files of one format are read.

    Attributes:
        name: what messages call it.
        scan: makes a query of one file.
        columnar: reading one column costs only that column.
        text: may be compressed as a whole, and its types are guessed.
    """

    name: str
    scan: type_of_scan
    columnar: bool
    text: bool


PARQUET = Format("Parquet", pl.scan_parquet, columnar=True, text=False)
CSV = Format("CSV", scan_csv, columnar=False, text=True)
NDJSON = Format("NDJSON", scan_ndjson, columnar=False, text=True)
IPC = Format("Arrow IPC", pl.scan_ipc, columnar=True, text=False)

FORMATS = {
    ".parquet": PARQUET,
    ".pq": PARQUET,
    ".csv": CSV,
    ".tsv": CSV,
    ".ndjson": NDJSON,
    ".jsonl": NDJSON,
    ".arrow": IPC,
    ".feather": IPC,
}


def open_location(source: object, name: str | None) -> Table:
    """Open a path, a glob, a URL, or a list of paths.

    Raises:
        TableError: no such file, nothing matches, an unknown format, or a file that can't be read.
    """
    parts = [fspath(part) for part in source] if isinstance(source, list | tuple) else [located(source)]
    scheme = SCHEME.match(parts[0])
    if scheme is None:
        return open_local(parts, name or local_name(parts))
    if len(parts) > 1:
        raise TableError("a list of URLs", expected="one URL, or a list of local paths")
    return open_url(parts[0], scheme[1].lower(), name)


def located(source: object) -> str:
    """The text of a path or URL; `file://` becomes a path."""
    text = fspath(source) if isinstance(source, str | PathLike) else str(source)
    return unquote(urlsplit(text).path) if text.lower().startswith("file://") else str(text)


def local_name(parts: Sequence[str]) -> str:
    """What messages call local files: the file's name, or the pattern."""
    if len(parts) > 1:
        return f"{Path(parts[0]).name} and {len(parts) - 1} more"
    return parts[0] if has_magic(parts[0]) else Path(parts[0]).name or parts[0]


def open_url(url: str, scheme: str, name: str | None) -> Table:
    """Open a URL: http is downloaded first, object stores are read in place."""
    tail = urlsplit(url).path.rstrip("/").rsplit("/", 1)[-1]
    name = name or tail or url
    if scheme in {"http", "https"}:
        form = format_of(tail, url)
        download = Download(url, suffixes(tail))
        return scanned([download.path], form, name, keep=download)
    if not Path(tail).suffix:
        return open_delta(url, name)
    return Table(format_of(tail, url).scan(url), name, None, format_of(tail, url).columnar)


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
    if not has_magic(part):
        raise missing(part)
    found = sorted(path for path in glob(part, recursive=True) if Path(path).is_file())
    if not found:
        raise TableError("no file matches", where=repr(part), hint="`**` crosses folders, `*` doesn't")
    return found


def open_folder(path: str, name: str) -> Table:
    """Open a Delta table; any other folder is an error that says how to name the files in it."""
    if (Path(path) / "_delta_log").is_dir():
        return open_delta(path, name)
    inside = next((ext for ext in FORMATS if next(Path(path).rglob(f"*{ext}"), None)), ".parquet")
    raise TableError(
        "a folder that is no Delta table",
        where=path,
        expected="a folder with a _delta_log",
        hint=f"for the files in it, write '{path.rstrip('/')}/**/*{inside}'",
    )


def open_delta(path: str, name: str) -> Table:
    """Open a Delta table without pyarrow.

    Raises:
        TableError: it isn't one, or can't be read.
    """
    from deltalake import DeltaTable
    from deltalake.exceptions import DeltaError

    try:
        table = DeltaTable(path)
        if "deletionVectors" in (table.protocol().reader_features or ()):
            raise TableError(
                "a Delta table with deletion vectors",
                where=name,
                hint="rewrite it with REORG TABLE ... APPLY (PURGE) and turn them off",
            )
        frame = pl.scan_delta(table)
    except (DeltaError, OSError, pl.exceptions.PolarsError) as error:
        raise TableError(f"can't read the Delta table: {first_line(error)}", where=name) from error
    return Table(frame, name, None, columnar=True)


def format_of(path: str, where: str) -> Format:
    """The format that a file's extension tells.

    Raises:
        TableError: no known extension.
    """
    found = suffixes(path)
    form = FORMATS.get(found.removesuffix(".gz").removesuffix(".zst"))
    if form is None or (found.endswith(COMPRESSED) and not form.text):
        hint = "one JSON object a line is .ndjson" if found.startswith(".json") else None
        known = ", ".join([*FORMATS, ".csv.gz", ".ndjson.gz"])
        raise TableError(f"unknown extension {found or 'none'!r}", where=where, expected=known, hint=hint)
    return form


def suffixes(path: str) -> str:
    """The extension, lower-case, with the one that tells the compression.

    >>> suffixes("a.b/train.v2.CSV.gz")
    '.csv.gz'
    """
    last = Path(path.lower())
    return Path(last.stem).suffix + last.suffix if last.suffix in COMPRESSED else last.suffix


def scanned(paths: Sequence[str], form: Format, name: str, keep: object = None) -> Table:
    """One query over files of one format.

    Files whose columns or types differ are read together: columns that a file lacks are null in its rows, and integers become
    floats where another file has floats.

    Raises:
        TableError: a file can't be read, or a column's types don't go together.
    """
    frames = [scan_one(path, form, name if len(paths) == 1 else Path(path).name) for path in paths]
    schemas = [frame.collect_schema() for frame in frames]
    if all(schema == schemas[0] for schema in schemas):
        frame = pl.concat(frames) if form.text or len(frames) == 1 else pl.scan_parquet(list(paths))
    else:
        frame = pl.concat(frames, how="diagonal_relaxed")
    return Table(frame, name, None, form.columnar, tuple(paths), keep)


def scan_one(path: str, form: Format, name: str) -> pl.LazyFrame:
    """A query over one file, its schema known to be readable."""
    try:
        frame = form.scan(path)
        frame.collect_schema()
    except pl.exceptions.ComputeError as error:
        raise (explained(error, name, [path]) if form.text else corrupt(name, first_line(error))) from error
    except (pl.exceptions.PolarsError, OSError) as error:
        raise explained(error, name, [path]) from error
    return frame
