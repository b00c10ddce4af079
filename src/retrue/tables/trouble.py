"""Why a table can't be read, in words: what Polars and the system say, as a TableError that tells what to do."""

from __future__ import annotations

import codecs
import csv
import gzip
import io
import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import BinaryIO, cast

import polars as pl

from retrue.errors import TableError, first_line
from retrue.tables.objects import of_request, reason, to_check

CHUNK = 1 << 20

LineFinder = Callable[[str], int | None]


def explained(error: BaseException, name: str, paths: Sequence[str] = ()) -> TableError:
    """Say what went wrong while reading `name`, whose local files are `paths`."""
    said = first_line(error)
    low = said.lower()
    if isinstance(error, TableError):
        return error
    if isinstance(error, pl.exceptions.DuplicateError):
        return TableError(f"two columns of one name: {said}", where=name, expected="a name for each column")
    if (refused := not_reached(error, name)) is not None:
        return refused
    if "utf-8" in low or "utf8" in low:
        return not_utf8(name, paths)
    if low.startswith("parquet:") or any(path.endswith((".parquet", ".pq")) for path in paths):
        return corrupt(name, said)
    if "empty csv" in low:
        return TableError("an empty file", where=name, expected="a line with the names of the columns")
    if "found more fields" in low:
        return TableError("a row with more fields than the header", where=placed(name, paths, long_row))
    if any(".ndjson" in path or ".jsonl" in path for path in paths):
        return TableError("a line that isn't JSON", where=placed(name, paths, bad_json), expected="one object a line")
    return TableError(f"can't read: {said}", where=name)


def not_reached(error: BaseException, name: str) -> TableError | None:
    """What the system or an object store says of a file that it doesn't give; None: it is about what is in the file."""
    if of_request(error):
        return TableError(f"can't be read: {reason(error)}", where=name, hint=to_check(error))
    if isinstance(error, FileNotFoundError):
        return missing(name)
    if isinstance(error, PermissionError):
        return TableError("no permission to read", where=name, hint="look at the owner and mode of the file")
    return None


def missing(name: str) -> TableError:
    """There is no such file."""
    return TableError("no such file", where=name, hint="look at the path; a relative one starts at the current folder")


def corrupt(name: str, said: str) -> TableError:
    """A Parquet file that isn't one, or isn't whole."""
    said = said.removeprefix("parquet: ").removeprefix("File out of specification: ")
    return TableError(
        f"a corrupt Parquet file ({said})",
        where=name,
        expected="a whole Parquet file",
        hint="was it cut off while it was written or copied? Write it again, or leave it out",
    )


def not_utf8(name: str, paths: Sequence[str]) -> TableError:
    """Text in another encoding, with the place where UTF-8 ends, if it can be found."""
    found = next(((path, at) for path in paths if (at := bad_byte(path)) is not None), None)
    place = name if found is None else f"{Path(found[0]).name}, byte {found[1]:,}"
    return TableError(
        "text that is not UTF-8",
        where=place,
        expected="UTF-8",
        hint="write it as UTF-8, for example `iconv -f latin1 -t utf-8 FILE > NEW`",
    )


def bad_byte(path: str) -> int | None:
    """Find the offset (in the unpacked bytes) of the first byte that isn't UTF-8.

    Returns:
        None where all of it is, or where it is packed with something else than gzip.
    """
    if path.endswith(".zst"):
        return None
    decoder, offset = codecs.getincrementaldecoder("utf-8")(), 0
    with opened(path) as file:
        while chunk := file.read(CHUNK):
            held = len(decoder.getstate()[0])
            try:
                decoder.decode(chunk)
            except UnicodeDecodeError as error:
                return offset - held + error.start
            offset += len(chunk)
    held = len(decoder.getstate()[0])
    return offset - held if held else None


def long_row(path: str) -> int | None:
    """Find the line of the first row of a CSV file with more fields than its header."""
    with opened(path) as file:
        rows = csv.reader(io.TextIOWrapper(file, "utf-8", newline=""), strict=False)
        width = len(next(rows))
        return next((rows.line_num for row in rows if len(row) > width), None)


def bad_json(path: str) -> int | None:
    """Find the first line of a file that isn't JSON."""
    with opened(path) as file:
        return next((number for number, line in enumerate(file, 1) if not is_json(line)), None)


def is_json(line: bytes) -> bool:
    """Tell whether a line is a JSON object, or blank."""
    try:
        return not line.strip() or isinstance(json.loads(line), dict)
    except ValueError:
        return False


def placed(name: str, paths: Sequence[str], find: LineFinder) -> str:
    """The first file and line that `find` finds something at; `name` where it doesn't."""
    readable = [path for path in paths if not path.endswith(".zst")]
    found = next(((path, line) for path in readable if (line := find(path)) is not None), None)
    return name if found is None else f"{Path(found[0]).name}, line {found[1]:,}"


def opened(path: str) -> BinaryIO:
    """Open a file for reading bytes, unpacked when it is gzip."""
    if path.endswith(".gz"):
        return cast(BinaryIO, gzip.open(path, "rb"))
    return Path(path).open("rb")
