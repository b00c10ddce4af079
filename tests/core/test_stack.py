"""States in few arrays come back as they were."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from retrue.core.stack import stack, unstack
from retrue.core.state import Fields

ARRAYS = st.lists(st.integers(-9, 9), max_size=4).map(lambda ints: np.array(ints, np.int64))
FLOATS = st.lists(st.floats(allow_nan=False), max_size=4).map(lambda floats: np.array(floats, np.float64))
TEXTS = st.lists(st.text(max_size=3), max_size=3)
STATES = st.fixed_dictionaries({"n": ARRAYS}, optional={"x": FLOATS, "of.y": TEXTS})


@given(st.lists(STATES, max_size=5))
def test_what_is_stacked_is_unstacked(states: list[Fields]) -> None:
    found = unstack(stack(states))
    assert len(found) == len(states)
    for again, state in zip(found, states, strict=True):
        assert set(again) == set(state)
        for name, value in state.items():
            if isinstance(value, list):
                assert again[name] == value
            else:
                own = np.asarray(again[name])
                assert own.dtype == value.dtype
                np.testing.assert_array_equal(own, value)
