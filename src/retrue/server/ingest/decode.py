"""Bodies as rows: JSON, NDJSON and Arrow IPC, packed or not. Nothing in a body can make more than an error of it.

What can't be read at all is refused with its place; a single row that is none goes on as `broken`, and the others too.
"""

from __future__ import annotations

import io
import re
import zlib
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import msgspec
import polars as pl
import zstandard

from retrue.errors import TableError
from retrue.server.errors import HttpError
from retrue.server.ingest.arrow import NotArrowError, weigh
from retrue.store.intake import NO_JSON, NO_OBJECT, Broken
from retrue.tables.plain import TROUBLE, as_stored

JSON = "application/json"
NDJSON = ("application/x-ndjson", "application/ndjson", "application/jsonl", "application/x-jsonlines")
ARROW = ("application/vnd.apache.arrow.stream", "application/vnd.apache.arrow.file")
FORMS = (JSON, NDJSON[0], *ARROW)
"""The media types that are documented."""
COLUMNS = 2_000
"""The most columns that a request may have."""
CELLS = 20_000_000
"""The most values that rows may have, those included that are left out: few bytes could ask for much memory."""
ROWS = 1_000_000
"""The most rows of JSON or lines: each becomes an object before it becomes part of a column."""
OPENINGS = 2_000_000
"""The most brackets that JSON may open, those within texts included: each may become an object of many bytes."""
BROKEN = 100_000
"""The most that may stand where a row should."""
SHOWN = 200
"""Characters of what a library said that are shown."""
KEPT = 20_000
"""Characters of something unreadable that are kept, to be mended."""
PIECE, MEMBERS = 65_536, 10_000
"""Bytes of gzip that are unpacked at a time, and the most members: each takes time, however little is in it."""

Column = list[Any]


@dataclass(frozen=True)
class Decoded:
    """Rows of one request: as columns of Python values, or (Arrow) as a frame.

    Attributes:
        rows: how many there are, broken ones apart.
        columns: their values by name, each with so many.
        frame: what Arrow brought, instead.
        broken: what stood where a row should.
    """

    rows: int
    columns: dict[str, Column] = field(default_factory=dict)
    frame: pl.DataFrame | None = None
    broken: tuple[Broken, ...] = ()


def decode(body: bytes, form: str, encoding: str, most: int) -> Decoded:
    """Read a body.

    Args:
        body: as it came.
        form: its media type, without parameters.
        encoding: what it is packed with: "", "identity", "gzip" or "zstd".
        most: the most bytes that it may unpack to.

    Raises:
        HttpError: 400, it can't be read, with the place; 413, it unpacks to too much; 415, it is something else.
        TableError: columns of different lengths.
    """
    plain = unpack(body, encoding, most)
    if form == JSON:
        found = from_json(plain)
    elif form in NDJSON:
        found = from_lines(plain)
    elif form in ARROW:
        found = from_arrow(plain, most)
    else:
        said = f"a body of type {form!r}" if form else "a body without Content-Type"
        raise HttpError(415, said, expected=", ".join(FORMS))
    width = len(found.columns) if found.frame is None else found.frame.width
    if found.rows and not width:
        raise HttpError(400, "rows without any column", where="body", expected="the model's columns")
    refuse_width(width)
    return found


def refuse_width(columns: int) -> None:
    """Raise HttpError (400) for more columns than a request may have."""
    if columns > COLUMNS:
        raise HttpError(400, f"{columns:,} columns", where="body", expected=f"at most {COLUMNS:,}")


# --- packing ----------------------------------------------------------------------------------------------------------


def unpack(body: bytes, encoding: str, most: int) -> bytes:
    """Undo the Content-Encoding, never beyond `most` bytes.

    Raises:
        HttpError: 400, 413 or 415, as in `decode`.

    >>> import gzip
    >>> unpack(gzip.compress(b"[1]"), "gzip", 10)
    b'[1]'
    """
    if encoding in {"", "identity"}:
        return body
    if encoding == "gzip":
        plain = gunzip(body, most)
    elif encoding == "zstd":
        plain = unzstd(body, most)
    else:
        raise HttpError(415, f"Content-Encoding {encoding!r}", expected="gzip or zstd")
    if len(plain) > most:
        raise too_large(most, "unpacked")
    return plain


