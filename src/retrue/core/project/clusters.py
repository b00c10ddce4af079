"""Clusters: the reference's vectors in a few groups (k-means), and how far each vector is from the nearest one."""

from __future__ import annotations

import numpy as np
import polars as pl

from retrue.core.project import vectors
from retrue.core.project.registry import Family, Projection, register
from retrue.core.project.vectors import KINDS, products, rows_of, whole
from retrue.core.state import Fields, Floats
from retrue.errors import ProfileError
from retrue.schema import Kind

CLUSTERS = 8
"""Clusters of a column, the largest first."""
ROWS_EACH = 10
"""Rows that a cluster needs."""


def learn(series: pl.Series, kind: Kind) -> Fields:
    """Mini-batch k-means (Sculley 2010) with a fixed seed; the centres, and the usual distance to the nearest."""
    from sklearn.cluster import MiniBatchKMeans

    fields, matrix = vectors.basis(series, kind)
    distinct = len(np.unique(matrix[:1000], axis=0))
    if distinct < 2:
        raise ProfileError("all vectors of the reference are equal")
    k = min(CLUSTERS, distinct, max(len(matrix) // ROWS_EACH, 2))
    with vectors.one_thread():
        found = MiniBatchKMeans(k, random_state=0, n_init=3, batch_size=2048, max_iter=30).fit(matrix)
    centres = found.cluster_centers_
    nearest, distance = assigned(matrix, centres.astype(np.float64))
    sizes = np.bincount(nearest, minlength=k)
    order = np.argsort(-sizes, kind="stable")[: int((sizes > 0).sum())]
    usual = float(distance.mean())
    return {**fields, "centres": centres[order].astype(np.float64).ravel(), "usual": np.array([usual or 1.0])}


def assigned(matrix: Floats, centres: Floats) -> tuple[np.ndarray[tuple[int], np.dtype[np.intp]], Floats]:
    """The nearest centre of each row, and how far it is."""
    squares = np.vecdot(matrix, matrix)[:, None] - 2 * products(matrix, centres) + np.vecdot(centres, centres)
    # Vectors that are the same distance from two centres go to the first one, on any processor.
    nearest = np.round(squares / max(float(np.vecdot(centres, centres).max()), 1e-300), 9).argmin(axis=1)
    return nearest, np.sqrt(np.maximum(np.take_along_axis(squares, nearest[:, None], axis=1)[:, 0], 0.0))


def compute(series: pl.Series, learned: Fields) -> dict[str, pl.Series]:
    """The nearest cluster as a category from "1" (the largest) on, and the distance to it."""
    centres, usual = rows_of(learned, "centres", whole(learned, "dimension")), float(np.asarray(learned["usual"])[0])

    def work(matrix: Floats) -> Floats:
        nearest, distance = assigned(matrix, centres)
        return np.column_stack([nearest + 1.0, distance / usual])

    found = vectors.through(series, learned, ("cluster", "cluster_distance"), work)
    names = found["cluster"].fill_nan(None).cast(pl.Int64).cast(pl.String)
    return {**found, "cluster": names}


FAMILY = Family("clusters", KINDS, compute, learn)
register(
    Projection(
        "cluster",
        FAMILY,
        f"The nearest of at most {CLUSTERS} clusters of the reference, the largest first.",
        categorical=True,
    ),
    Projection(
        "cluster_distance",
        FAMILY,
        "Distance to the nearest cluster of the reference; 1 is usual there.",
        "times the usual distance to the nearest cluster",
        strange="more",
    ),
)
