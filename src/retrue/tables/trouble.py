"""Why a table can't be read, in words: what Polars and the system say, turned into a TableError that tells what to do."""

from __future__ import annotations

import codecs
import gzip
from collections.abc import Sequence
from pathlib import Path
from typing import BinaryIO, cast

from retrue.errors import TableError

CHUNK = 1 << 20


def explained(error: BaseException, name: str, paths: Sequence[str] = ()) -> TableError:
    """Say what went wrong while reading `name`, whose local files are `paths`."""
    said = first_line(error)
    if isinstance(error, FileNotFoundError):
        return missing(name)
    if isinstance(error, PermissionError):
        return TableError("no permission to read", where=name, hint="check the owner and mode of the file")
    if "utf-8" in said.lower() or "utf8" in said.lower():
        return not_utf8(name, paths)
    if "parquet" in said.lower() or "out of specification" in said.lower():
        return corrupt(name, said)
    return TableError(f"can't read: {said}", where=name)


def first_line(error: BaseException) -> str:
    """The first line of what an error says, without a full stop."""
    lines = str(error).strip().splitlines() or [type(error).__name__]
    return lines[0].rstrip(".")


def missing(name: str) -> TableError:
    """There is no such file."""
    return TableError("no such file", where=name, hint="check the path; relative paths start at the current folder")


def corrupt(name: str, said: str) -> TableError:
    """A Parquet file that isn't one, or isn't whole."""
    return TableError(
        f"a corrupt Parquet file ({said.removeprefix('parquet: ')})",
        where=name,
        expected="a whole Parquet file",
        hint="was it cut off while it was written or copied? Write it again, or leave it out",
    )


def not_utf8(name: str, paths: Sequence[str]) -> TableError:
    """Text in another encoding, with the place where UTF-8 ends, if it can be found."""
    found = next(((path, at) for path in paths if (at := bad_byte(path)) is not None), None)
    place = name if found is None else f"{Path(found[0]).name}, byte {found[1]}"
    return TableError(
        "text that is not UTF-8",
        where=place,
        expected="UTF-8",
        hint="write it as UTF-8, for example `iconv -f latin1 -t utf-8 FILE > NEW`",
    )


def bad_byte(path: str) -> int | None:
    """Find the offset (in the uncompressed bytes) of the first byte that isn't UTF-8.

    Returns:
        None where all of it is, or where it is compressed with something else than gzip.
    """
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


def opened(path: str) -> BinaryIO:
    """Open a file for reading bytes, unpacked when it is gzip."""
    if path.endswith(".gz"):
        return cast(BinaryIO, gzip.open(path, "rb"))
    return Path(path).open("rb")
