"""Whether two profiles are the same: every integer and text, and every float to 1e-12."""

from __future__ import annotations

from typing import Any

import numpy as np

from retrue.core.profile import Profile

CLOSE = 1e-12
"""How far sums may differ, by the largest of their field: they depend on the order of adding."""


def differing(one: Profile, other: Profile) -> list[str]:
    """The names of the fields that differ."""
    mine, theirs = one.fields(), other.fields()
    if mine.keys() != theirs.keys():
        return sorted(mine.keys() ^ theirs.keys())
    return [name for name, value in mine.items() if not same(name, value, theirs[name])]


def same(name: str, one: Any, other: Any) -> bool:
    """Whether a field is the same on both sides."""
    if isinstance(one, list) or isinstance(other, list) or one.dtype.kind != "f":
        return list(one) == list(other)
    if one.shape != other.shape:
        return False
    if name.endswith("/moments"):
        return same_moments(one, other)
    scale = float(np.abs(one[np.isfinite(one)]).max(initial=0.0))
    return bool(np.allclose(one, other, rtol=CLOSE, atol=CLOSE * scale, equal_nan=True))


def same_moments(one: Any, other: Any) -> bool:
    """Mean, M2, least, largest: the ends are the same; the mean is as large as they are."""
    ends = float(np.abs(one[2:]).max()) if np.isfinite(one[2:]).all() else 0.0
    mean = np.isclose(one[0], other[0], rtol=CLOSE, atol=CLOSE * ends)
    return bool(list(one[2:]) == list(other[2:]) and mean and np.isclose(one[1], other[1], rtol=CLOSE, equal_nan=True))
