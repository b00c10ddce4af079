"""Many states of one build in few arrays: the fields of windows one after the other, with where each ends.

A table of a hundred thousand short arrays takes seconds to write; a hundred long ones take none.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from retrue.core.column import prefixed, within
from retrue.core.state import Fields, Floats, Ints

LACKING = -1
"""The length of a field that a state doesn't have."""


def stack(states: Sequence[Fields]) -> dict[str, Ints | Floats | list[str]]:
    """Put the fields of states behind one another.

    >>> found = stack([{"n": np.array([1, 2])}, {"n": np.array([3])}])
    >>> found["values/n"].tolist(), found["lengths/n"].tolist()
    ([1, 2, 3], [2, 1])
    """
    names = list(dict.fromkeys(name for state in states for name in state))
    values: dict[str, Ints | Floats | list[str]] = {}
    lengths: dict[str, Ints | Floats | list[str]] = {}
    for name in names:
        lengths[name] = np.array([len(state[name]) if name in state else LACKING for state in states], np.int64)
        values[name] = joined([state[name] for state in states if name in state])
    return {**prefixed("values", values), **prefixed("lengths", lengths)}


def joined(parts: Sequence[Ints | Floats | list[str]]) -> Ints | Floats | list[str]:
    """One field of several states."""
    if isinstance(parts[0], list):
        return [text for part in parts for text in part]
    return np.concatenate([np.asarray(part) for part in parts])


def unstack(fields: Fields) -> list[dict[str, Ints | Floats | list[str]]]:
    """Give back what `stack` was given."""
    values, lengths = within("values", fields), within("lengths", fields)
    states: list[dict[str, Ints | Floats | list[str]]] = []
    for name, each in lengths.items():
        sizes, at = np.asarray(each, np.int64).tolist(), 0
        states = states or [{} for _ in sizes]
        for state, size in zip(states, sizes, strict=True):
            if size != LACKING:
                state[name] = values[name][at : at + size]
                at += size
    return states
