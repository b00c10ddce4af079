"""An autoencoder: a small network that learned to rebuild the reference, and how badly it rebuilds a vector.

It is trained by scikit-learn and applied by NumPy from its plain weights, so that nothing more needs installing, and
no worker needs what trained it.
"""

from __future__ import annotations

import warnings

import numpy as np
import polars as pl

from retrue.core.project import components, mixture, vectors
from retrue.core.project.registry import Family, Projection, register
from retrue.core.project.vectors import KINDS, products
from retrue.core.state import Fields, Floats
from retrue.errors import ProfileError
from retrue.schema import Kind

LAYERS = (32, 3, 32)
"""Units of the hidden layers; the middle one is what a vector is squeezed through."""
BATCH = 200
UPDATES = 4_000
"""Steps of training, of `BATCH` rows each."""


def learn(series: pl.Series, kind: Kind) -> Fields:
    """Train it on the standardised principal components (tanh, Adam, fixed seed).

    Raises:
        ProfileError: the vectors have too few directions to be squeezed.
    """
    from sklearn.exceptions import ConvergenceWarning
    from sklearn.neural_network import MLPRegressor

    fields = components.learn(series, kind)
    along = mixture.coordinates(vectors.basis(series, kind)[1], fields)
    if along.shape[1] <= LAYERS[1]:
        raise ProfileError(f"vectors vary in {along.shape[1]} directions", expected=f"more than {LAYERS[1]}")
    passes = UPDATES * BATCH // max(len(along), BATCH)
    options = {"max_iter": passes, "n_iter_no_change": passes, "learning_rate_init": 0.003, "random_state": 0}
    network = MLPRegressor(hidden_layer_sizes=LAYERS, activation="tanh", **options)
    with vectors.one_thread(), warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)  # so many passes are enough, and no more are wanted
        network.fit(along, along)
    layers = {f"weights{i}": weights.T.ravel() for i, weights in enumerate(network.coefs_)}
    biases = {f"biases{i}": bias for i, bias in enumerate(network.intercepts_)}
    learned = {**{name: fields[name] for name in fields if name != "left"}, **layers, **biases}
    usual = float(errors(along, learned).mean())
    return {**learned, "usual": np.array([usual or 1.0])}


def errors(along: Floats, learned: Fields) -> Floats:
    """float64[n]: how far each vector is from what the network makes of it."""
    found, last = along, len(LAYERS)
    for i in range(last + 1):
        bias = np.asarray(learned[f"biases{i}"], np.float64)
        found = products(found, np.asarray(learned[f"weights{i}"], np.float64).reshape(bias.size, -1)) + bias
        found = np.tanh(found) if i < last else found
    apart = found - along
    return np.asarray(np.sqrt(np.vecdot(apart, apart)), np.float64)


def compute(series: pl.Series, learned: Fields) -> dict[str, pl.Series]:
    """The reconstruction error; 1 is usual in the reference."""
    usual = float(np.asarray(learned["usual"])[0])

    def work(matrix: Floats) -> Floats:
        return errors(mixture.coordinates(matrix, learned), learned)[:, None] / usual

    return vectors.through(series, learned, ("autoencoder_error",), work)


FAMILY = Family("autoencoder", KINDS, compute, learn)
register(
    Projection(
        "autoencoder_error",
        FAMILY,
        f"Reconstruction error of an autoencoder, layers of {', '.join(map(str, LAYERS))} units; 1 is usual there.",
        "times the usual reconstruction error",
        strange="more",
        default=False,
    )
)
