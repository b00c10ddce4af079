"""A recipe for Keras 3 (on TensorFlow, JAX or PyTorch): its `fit`, early stopping, checkpoints, a `.keras` file."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np

from retrue.core.state import Floats
from retrue.refine.train.lesson import Lesson
from retrue.refine.train.numbers import Learned, Numbers, library, refuse_made

CHECKPOINT, WEIGHTS = "checkpoint.keras.npz", "state.weights.h5"


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
        """Train; a checkpoint in the lesson's folder is gone on from.

        Raises:
            SchemaError: the loss isn't a number any more.
        """
        keras = library("keras", "Keras")
        keras.utils.set_random_seed(lesson.seed)
        told = Numbers.of(lesson, scaled=True)
        net = self.model(*told.shape)
        net.compile(self.optimizer, self.loss or ("mse" if told.classes is None else "sparse_categorical_crossentropy"))
        Loop(self, lesson, net, told).run()
        return told.learner(partial(by_keras, written(net)))


@dataclass(eq=False)
class Loop:
    """Keras' `fit`, an epoch at a time, so that one that was cut off goes on as if it hadn't been.

    Keras' own backup forgets which epoch was the best, and a kill while it writes leaves half of one.
    """

    recipe: Keras
    lesson: Lesson
    net: Any
    told: Numbers

    def __post_init__(self) -> None:
        """Build the net."""
        rows = self.told.rows.astype("float32")
        self.learned, self.spared = (
            (rows[part], self.told.truth[part], self.lesson.weights[part]) for part in self.told.parts
        )
        self.net(rows[:1])  # one that wasn't told its inputs has no weights before
        self.epoch, self.best, self.since, self.kept = 0, float("inf"), 0, self.net.get_weights()

    def run(self) -> None:
        """Train until the patience is over, and keep the best epoch."""
        self.go_on()
        while self.epoch < self.recipe.epochs and self.since < self.recipe.patience:
            self.judge(self.trained())
            self.save()
        self.net.set_weights(self.kept)

    def trained(self) -> float:
        """The loss on the rows that are spared, an epoch later; its number gives the order of the others."""
        order = np.random.default_rng([self.lesson.seed, self.epoch]).permutation(len(self.learned[0]))
        rows, truth, weights = (part[order] for part in self.learned)
        seen = self.net.fit(
            rows, truth, sample_weight=weights, validation_data=self.spared, batch_size=self.recipe.batch,
            initial_epoch=self.epoch, epochs=self.epoch + 1, shuffle=False, verbose=0,
        )  # fmt: skip
        return float(seen.history["val_loss"][-1])

    def judge(self, value: float) -> None:
        """Note whether this epoch was the best.

        Raises:
            SchemaError: the loss isn't a number any more.
        """
        self.epoch += 1
        self.lesson.tell(self.epoch, self.recipe.epochs, value)
        self.since += 1
        if value < self.best:
            self.best, self.since, self.kept = value, 0, self.net.get_weights()

    def save(self) -> None:
        """Keep how far it is, with the optimiser's state, whole or not at all."""
        if self.lesson.folder is None:
            return
        path = self.lesson.folder / CHECKPOINT
        half = path.with_name("partial." + CHECKPOINT)
        with TemporaryDirectory() as folder:
            now = Path(folder) / WEIGHTS
            self.net.save_weights(now)
            state = np.frombuffer(now.read_bytes(), np.uint8)
        kept = {f"kept_{number}": weights for number, weights in enumerate(self.kept)}
        np.savez(half, state=state, epoch=self.epoch, best=self.best, since=self.since, **kept)
        half.replace(path)

    def go_on(self) -> None:
        """Take up where a training that was cut off has left."""
        path = None if self.lesson.folder is None else self.lesson.folder / CHECKPOINT
        if path is None or not path.exists():
            return
        self.net.optimizer.build(self.net.trainable_variables)
        with np.load(path) as kept, TemporaryDirectory() as folder:
            now = Path(folder) / WEIGHTS
            now.write_bytes(kept["state"].tobytes())
            self.net.load_weights(now)
            self.epoch, self.best, self.since = int(kept["epoch"]), float(kept["best"]), int(kept["since"])
            self.kept = [kept[f"kept_{number}"] for number in range(len(self.kept))]
        self.lesson.say(self.epoch, self.recipe.epochs, "epochs were done before; going on")


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
