"""Profiles as small blobs: named arrays behind a short header, compressed. Many are written in every commit cycle.

    "RTRB" version:u16 | zlib( header length:u32 | header (JSON: [[name, kind, length], ...]) | arrays )

Kinds are "i" (int64), "f" (float64), both little-endian, and "t" (texts, inside the header).
"""

from __future__ import annotations

import json
import zlib
from collections.abc import Mapping

import numpy as np

from retrue.core.state import Fields, Floats, Ints
from retrue.errors import ProfileError

MAGIC = b"RTRB"
FORMAT = 1


def pack(fields: Fields) -> bytes:
    """Write named arrays.

    >>> sorted(unpack(pack({"n": np.array([1, 2]), "names": ["a"]})))
    ['n', 'names']
    """
    header: list[list[object]] = []
    arrays: list[bytes] = []
    for name, value in fields.items():
        if isinstance(value, list):
            header.append([name, "t", value])
            continue
        kind = "f" if value.dtype.kind == "f" else "i"
        header.append([name, kind, value.size])
        arrays.append(value.astype("<f8" if kind == "f" else "<i8", copy=False).tobytes())
    text = json.dumps(header, separators=(",", ":")).encode()
    packed = zlib.compress(b"".join([len(text).to_bytes(4, "little"), text, *arrays]), 1)
    return MAGIC + FORMAT.to_bytes(2, "big") + packed


def unpack(data: bytes) -> Mapping[str, Ints | Floats | list[str]]:
    """Read what `pack` wrote.

    Raises:
        ProfileError: not such a blob, damaged, or written by a newer version.
    """
    if data[:4] != MAGIC:
        raise ProfileError("these bytes are no profile of a store", expected=f"they begin with {MAGIC!r}")
    version = int.from_bytes(data[4:6], "big")
    if version > FORMAT:
        raise ProfileError(f"profile blob of format {version}", expected=f"at most {FORMAT}", hint="upgrade Retrue")
    try:
        return _read(zlib.decompress(data[6:]))
    except (zlib.error, ValueError) as error:
        raise ProfileError(f"damaged profile: {error}", hint="recount it from the lake") from error


def _read(raw: bytes) -> dict[str, Ints | Floats | list[str]]:
    size = int.from_bytes(raw[:4], "little")
    fields: dict[str, Ints | Floats | list[str]] = {}
    at = 4 + size
    for name, kind, value in json.loads(raw[4:at]):
        if kind == "t":
            fields[name] = [str(text) for text in value]
            continue
        fields[name] = np.frombuffer(raw, "<f8" if kind == "f" else "<i8", value, at)
        at += 8 * value
    return fields
