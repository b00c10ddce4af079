"""Density: how likely the reference's own mixture of Gaussians makes a vector."""

from __future__ import annotations

import numpy as np
import polars as pl

from retrue.core.project import components, vectors
from retrue.core.project.registry import Family, Projection, register
from retrue.core.project.vectors import KINDS, products, rows_of
from retrue.core.state import Fields, Floats
from retrue.schema import Kind

PARTS = 8
"""Gaussians."""
AXES = 16
"""Principal components that the density is over: along the small ones a mixture learns noise."""
ROWS_EACH = 25
"""Rows that a Gaussian needs."""


def learn(series: pl.Series, kind: Kind) -> Fields:
    """A mixture of Gaussians with diagonal covariances over the standardised principal components (fixed seed)."""
    from sklearn.mixture import GaussianMixture

    fields = components.learn(series, kind)
    _, matrix = vectors.basis(series, kind)
    along = coordinates(matrix, fields)
    parts = min(PARTS, max(len(along) // ROWS_EACH, 1))
    with vectors.one_thread():
        found = GaussianMixture(parts, covariance_type="diag", random_state=0, reg_covar=1e-3).fit(along)
    return {
        **{name: fields[name] for name in fields if name != "left"},
        "shares": found.weights_,
        "centres": found.means_.ravel(),
        "variances": found.covariances_.ravel(),
    }


def coordinates(matrix: Floats, fields: Fields) -> Floats:
    """float64[n, k]: vectors along the first principal components, standardised."""
    mean, deviations = np.asarray(fields["mean"]), np.asarray(fields["deviations"])[:AXES]
    along: Floats = products(matrix - mean, rows_of(fields, "components", mean.size)[:AXES]) / deviations
    return along


def compute(series: pl.Series, learned: Fields) -> dict[str, pl.Series]:
    """The logarithm of the mixture's density for each component that it is over, in nats."""
    k = min(AXES, np.asarray(learned["deviations"]).size)
    centres, variances = rows_of(learned, "centres", k), rows_of(learned, "variances", k)
    constants = np.log(np.asarray(learned["shares"])) - 0.5 * (k * np.log(2 * np.pi) + np.log(variances).sum(axis=1))

    def work(matrix: Floats) -> Floats:
        apart = coordinates(matrix, learned)[:, None, :] - centres[None]
        logs = constants - 0.5 * (apart * apart / variances[None]).sum(axis=2)
        top = logs.max(axis=1, keepdims=True)
        total: Floats = top + np.log(np.exp(logs - top).sum(axis=1, keepdims=True))
        return total / k

    return vectors.through(series, learned, ("density",), work)


FAMILY = Family("mixture", KINDS, compute, learn)
register(
    Projection(
        "density",
        FAMILY,
        f"Log-likelihood under a mixture of {PARTS} Gaussians learned from the reference, for each component.",
        "is the mean log-likelihood for each component",
        default=False,
        strange="less",
    )
)
