"""What an image looks like: brightness, contrast, sharpness, size, colour."""

from __future__ import annotations

import numpy as np
import polars as pl

from retrue.core.project import pixels
from retrue.core.project.pixels import greys, images
from retrue.core.project.registry import Family, Projection, register
from retrue.core.project.vectors import DIGITS, LEAST, sampled
from retrue.core.state import Fields, Floats
from retrue.errors import ProfileError
from retrue.schema import Kind

NAMES = ("brightness", "contrast", "sharpness", "pixels", "aspect", "colourfulness")


def learn(series: pl.Series, _kind: Kind) -> Fields:
    """What counts as white.

    Raises:
        ProfileError: too few images to tell.
    """
    sample = sampled(series)
    if len(sample) < LEAST:
        raise ProfileError(f"only {len(sample):,} images in the reference", expected=f"at least {LEAST}")
    return {"white": np.array([pixels.white_of(sample)])}


def compute(series: pl.Series, learned: Fields) -> dict[str, pl.Series]:
    """Measure each image; NaN where it can't be read."""
    white, out = float(np.asarray(learned["white"])[0]), np.full((len(series), len(NAMES)), np.nan)
    for found in images(series):
        out[found.rows] = measured(found.pixels / white)
    return {name: pl.Series(name, np.round(out[:, i], DIGITS) + 0.0) for i, name in enumerate(NAMES)}


def measured(batch: Floats) -> Floats:
    """float64[n, 6]: the measures of images from 0 to 1, float64[n, rows, columns, channels]."""
    grey = greys(batch)
    n, height, width = grey.shape
    flat = grey.reshape(n, -1)
    sizes = np.broadcast_to([height * width, width / height], (n, 2))
    return np.column_stack([flat.mean(axis=1), flat.std(axis=1), sharpness(grey), sizes, colourfulness(batch)])


def sharpness(grey: Floats) -> Floats:
    """float64[n]: the variance of the Laplacian (Pech-Pacheco et al. 2000); 0 of images thinner than 3 pixels."""
    if min(grey.shape[1:]) < 3:
        return np.zeros(len(grey))
    middle = grey[:, 1:-1, 1:-1]
    edges = grey[:, :-2, 1:-1] + grey[:, 2:, 1:-1] + grey[:, 1:-1, :-2] + grey[:, 1:-1, 2:] - 4 * middle
    return np.asarray(edges.reshape(len(edges), -1).var(axis=1), np.float64)


def colourfulness(batch: Floats) -> Floats:
    """float64[n]: Hasler and Süsstrunk 2003, equation 4; 0 of grey images."""
    if batch.shape[3] == 1:
        return np.zeros(len(batch))
    red, green, blue = (batch[..., i].reshape(len(batch), -1) for i in range(3))
    first, second = red - green, (red + green) / 2 - blue
    spread = np.hypot(first.std(axis=1), second.std(axis=1))
    return np.asarray(spread + 0.3 * np.hypot(first.mean(axis=1), second.mean(axis=1)), np.float64)


FAMILY = Family("image", frozenset({Kind.IMAGE}), compute, learn)
register(
    Projection("brightness", FAMILY, "Mean brightness, 0 black to 1 white.", "is the mean brightness"),
    Projection("contrast", FAMILY, "Standard deviation of the brightness of its pixels.", "is the mean contrast"),
    Projection("sharpness", FAMILY, "Variance of the Laplacian: small where blurred.", "is the mean sharpness"),
    Projection("pixels", FAMILY, "Rows times columns.", "pixels on average"),
    Projection("aspect", FAMILY, "Width divided by height.", "is the mean width for a height of 1"),
    Projection(
        "colourfulness",
        FAMILY,
        "How far colours lie from grey (Hasler and Süsstrunk 2003).",
        "is the mean colourfulness",
    ),
)
