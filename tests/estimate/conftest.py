"""A model whose truth is known: P(y = 1 | x, group) is a formula, and its score knows only x."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import polars as pl
import pytest

from retrue.core.state import Floats
from retrue.estimate.estimator import Estimator
from retrue.estimate.fitting import fit
from retrue.schema import Schema

Rows = Callable[..., pl.DataFrame]


def chance(x: Floats, group: Floats) -> Floats:
    """P(y = 1): the score is right where the groups are mixed half and half, and wrong for each group."""
    return np.clip(x + np.where(group == 1, 0.15, -0.15), 0, 1)


def made(n: int, share: float = 0.5, seed: int = 1) -> pl.DataFrame:
    """`n` rows of which `share` are of the group that has more positives than its score says; `p` is the truth."""
    rng = np.random.default_rng(seed)
    x, group = rng.uniform(0.15, 0.85, n), (rng.random(n) < share).astype(float)
    p = chance(x, group)
    names = np.where(group == 1, "high", "low")
    return pl.DataFrame({"x": x, "group": names, "s": x, "y": (rng.random(n) < p).astype(int), "p": p})


@pytest.fixture(scope="session")
def rows() -> Rows:
    """Rows of the model: `rows(n, share, seed)`."""
    return made


@pytest.fixture(scope="session")
def schema() -> Schema:
    """What the rows look like; the truth `p` is no feature."""
    return Schema.infer(made(2_000), label="y", score="s", features=["x", "group"])


@pytest.fixture(scope="session")
def estimator(schema: Schema) -> Estimator:
    """Learned on 6,000 rows, half of each group."""
    return fit(made(6_000), schema)
