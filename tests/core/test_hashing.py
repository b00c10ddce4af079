"""A text has one hash, on every machine and in every version."""

from __future__ import annotations

import polars as pl
from hypothesis import given
from hypothesis import strategies as st

from retrue.core.hashing import BLOCK, GOLDEN, PRIME, hash64

MASK = (1 << 64) - 1


def plain_hash(text: str) -> int:
    """The formula of the module's docstring, in Python integers."""
    data = text.encode()
    value = (sum((byte + 1) * pow(PRIME, i, 1 << 64) for i, byte in enumerate(data)) + len(data) * int(GOLDEN)) & MASK
    value ^= value >> 30
    value = value * 0xBF58476D1CE4E5B9 & MASK
    value ^= value >> 27
    value = value * 0x94D049BB133111EB & MASK
    value ^= value >> 31
    return value - (1 << 64) if value >> 63 else value


@given(st.lists(st.text(max_size=30)))
def test_the_hash_of_all_ids_at_once_is_the_formula_for_each(texts: list[str]) -> None:
    assert hash64(pl.Series(texts, dtype=pl.String)).to_list() == [plain_hash(text) for text in texts]


def test_known_hashes_never_change() -> None:
    """Lakes hold these numbers: a change here would break every join with rows written before."""
    known = {"": 0, "0": 2038608524547893592, "flight-17": 4190382939220412504, "Ünïcode": -8581655608173595671}
    assert dict(zip(known, hash64(pl.Series(list(known))).to_list(), strict=True)) == known


def test_blocks_do_not_show() -> None:
    ids = pl.Series([str(i) for i in range(BLOCK + 10)])
    assert hash64(ids)[-1] == plain_hash(str(BLOCK + 9))


def test_a_million_ids_have_a_million_hashes() -> None:
    assert hash64(pl.int_range(1_000_000, eager=True).cast(pl.String)).n_unique() == 1_000_000


def test_a_missing_id_has_no_hash() -> None:
    assert hash64(pl.Series(["a", None])).null_count() == 1
