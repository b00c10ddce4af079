"""Images: are these lists or bytes pixels?"""

from __future__ import annotations

import re
from math import isqrt
from typing import Final

import polars as pl

from retrue.schema.column import Kind
from retrue.schema.values import Sample

NAMES: Final = re.compile(r"(^|[_\W])(image|img|picture|photo|pixels|thumbnail|scan)s?([_\W]|$)", re.IGNORECASE)
"""Names that tell an image."""
ENCODED: Final = (b"\x89PNG\r\n\x1a\n", b"\xff\xd8\xff", b"GIF8")
"""How the bytes of PNG, JPEG and GIF begin."""
SIDE: Final = 10
"""Bytes that form so large a square are taken for an image: digests and keys are smaller."""
THIN: Final = 4
"""Nested lists with fewer rows or columns are no image, unless their name says so."""


def image_kind(sample: Sample) -> tuple[Kind, str] | None:
    """IMAGE for bytes of pictures, squares of bytes, and rectangles of numbers."""
    named = NAMES.search(sample.name) is not None
    if sample.dtype == pl.Binary:
        return of_bytes(sample, named=named)
    shape = shape_of(sample.values)
    if shape is None:
        return None
    said = " x ".join(f"{n:,}" for n in shape)
    if len(shape) > 1 and (named or sorted(shape)[-2] >= THIN):
        return Kind.IMAGE, f"{said} numbers in each row: images; {sample.override}"
    if len(shape) == 1 and named and (side := square(shape[0])):
        return Kind.IMAGE, f"{said} numbers in each row, {side}, and a name that tells an image; {sample.override}"
    return None


def of_bytes(sample: Sample, *, named: bool) -> tuple[Kind, str] | None:
    """IMAGE for encoded pictures, and for bytes that form a square."""
    first = bytes(sample.values[0])
    if first.startswith(ENCODED):
        return Kind.IMAGE, "bytes of encoded images"
    lengths = sample.values.bin.size().unique()
    side = square(int(lengths[0])) if len(lengths) == 1 else ""
    if side and (named or lengths[0] >= SIDE * SIDE):
        return Kind.IMAGE, f"{lengths[0]:,} bytes in each row, {side}: images; {sample.override}"
    return None


def square(n: int) -> str:
    """The square image that n numbers form, in words; "" where they form none.

    >>> square(256), square(768), square(200)
    ('16 x 16', '16 x 16 x 3', '')
    """
    for channels in (1, 3):
        side = isqrt(n // channels)
        if side > 1 and side * side * channels == n:
            return f"{side} x {side}" + (" x 3" if channels == 3 else "")
    return ""


def shape_of(values: pl.Series) -> tuple[int, ...] | None:
    """The shape that all values have; None where they differ, or hold no numbers."""
    shape, inner = [], values
    while isinstance(inner.dtype, pl.List | pl.Array):
        inner = inner.arr.to_list() if isinstance(inner.dtype, pl.Array) else inner
        lengths = inner.list.len().unique()
        if len(lengths) != 1 or not lengths[0]:
            return None
        shape.append(int(lengths[0]))
        inner = inner.explode()
    return tuple(shape) if inner.dtype.is_numeric() else None
