"""A recipe for Keras 3 (TensorFlow, JAX or PyTorch underneath): `fit` with early stopping, kept as a `.keras` file."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import polars as pl

from retrue.core.state import Floats
from retrue.refine.train.boosters import missing
from retrue.refine.train.encode import Encoder
from retrue.refine.train.lesson import Lesson
from retrue.refine.train.nets import targets_of


@dataclass(frozen=True)
class Keras:
    """A Keras model, trained by its own `fit` with early stopping; the best epoch is kept.

    The back-end is the one that Keras finds (`KERAS_BACKEND`).

    Args:
        model: makes the model: a function of the numbers of inputs and outputs. Classifiers give probabilities, one for
            each class; a regression gives one number, in standard deviations of the label from its mean.
        loss: of Keras; cross entropy, or the squared error, unless given.
        optimizer: of Keras.
        epochs: passes over the rows, at most.
        batch: rows a step.
        patience: epochs without a gain on a tenth of the rows, after which it stops.
    """

    model: Callable[[int, int], Any]
    loss: Any = None
    optimizer: Any = "adam"
    epochs: int = 50
    batch: int = 256
    patience: int = 5

    def learn(self, lesson: Lesson) -> KerasNet:
        """Train; where it was cut off, Keras goes on from its own backup."""
        try:
            import keras
        except ImportError as error:
            raise missing("Keras", "keras") from error

        keras.utils.set_random_seed(lesson.seed)
        encoder = Encoder.learn(lesson.table, lesson.features, scaled=True)
        rows, (mean, sd, truth) = encoder(lesson.table).astype(np.float32), targets_of(lesson)
        order = np.random.default_rng(lesson.seed).permutation(len(rows))  # it spares the last rows as they come
        regression = lesson.task == "regression"
        net = self.model(rows.shape[1], 1 if regression else len(lesson.classes))
        net.compile(self.optimizer, self.loss or ("mse" if regression else "sparse_categorical_crossentropy"))
        stop = keras.callbacks.EarlyStopping(patience=self.patience, restore_best_weights=True)
        said = keras.callbacks.LambdaCallback(
            on_epoch_end=lambda epoch, logs: lesson.say(epoch + 1, self.epochs, f"epochs, loss {logs['val_loss']:.4f}")
        )
        kept = [] if lesson.folder is None else [keras.callbacks.BackupAndRestore(str(lesson.folder / "keras"))]
        net.fit(
            rows[order], truth[order], sample_weight=lesson.weights[order], validation_split=0.1, epochs=self.epochs,
            batch_size=self.batch, callbacks=[stop, said, *kept], verbose=0,
        )  # fmt: skip
        return KerasNet(encoder, written(net), np.array(lesson.classes) if lesson.classes else None, mean, sd)


def written(net: Any) -> bytes:
    """A model as the bytes of its `.keras` file."""
    with TemporaryDirectory() as folder:
        path = Path(folder) / "model.keras"
        net.save(path)
        return path.read_bytes()


@dataclass(frozen=True)
class KerasNet:
    """A trained Keras model as its file, and what it was fed."""

    encoder: Encoder
    file: bytes
    classes_: Any
    mean: float = 0.0
    sd: float = 1.0

    def predict(self, table: pl.DataFrame) -> Floats:
        """float64[rows] of a regression, float64[rows, classes] of a classifier."""
        import keras

        with TemporaryDirectory() as folder:
            path = Path(folder) / "model.keras"
            path.write_bytes(self.file)
            net = keras.models.load_model(path, compile=False)
        said = np.asarray(net.predict(self.encoder(table).astype(np.float32), verbose=0), np.float64)
        return said if self.classes_ is not None else said.reshape(-1) * self.sd + self.mean
