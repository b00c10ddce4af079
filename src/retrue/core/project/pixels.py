"""Images in any of the forms that tables hold them in, as arrays: a few at a time, those of one size together.

* nested lists or arrays of numbers: rows x columns, or rows x columns x channels, or channels first;
* flat lists, arrays or bytes of a square image: s x s, or s x s x 3;
* bytes of PNG, JPEG and what else Pillow reads (`retrue[images]`).
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from io import BytesIO
from math import isqrt
from typing import Any, NamedTuple

import numpy as np
import polars as pl

from retrue.core.state import Floats, Ints
from retrue.errors import ProfileError

SIDE = 16
"""Rows and columns of a thumbnail."""
TOGETHER = 1_024
"""Images to hold at a time."""
MAGIC = re.compile(rb"\x89PNG\r\n\x1a\n|\xff\xd8\xff[\xc0-\xfe]|GIF8[79]a|RIFF....WEBP|II\*\0|MM\0\*", re.DOTALL)
"""How encoded images begin: PNG, JPEG, GIF, WebP, TIFF. Raw pixels may begin in any way, so short signs won't do."""
CHANNELS = (1, 3, 4)
GREY = np.array([0.299, 0.587, 0.114])
"""Luma of red, green and blue (ITU-R BT.601)."""


class Images(NamedTuple):
    """Images of one size, float64[n, rows, columns, channels] with 1 or 3 channels, and the rows that they are in."""

    pixels: Floats
    rows: Ints


def images(series: pl.Series) -> Iterator[Images]:
    """Read a column's images; nulls and what can't be read are left out."""
    for start in range(0, len(series), TOGETHER):
        part = series[start : start + TOGETHER]
        rows = np.flatnonzero(part.is_not_null().to_numpy())
        if rows.size:
            for found in read(part.drop_nulls()):
                yield Images(found.pixels, start + rows[found.rows])


def read(values: pl.Series) -> Iterator[Images]:
    """Read values without nulls: all at once where they have one shape, otherwise one by one.

    Raises:
        ProfileError: they are no images.
    """
    dtype = values.dtype
    if dtype == pl.Binary:
        yield from grouped([of_bytes(one) for one in values])
        return
    if not isinstance(dtype, pl.List | pl.Array):
        raise ProfileError(f"values of type {dtype} are no images", expected="lists, arrays or bytes")
    whole = of_one_shape(values)
    if whole is None:
        yield from grouped([of_lists(one) for one in values.to_list()])
        return
    shaped = [oriented(one) for one in whole[:1]]
    if shaped[0] is None:
        raise ProfileError(f"{' x '.join(map(str, whole.shape[1:]))} numbers are no image", expected=EXPECTED)
    flat = whole.reshape(len(whole), *raw_shape(whole.shape[1:]))
    yield Images(coloured(flat), np.arange(len(whole)))


EXPECTED = "rows x columns, with or without 3 channels; flat ones square"


def of_one_shape(values: pl.Series) -> Floats | None:
    """float64[n, ...]: nested lists or arrays that all have one shape; None where they don't."""
    shape, inner = [len(values)], values
    while isinstance(inner.dtype, pl.List | pl.Array):
        inner = inner.arr.to_list() if isinstance(inner.dtype, pl.Array) else inner
        lengths = inner.list.len()
        if inner.null_count() or lengths.n_unique() != 1 or not lengths[0]:
            return None
        shape.append(int(lengths[0]))
        inner = inner.explode()
    numbers = inner.cast(pl.Float64, strict=False).fill_null(float("nan")).to_numpy()
    return np.asarray(numbers, np.float64).reshape(shape)


