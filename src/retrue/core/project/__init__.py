"""Projections: text, vectors, images and anything else become numeric columns, which get grids like any other.

    reference column ──learn──> Learned, stored with the grids
    batch ──apply──> one number (or category) a row ──> a grid of its own: `comment.oov_share`

`comment.words` is the column `comment` through the projection `words`. What is known of a projection is in the
registry; each family has a file. Register one of your own with the decorator `projection`.
"""

from retrue.core.project import (
    autoencoder,
    clusters,
    components,
    embedding,
    images,
    mixture,
    text,
    vocabulary,
)
from retrue.core.project.learned import Learned, apply, failed, learn, reason_of, unlearned
from retrue.core.project.registry import REGISTRY, Family, Projection, chosen, of_kind, projection

__all__ = [
    "REGISTRY",
    "Family",
    "Learned",
    "Projection",
    "apply",
    "autoencoder",
    "chosen",
    "clusters",
    "components",
    "embedding",
    "failed",
    "images",
    "learn",
    "mixture",
    "of_kind",
    "projection",
    "reason_of",
    "text",
    "unlearned",
    "vocabulary",
]
