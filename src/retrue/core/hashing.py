"""A 64-bit hash of text that never changes: the same on every machine and in every version.

    h(s) = mix( sum_i (byte_i + 1) p^i  +  len(s) g )   mod 2^64      (p, g odd; mix = splitmix64's finaliser)

The sum is taken for all texts at once: prefix sums over the joined UTF-8 bytes, differences at the texts' ends, and a
multiplication by p^-start (p is odd, so it has an inverse modulo 2^64).
"""

from __future__ import annotations

from functools import lru_cache

import numpy as np
import numpy.typing as npt
import polars as pl

PRIME = 0x100000001B3  # FNV's 64-bit prime
GOLDEN = np.uint64(0x9E3779B97F4A7C15)
BLOCK = 65_536  # ids hashed at once: keeps the working set inside the cache

UInts = npt.NDArray[np.uint64]
Floats = npt.NDArray[np.float64]


def hash64(ids: pl.Series) -> pl.Series:
    """Hash text ids to Int64, the same on every machine and in every version; null stays null.

    Args:
        ids: String series of n ids.

    Returns:
        Int64 series of n hashes (the 64 bits, read as signed: Delta has no unsigned integers).

    >>> hash64(pl.Series(["17", "a", "", None])).to_list()
    [6205107549454758695, -1085744880512107243, 0, None]
    """
    hashes = np.zeros(len(ids), np.uint64)
    known = ids.fill_null("")
    for start in range(0, len(ids), BLOCK):
        part = known.slice(start, BLOCK)
        hashes[start : start + len(part)] = _hash_block(part)
    out = pl.Series(ids.name, hashes.view(np.int64))
    return out if not ids.null_count() else out.to_frame().select(pl.when(ids.is_not_null()).then(pl.all()))[ids.name]


def _hash_block(ids: pl.Series) -> UInts:
    lengths = ids.str.len_bytes().to_numpy().astype(np.int64)
    data = np.frombuffer(ids.str.join("").item().encode(), np.uint8)
    powers, inverses = _powers(1 << max(16, len(data).bit_length()))
    ends = np.cumsum(lengths)
    starts = ends - lengths
    sums = np.zeros(len(data) + 1, np.uint64)
    np.cumsum((data.astype(np.uint64) + np.uint64(1)) * powers[: len(data)], out=sums[1:])
    return mix((sums[ends] - sums[starts]) * inverses[starts] + lengths.astype(np.uint64) * GOLDEN)


@lru_cache(maxsize=2)
def _powers(size: int) -> tuple[UInts, UInts]:
    """Powers of the prime and of its inverse modulo 2^64, exponents 0 to size."""
    return _geometric(PRIME, size), _geometric(pow(PRIME, -1, 1 << 64), size)


def _geometric(base: int, size: int) -> UInts:
    factors = np.full(size + 1, base, np.uint64)
    factors[0] = 1
    return np.cumprod(factors, dtype=np.uint64)


def mix(values: UInts) -> UInts:
    """Spread 64-bit values evenly (the finaliser of splitmix64, Steele, Lea and Flood 2014).

    >>> int(mix(np.array([1], np.uint64))[0])
    6238072747940578789
    """
    out = values ^ (values >> np.uint64(30))
    out *= np.uint64(0xBF58476D1CE4E5B9)
    out ^= out >> np.uint64(27)
    out *= np.uint64(0x94D049BB133111EB)
    out ^= out >> np.uint64(31)
    return out


def numbers(hashes: pl.Series) -> Floats:
    """float64[n], inside (0, 1): the number of each row, from the 64 bits of its hashed id.

    Rows without an id get theirs from their place, so that they aren't all in or all out.
    """
    known = hashes.fill_null(0).cast(pl.Int64).to_numpy().view(np.uint64).copy()
    nameless = np.flatnonzero(hashes.is_null().to_numpy())
    known[nameless] = mix((nameless.astype(np.uint64) + np.uint64(1)) * GOLDEN)
    found: Floats = np.minimum((known.astype(np.float64) + 0.5) / 2.0**64, np.nextafter(1.0, 0.0))
    return found