def raw_shape(shape: tuple[int, ...]) -> tuple[int, ...]:
    """The shape of an image, a flat one taken as square; () where it is none.

    >>> raw_shape((256,)), raw_shape((192,)), raw_shape((28, 28)), raw_shape((200,))
    ((16, 16), (8, 8, 3), (28, 28), ())
    """
    if len(shape) == 1:
        n = shape[0]
        side = isqrt(n)
        third = isqrt(n // 3)
        return (side, side) if n and side * side == n else (third, third, 3) if n and third * third * 3 == n else ()
    if len(shape) == 2 or (len(shape) == 3 and (shape[2] in CHANNELS or shape[0] in CHANNELS)):
        return shape
    return ()


def oriented(array: Floats) -> Floats | None:
    """One image as rows x columns (x channels); None where it is none."""
    shape = raw_shape(array.shape)
    return array.reshape(shape) if shape else None


def coloured(batch: Floats) -> Floats:
    """float64[n, rows, columns, 1 or 3]: channels last, without transparency."""
    if batch.ndim == 3:
        return batch[..., None]
    last = batch if batch.shape[3] in CHANNELS else np.moveaxis(batch, 1, 3)
    return last[..., :3] if last.shape[3] == 4 else last


def grouped(found: list[Floats | None]) -> Iterator[Images]:
    """Put images of one size together; those that couldn't be read are left out."""
    sizes: dict[tuple[int, ...], list[int]] = {}
    for i, one in enumerate(found):
        if one is not None:
            sizes.setdefault(one.shape, []).append(i)
    for rows in sizes.values():
        yield Images(coloured(np.stack([one for i in rows if (one := found[i]) is not None])), np.array(rows, np.int64))


def of_lists(value: Any) -> Floats | None:
    """An image from nested lists; None where it is ragged or holds no numbers."""
    try:
        array = np.asarray(value, np.float64)
    except (TypeError, ValueError):
        return None
    return oriented(array) if array.size else None


def of_bytes(value: bytes) -> Floats | None:
    """An image from bytes: encoded, or the raw pixels of a square; None where it is neither."""
    if MAGIC.match(value):
        return decoded(value)
    return oriented(np.frombuffer(value, np.uint8).astype(np.float64))


def decoded(value: bytes) -> Floats | None:
    """An encoded image; None where it is damaged.

    Raises:
        ProfileError: Pillow isn't installed.
    """
    try:
        from PIL import Image
    except ImportError:
        raise ProfileError("encoded images need Pillow", hint='pip install "retrue[images]"') from None
    try:
        with Image.open(BytesIO(value)) as image:
            grey = image.mode in {"1", "L", "LA"}
            return np.asarray(image.convert("L" if grey else "RGB"), np.float64)
    except (OSError, ValueError, SyntaxError, Image.DecompressionBombError):
        return None


def white_of(series: pl.Series) -> float:
    """What counts as white: 1 where no pixel is greater, else 255, or the greatest value of deeper images."""
    greatest = max((float(np.nanmax(found.pixels)) for found in images(series) if found.pixels.size), default=255.0)
    return 1.0 if greatest <= 1 else max(greatest, 255.0)


def greys(pixels: Floats) -> Floats:
    """float64[n, rows, columns]: how bright each pixel is."""
    return pixels[..., 0] if pixels.shape[3] == 1 else np.asarray(np.vecdot(pixels, GREY), np.float64)


def thumbnails(series: pl.Series, white: float) -> Floats:
    """float64[rows, SIDE * SIDE]: each image in grey from 0 to 1, shrunk by averaging; NaN where there is none."""
    out = np.full((len(series), SIDE * SIDE), np.nan)
    for found in images(series):
        grey = greys(found.pixels) / white
        down, across = shrinking(grey.shape[1]), shrinking(grey.shape[2])
        small = np.vecdot(down[None, :, None, :], grey.transpose(0, 2, 1)[:, None, :, :])
        small = np.vecdot(across[None, None, :, :], np.ascontiguousarray(small)[:, :, None, :])
        out[found.rows] = small.reshape(len(small), SIDE * SIDE)
    return out


def shrinking(n: int) -> Floats:
    """float64[SIDE, n]: how much of each of n pixels lies in each of SIDE equal parts; rows add up to 1.

    >>> shrinking(32)[0, :3].tolist(), shrinking(8)[:3, 0].tolist()
    ([0.5, 0.5, 0.0], [1.0, 1.0, 0.0])
    """
    edges, cells = np.arange(SIDE + 1) * n / SIDE, np.arange(n)
    low, high = np.maximum(edges[:-1, None], cells), np.minimum(edges[1:, None], cells + 1)
    return np.asarray(np.maximum(high - low, 0.0) * SIDE / n, np.float64)
