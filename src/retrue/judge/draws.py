"""Draws: sampling noise and wander in standard form, made once for all columns, windows and sizes.

Importance sampling with defensive mixtures (Hesterberg 1995, "Weighted average importance sampling and defensive
mixture distributions"): half of the windows are wild in their noise, half in their effects, half in the effects'
spread. What the world does once in a million windows a wild one does often, and each window counts by how much likelier
it is in the real one.

    noise [bins, draws]   effects [directions, draws]   weights [draws] of each, that multiply
"""

from __future__ import annotations

import math
from functools import lru_cache
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt

from retrue.core.state import Bools, Floats
from retrue.judge.distance import chi2_quantile

Reals: TypeAlias = npt.NDArray[np.floating[Any]]
DRAWS = 4_000
"""Windows simulated."""

MODES = 3
"""Directions in which wild worlds move further: the largest waves of a bridge, and of the wander."""

RARE = 1e-5
"""What wild worlds make common."""


@lru_cache(maxsize=1)
def bridges(points: int) -> tuple[Reals, Floats]:
    """Draw Brownian bridges on a lattice of `points` + 1, wild ones in their largest waves.

    By their Karhunen-Loeve series (Shorack and Wellner 1986, "Empirical processes", 5.2), on a lattice.
    """
    normals, weights = _wild(points - 1, MODES, np.random.default_rng(1), np.arange(DRAWS) % 2 == 1)
    wave = np.arange(1, points)
    size = 1 / (2 * points * np.sin(math.pi * wave / (2 * points)))
    waves = math.sqrt(2) * np.sin(math.pi * np.outer(np.arange(points + 1), wave) / points)
    return ((waves * size) @ normals).astype(np.float32), weights


@lru_cache(maxsize=32)
def white(bins: int) -> tuple[Reals, Floats]:
    """Draw white noise, wild ones in all directions."""
    normals, weights = _wild(bins, bins, np.random.default_rng(2), np.arange(DRAWS) % 2 == 1)
    return normals.astype(np.float32), weights


def effects(directions: int, degrees: float) -> tuple[Reals, Floats]:
    """Draw effects, a multivariate t of so many degrees of freedom: wild in their largest directions, or all large."""
    if directions == 0:
        return np.zeros((0, DRAWS), np.float32), np.ones(DRAWS)
    rng, turn = np.random.default_rng(3), np.arange(DRAWS)
    normals, weights = _wild(directions, MODES, rng, turn // 2 % 2 == 1)
    square, shrink = rng.chisquare(degrees, DRAWS), _shrink(degrees)
    square[turn // 4 % 2 == 1] *= shrink
    weights *= _weight(-degrees / 2 * math.log(shrink) - square * (1 / shrink - 1) / 2)
    return (normals * np.sqrt(degrees / square)).astype(np.float32), weights


def _wild(bins: int, few: int, rng: np.random.Generator, wild: Bools) -> tuple[Floats, Floats]:
    """Draw normals [bins, draws], the `few` first of wild draws stretched to where the real ones are 1 in 10^5."""
    normals = rng.standard_normal((bins, DRAWS))
    few = min(few, bins)
    stretch = math.sqrt(chi2_quantile(few, RARE) / few)
    normals[:few, wild] *= stretch
    gain = (normals[:few] ** 2).sum(axis=0) / 2 * (1 - stretch**-2) - few * math.log(stretch)
    return normals, _weight(gain)


def _weight(gain: Floats) -> Floats:
    """Give the weights of draws that are likelier in the wild world by these logarithms."""
    return np.asarray(2 / (1 + np.exp(np.clip(gain, -500, 500))))


def _shrink(degrees: float) -> float:
    """By how much a wild world shrinks the chi-square under a t: to about its lower 1 in 1,000 (Wilson, Hilferty)."""
    scale = 2 / (9 * degrees)
    return max(1 - scale - 3.09 * math.sqrt(scale), 0.5) ** 3
