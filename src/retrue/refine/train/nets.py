"""A recipe for PyTorch: a module, a loss, and a loop with early stopping that goes on where it was cut off.

A module of your own and a loop of your own need no recipe: write them in a `fit(table, weights)`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import polars as pl

from retrue.core.state import Floats
from retrue.errors import SchemaError
from retrue.refine.train.boosters import missing
from retrue.refine.train.encode import Encoder
from retrue.refine.train.lesson import Lesson

CHECKPOINT = "checkpoint.pt"
CHUNK = 65_536
"""Rows that are predicted at a time."""


@dataclass(frozen=True)
class Torch:
    """A PyTorch module, trained by AdamW with early stopping; the best epoch is kept.

    Args:
        module: makes the module: a function of the numbers of inputs and outputs. Classifiers give logits, one for each
            class; a regression gives one number, in standard deviations of the label from its mean.
        loss: a loss of outputs and targets that gives one number for each row (`reduction="none"`); cross entropy, or
            the squared error, unless given.
        epochs: passes over the rows, at most.
        batch: rows a step.
        rate: the learning rate.
        patience: epochs without a gain on the rows that are spared, after which it stops.
        spared: the share of the rows that tell.
    """

    module: Callable[[int, int], Any]
    loss: Callable[[Any, Any], Any] | None = None
    epochs: int = 50
    batch: int = 256
    rate: float = 1e-3
    patience: int = 5
    spared: float = 0.1

    def learn(self, lesson: Lesson) -> Net:
        """Train; a checkpoint in the lesson's folder is gone on from."""
        try:
            import torch
        except ImportError as error:
            raise missing("PyTorch", "torch") from error

        torch.manual_seed(lesson.seed)
        encoder = Encoder.learn(lesson.table, lesson.features, scaled=True)
        rows = torch.tensor(encoder(lesson.table), dtype=torch.float32)
        mean, sd, truth = targets_of(lesson)
        outputs = 1 if lesson.task == "regression" else len(lesson.classes)
        net = self.module(rows.shape[1], outputs)
        Loop(self, lesson, net, rows, torch.tensor(truth)).run()
        return Net(encoder, net.eval(), np.array(lesson.classes) if lesson.classes else None, mean, sd)


def targets_of(lesson: Lesson) -> tuple[float, float, Any]:
    """Mean and sd of a regression's labels, and what is learned: those scaled, or the codes of the classes."""
    if lesson.task != "regression":
        return 0.0, 1.0, lesson.codes
    mean, sd = float(lesson.targets.mean()), float(lesson.targets.std()) or 1.0
    return mean, sd, ((lesson.targets - mean) / sd).astype(np.float32)


@dataclass(eq=False)
class Loop:
    """The training loop."""

    recipe: Torch
    lesson: Lesson
    net: Any
    rows: Any
    truth: Any

    def __post_init__(self) -> None:
        """Make the optimiser and choose the rows that tell when to stop."""
        import torch

        self.weights = torch.tensor(self.lesson.weights, dtype=torch.float32)
        self.optimiser = torch.optim.AdamW(self.net.parameters(), lr=self.recipe.rate)
        rng = np.random.default_rng(self.lesson.seed)
        spared = rng.random(len(self.rows)) < self.recipe.spared
        if spared.all() or not spared.any():
            spared[:] = False
        self.learned = torch.tensor(np.flatnonzero(~spared))
        self.telling = torch.tensor(np.flatnonzero(spared if spared.any() else ~spared))
        self.epoch, self.best, self.since, self.kept = 0, float("inf"), 0, self.state()

    def run(self) -> None:
        """Train until the patience is over, and keep the best epoch."""
        self.go_on()
        while self.epoch < self.recipe.epochs and self.since < self.recipe.patience:
            for part in self.batches():
                self.optimiser.zero_grad()
                self.loss(part).backward()
                self.optimiser.step()
            self.judge()
            self.save()
        self.net.load_state_dict(self.kept)

    def batches(self) -> Iterator[Any]:
        """The rows of this epoch, in an order that its number gives: a training that goes on sees the same."""
        import torch

        order = torch.randperm(
            len(self.learned), generator=torch.Generator().manual_seed(self.lesson.seed + self.epoch)
        )
        self.net.train()
        yield from self.learned[order].split(self.recipe.batch)

    def loss(self, part: Any) -> Any:
        """The weighted mean loss of some rows."""
        import torch

        said, truth = self.net(self.rows[part]), self.truth[part]
        if self.recipe.loss is not None:
            each = self.recipe.loss(said, truth)
        elif self.lesson.task == "regression":
            each = (said.squeeze(-1) - truth) ** 2
        else:
            each = torch.nn.functional.cross_entropy(said, truth, reduction="none")
        return (each * self.weights[part]).sum() / self.weights[part].sum()

    def judge(self) -> None:
        """Note whether this epoch was the best.

        Raises:
            SchemaError: the loss isn't a number any more.
        """
        import torch

        self.net.eval()
        with torch.no_grad():
            value = float(self.loss(self.telling))
        self.epoch += 1
        if not np.isfinite(value):
            raise SchemaError(
                f"the loss is {value} in epoch {self.epoch}", where="the training loop", hint="lower the learning rate"
            )
        better = value < self.best
        self.best, self.since, self.kept = (
            (value, 0, self.state()) if better else (self.best, self.since + 1, self.kept)
        )
        self.lesson.say(self.epoch, self.recipe.epochs, f"epochs, loss {value:.4f}{' (best)' if better else ''}")

    def state(self) -> dict[str, Any]:
        """A copy of the module's weights."""
        return {name: value.detach().clone() for name, value in self.net.state_dict().items()}

    def save(self) -> None:
        """Keep how far it is, whole or not at all."""
        import torch

        if self.lesson.folder is None:
            return
        path = self.lesson.folder / CHECKPOINT
        partial = path.with_name(CHECKPOINT + ".partial")
        counts = {"epoch": self.epoch, "best": self.best, "since": self.since}
        torch.save(
            {"net": self.net.state_dict(), "kept": self.kept, "optimiser": self.optimiser.state_dict(), **counts},
            partial,
        )
        partial.replace(path)

    def go_on(self) -> None:
        """Take up where a training that was cut off has left."""
        import torch

        path = None if self.lesson.folder is None else self.lesson.folder / CHECKPOINT
        if path is None or not path.exists():
            return
        kept = torch.load(path, weights_only=True)
        self.net.load_state_dict(kept["net"])
        self.optimiser.load_state_dict(kept["optimiser"])
        self.epoch, self.best, self.since, self.kept = kept["epoch"], kept["best"], kept["since"], kept["kept"]
        self.lesson.say(self.epoch, self.recipe.epochs, "epochs were done before; going on")


@dataclass(frozen=True)
class Net:
    """A trained module and what it was fed."""

    encoder: Encoder
    module: Any
    classes_: Any
    mean: float = 0.0
    sd: float = 1.0

    def predict(self, table: pl.DataFrame) -> Floats:
        """float64[rows] of a regression, float64[rows, classes] of a classifier."""
        import torch

        rows = torch.tensor(self.encoder(table), dtype=torch.float32)
        with torch.no_grad():
            said = torch.cat([self.module(part) for part in rows.split(CHUNK)])
        if self.classes_ is None:
            return np.asarray(said.squeeze(-1).double().numpy() * self.sd + self.mean, np.float64)
        return np.asarray(torch.softmax(said.double(), 1).numpy(), np.float64)
