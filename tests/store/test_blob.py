"""Profiles as blobs come back as they were, or are refused."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from retrue.errors import ProfileError
from retrue.store.blob import MAGIC, pack, unpack

INTS = arrays(np.int64, st.integers(0, 20))
FLOATS = arrays(np.float64, st.integers(0, 20))


@given(st.dictionaries(st.text(max_size=8), INTS | FLOATS | st.lists(st.text(max_size=8), max_size=4), max_size=5))
def test_arrays_and_texts_come_back(fields: dict[str, np.ndarray | list[str]]) -> None:
    again = unpack(pack(fields))
    assert again.keys() == fields.keys()
    for name, value in fields.items():
        if isinstance(value, list):
            assert again[name] == value
        else:
            np.testing.assert_array_equal(again[name], value)


def test_newer_damaged_and_foreign_bytes_are_refused() -> None:
    good = pack({"n": np.arange(3)})
    with pytest.raises(ProfileError, match="upgrade Retrue"):
        unpack(MAGIC + b"\xff\xff" + good[6:])
    with pytest.raises(ProfileError, match="recount it"):
        unpack(good[:-4])
    with pytest.raises(ProfileError, match="no profile"):
        unpack(b"PK\x03\x04")