def too_large(most: int, how: str = "") -> HttpError:
    """The error for a body of more than `most` bytes."""
    said = f"the body is larger than {most / 1e6:g} MB {how}".strip()
    return HttpError(413, said, hint="send fewer rows at a time, or raise max_body_mb under [server]")


PLAIN = "compress the body so, or leave the header out"
"""What to do about a body that isn't what its header says."""


def gunzip(body: bytes, most: int) -> bytes:
    """Unpack gzip, all members of it, up to a byte more than `most`.

    It is read piece by piece: of what follows a member, zlib makes a copy.
    """
    parts, room, at = list[bytes](), most + 1, 0
    try:
        for _ in range(MEMBERS):
            member = zlib.decompressobj(wbits=31)
            while room > 0 and not member.eof:
                piece = body[at : at + PIECE]
                if not piece:
                    raise HttpError(400, "the body ends before its end", where="gzip", expected="all of it")
                parts.append(member.decompress(piece, room))
                room -= len(parts[-1])
                at += len(piece) - len(member.unused_data)
            if room <= 0 or at == len(body):
                return b"".join(parts)
    except zlib.error as error:
        raise HttpError(
            400, "the body can't be unpacked: it is no gzip", where="Content-Encoding: gzip", hint=PLAIN
        ) from error
    hint = "compress the body as a whole"
    raise HttpError(413, f"more than {MEMBERS:,} gzip members", where="Content-Encoding: gzip", hint=hint)


def unzstd(body: bytes, most: int) -> bytes:
    """Unpack zstd, all frames of it, up to a byte more than `most`."""
    unpacker = zstandard.ZstdDecompressor(max_window_size=1 << 27)
    try:
        with unpacker.stream_reader(body, read_across_frames=True) as reader:
            return reader.read(most + 1)
    except (zstandard.ZstdError, MemoryError) as error:
        raise HttpError(
            400, "the body can't be unpacked: it is no zstd", where="Content-Encoding: zstd", hint=PLAIN
        ) from error


# --- JSON -------------------------------------------------------------------------------------------------------------

_BODY = msgspec.json.Decoder(list[Any] | dict[str, Any])
_LINE = msgspec.json.Decoder(dict[str, Any])
_TABLE = dict[str, list[Any]]
_PLACE = re.compile(r"\(byte (\d+)\)")


def refuse_many(found: int, most: int, what: str) -> None:
    """Raise HttpError (413) for more than `most` of something."""
    if found > most:
        hint = "send fewer rows at a time, or Arrow IPC"
        raise HttpError(413, f"more than {most:,} {what}", where="body", expected=f"at most {most:,}", hint=hint)


def from_json(body: bytes) -> Decoded:
    """Rows as a list of objects, one object, or `{"columns": {name: values}}`."""
    refuse_many(body.count(b"{") + body.count(b"["), OPENINGS, "objects and lists")
    refuse_many(body.count(b","), CELLS, "values")
    try:
        said = _BODY.decode(body)
    except (msgspec.DecodeError, RecursionError, UnicodeDecodeError) as error:
        raise unreadable(error, body) from error
    if isinstance(said, list):
        refuse_many(len(said), ROWS, "rows")
        return from_rows(said)
    if said.keys() == {"columns"} and isinstance(said["columns"], dict):
        return from_columns(said["columns"])
    return Decoded(1, {name: [value] for name, value in said.items()})


def unreadable(error: Exception, body: bytes) -> HttpError:
    """The error for what isn't JSON, or is JSON without rows, with its place."""
    found = _PLACE.search(str(error))
    if not body.strip():
        said, place = "an empty body", None
    elif isinstance(error, msgspec.ValidationError):
        said, place = "JSON, but no rows", "the body"
    elif "truncated" in str(error):
        said, place = f"the JSON is cut off after {len(body):,} bytes", "the body"
    else:
        said, place = "no JSON", f"byte {found[1]} of the body" if found else "the body"
    expected = 'a list of objects, one object, or {"columns": {name: [values]}}'
    return HttpError(400, said, where=place, expected=expected)


