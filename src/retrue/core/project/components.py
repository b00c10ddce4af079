"""Directions: where a vector lies along the reference's principal components and some random ones, and how far off.

Principal components by randomised subspace iteration (Halko, Martinsson and Tropp 2011, algorithms 4.4 and 5.1), with
a fixed seed and signs; exact where the vectors are short. Coordinates are in standard deviations of the reference.
"""

from __future__ import annotations

import numpy as np
import polars as pl

from retrue.core.project import vectors
from retrue.core.project.registry import Family, Projection, register
from retrue.core.project.vectors import KINDS, products, rows_of, whole
from retrue.core.state import Fields, Floats
from retrue.errors import ProfileError
from retrue.schema import Kind

SHOWN = 3
"""Components with a projection of their own."""
MOST = 32
"""Components that a vector is rebuilt from: as many as explain `EXPLAINED` of the variance, but no more."""
EXPLAINED = 0.9
SPARE = 10
ROUNDS = 6
LEAST_LEFT = 1e-6
"""A smaller share of variance beyond the components is noise of the arithmetic."""


def principal(matrix: Floats, most: int = MOST) -> tuple[Floats, Floats]:
    """The principal components of a matrix whose columns have mean 0.

    Returns:
        float64[k, d], orthonormal, the largest variance first, each with its largest element positive; and float64[k],
        the variances along them.
    """
    rows, d = matrix.shape
    width = min(most + SPARE, rows, d)
    span = np.linalg.qr(np.random.default_rng(0).normal(size=(d, width)))[0]
    for _ in range(ROUNDS):
        span = np.linalg.qr(matrix.T @ (matrix @ span))[0]
    _, singular, right = np.linalg.svd(matrix @ span, full_matrices=False)
    found = (span @ right.T).T[:most]
    signs = np.sign(np.take_along_axis(found, np.abs(found).argmax(axis=1)[:, None], axis=1))
    return found * np.where(signs == 0, 1.0, signs), singular[:most] ** 2 / rows


def learn(series: pl.Series, kind: Kind) -> Fields:
    """Mean, components with their deviations, and the usual distance of a vector from what they rebuild."""
    fields, matrix = vectors.basis(series, kind)
    mean = matrix.mean(axis=0)
    centred = matrix - mean
    total = float((centred * centred).sum() / len(matrix))
    if not np.isfinite(total) or total <= 0:
        raise ProfileError("all vectors of the reference are equal" if total == 0 else "its vectors are too large")
    with vectors.one_thread():
        directions, variances = principal(centred)
    told = np.cumsum(variances) / total
    k = min(max(SHOWN, int(np.searchsorted(told, EXPLAINED)) + 1), int((variances > total * 1e-12).sum()))
    left = lengths_beside(centred, products(centred, directions[:k]))
    return {
        **fields,
        "mean": mean,
        "components": directions[:k].ravel(),
        "deviations": np.sqrt(variances[:k]),
        "left": np.array([left.mean() if 1 - told[k - 1] > LEAST_LEFT else 0.0]),
    }


def lengths_beside(centred: Floats, along: Floats) -> Floats:
    """float64[n]: the length of each vector beside its coordinates, float64[n, k], along orthonormal directions."""
    squares = np.vecdot(centred, centred) - np.vecdot(along, along)
    return np.asarray(np.sqrt(np.maximum(squares, 0.0)), np.float64)


def compute(series: pl.Series, learned: Fields) -> dict[str, pl.Series]:
    """Coordinates along the first components, and the reconstruction error."""
    mean, deviations = np.asarray(learned["mean"]), np.asarray(learned["deviations"])
    directions, left = rows_of(learned, "components", mean.size), float(np.asarray(learned["left"])[0])
    shown = min(SHOWN, len(directions))
    names = (*(f"pc{i + 1}" for i in range(shown)), *(("reconstruction_error",) if left else ()))

    def work(matrix: Floats) -> Floats:
        centred = matrix - mean
        along = products(centred, directions)
        standard: Floats = along[:, :shown] / deviations[:shown]
        if not left:
            return standard
        return np.column_stack([standard, lengths_beside(centred, along) / left])

    return vectors.through(series, learned, names, work)


def learn_random(series: pl.Series, kind: Kind) -> Fields:
    """Random directions of length 1 (Gaussian, fixed seed) with the reference's mean and deviation along them."""
    fields, matrix = vectors.basis(series, kind)
    drawn = np.random.default_rng(1).normal(size=(SHOWN, whole(fields, "dimension")))
    directions = drawn / np.sqrt(np.vecdot(drawn, drawn))[:, None]
    along = products(matrix, directions)
    spread = along.std(axis=0)
    means = along.mean(axis=0)
    return {**fields, "directions": directions.ravel(), "means": means, "spread": np.where(spread > 0, spread, 1.0)}


def compute_random(series: pl.Series, learned: Fields) -> dict[str, pl.Series]:
    """Coordinates along the random directions."""
    directions = rows_of(learned, "directions", whole(learned, "dimension"))
    means, spread = np.asarray(learned["means"]), np.asarray(learned["spread"])
    names = tuple(f"random{i + 1}" for i in range(SHOWN))
    return vectors.through(series, learned, names, lambda matrix: (products(matrix, directions) - means) / spread)


FAMILY = Family("components", KINDS, compute, learn)
register(
    *(
        Projection(f"pc{i}", FAMILY, f"Position along principal component {i}, in the reference's standard deviations.")
        for i in range(1, SHOWN + 1)
    ),
    Projection(
        "reconstruction_error",
        FAMILY,
        f"Distance from what the principal components (at most {MOST}) rebuild; 1 is usual in the reference.",
        "times the usual reconstruction error",
        strange="more",
    ),
)
RANDOM = Family("random", KINDS, compute_random, learn_random)
register(
    *(
        Projection(f"random{i}", RANDOM, f"Position along random direction {i}, in standard deviations.", default=False)
        for i in range(1, SHOWN + 1)
    )
)
