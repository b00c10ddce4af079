"""A recipe for Keras 3 (TensorFlow, JAX or PyTorch underneath): `fit` with early stopping, kept as a `.keras` file."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from retrue.core.state import Floats
from retrue.refine.train.lesson import Lesson
from retrue.refine.train.numbers import Learned, Numbers, library, refuse_made


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

    def __post_init__(self) -> None:
        """Refuse a net that is made already."""
        refuse_made(self.model, "rt.Keras")

    def learn(self, lesson: Lesson) -> Learned:
        """Train; where it was cut off, Keras goes on from its own backup."""
        keras = library("keras", "Keras")
        keras.utils.set_random_seed(lesson.seed)
        told = Numbers.of(lesson, scaled=True)
        net = self.model(*told.shape)
        net.compile(self.optimizer, self.loss or ("mse" if told.classes is None else "sparse_categorical_crossentropy"))
        calls = [
            keras.callbacks.LambdaCallback(
                on_epoch_end=lambda epoch, logs: lesson.tell(epoch + 1, self.epochs, logs["val_loss"])
            ),
            keras.callbacks.EarlyStopping(patience=self.patience, restore_best_weights=True),
        ]
        if lesson.folder is not None:
            calls.append(keras.callbacks.BackupAndRestore(str(lesson.folder / "keras")))
        rows = told.rows.astype("float32")
        learned, spared = ((rows[part], told.truth[part], lesson.weights[part]) for part in told.parts)
        net.fit(
            *learned[:2], sample_weight=learned[2], validation_data=spared, epochs=self.epochs, batch_size=self.batch,
            callbacks=calls, verbose=0,
        )  # fmt: skip
        return told.learner(partial(by_keras, written(net)))


def written(net: Any) -> bytes:
    """A model as the bytes of its `.keras` file."""
    with TemporaryDirectory() as folder:
        path = Path(folder) / "model.keras"
        net.save(path)
        return path.read_bytes()


def by_keras(file: bytes, rows: Floats) -> Any:
    """What the model of a `.keras` file says."""
    import keras

    with TemporaryDirectory() as folder:
        path = Path(folder) / "model.keras"
        path.write_bytes(file)
        net = keras.models.load_model(path, compile=False)
    return net.predict(rows.astype("float32"), verbose=0)