def from_columns(said: dict[str, Any]) -> Decoded:
    """Columns of one length."""
    try:
        columns = msgspec.convert(said, _TABLE)
    except msgspec.ValidationError as error:
        raise HttpError(400, "a column that is no list", where="columns", expected="{name: [values]}") from error
    lengths = {name: len(values) for name, values in columns.items()}
    rows = next(iter(lengths.values()), 0)
    short = next((name for name, n in lengths.items() if n != rows), None)
    if short is not None:
        first = next(iter(lengths))
        said_ = f"column {short!r} has {lengths[short]:,} values and {first!r} {rows:,}"
        raise TableError(said_, where="columns", expected="columns of one length")
    return Decoded(rows, columns)


def from_rows(said: Sequence[Any]) -> Decoded:
    """Objects, one for each row; what a row lacks is null, and what is no object is broken."""
    odd = [number for number, row in enumerate(said) if not isinstance(row, dict)]
    refuse_broken(len(odd))
    broken = tuple(Broken(number, NO_OBJECT, msgspec.json.encode(said[number]).decode()[:KEPT]) for number in odd)
    rows = [row for row in said if isinstance(row, dict)] if broken else said
    return Decoded(len(rows), as_columns(rows), broken=broken)


def refuse_broken(count: int) -> None:
    """Raise HttpError for a body that is hardly rows at all."""
    if count > BROKEN:
        raise HttpError(400, f"more than {BROKEN:,} of the rows are no objects", where="body", expected="rows")


def as_columns(rows: Sequence[dict[str, Any]]) -> dict[str, Column]:
    """The values of rows by name.

    Raises:
        HttpError: 400, too many names: a table has a cell for each row and name.

    >>> as_columns([{"x": 1}, {"x": 2, "y": "b"}])
    {'x': [1, 2], 'y': [None, 'b']}
    """
    names = dict.fromkeys(name for row in rows for name in row)
    refuse_width(len(names))
    if len(names) * len(rows) > CELLS:
        said = f"{len(rows):,} rows of {len(names):,} columns"
        raise HttpError(413, said, expected=f"at most {CELLS:,} values", hint="send fewer rows at a time")
    return {name: [row.get(name) for row in rows] for name in names}


def from_lines(body: bytes) -> Decoded:
    """Lines of one object each; empty ones don't count, and one that is no object is broken."""
    refuse_many(body.count(b"\n"), ROWS, "lines")
    refuse_many(body.count(b"{") + body.count(b"["), OPENINGS, "objects and lists")
    refuse_many(body.count(b","), CELLS, "values")
    lines = [line for line in body.split(b"\n") if line.strip()]
    rows, broken = list[dict[str, Any]](), list[Broken]()
    for number, line in enumerate(lines):
        try:
            rows.append(_LINE.decode(line))
        except (msgspec.DecodeError, RecursionError, UnicodeDecodeError) as error:
            broken.append(Broken(number, broken_line(error), line.decode(errors="replace")[:KEPT]))
            refuse_broken(len(broken))
    return Decoded(len(rows), as_columns(rows), broken=tuple(broken))


def broken_line(error: Exception) -> str:
    """Why a line is no row."""
    return NO_OBJECT if isinstance(error, msgspec.ValidationError) else NO_JSON


# --- Arrow ------------------------------------------------------------------------------------------------------------


def from_arrow(body: bytes, most: int) -> Decoded:
    """An Arrow IPC stream or file whose own packing comes to `most` bytes at most."""
    source = io.BytesIO(body)
    try:
        weigh(body, CELLS, most)
        frame = as_stored(pl.read_ipc(source) if body[:6] == b"ARROW1" else pl.read_ipc_stream(source))
    except (*TROUBLE, NotArrowError, OSError, MemoryError) as error:
        said = str(error).splitlines()[0][:SHOWN] if str(error) else type(error).__name__
        raise HttpError(400, f"no Arrow IPC ({said})", where="the body", expected="a stream or a file") from error
    return Decoded(len(frame), frame=frame)
