"""A recipe for PyTorch: a module, a loss, and a loop with early stopping that goes on where it was cut off.

A module of your own and a loop of your own need no recipe: write them in a `fit(table, weights)`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from typing import Any

from retrue.core.state import Floats
from retrue.errors import SchemaError
from retrue.refine.train.lesson import Lesson
from retrue.refine.train.lightning_nets import fit, lightning_of, tensors
from retrue.refine.train.numbers import SPARED, Learned, Numbers, library, refuse_made

RATE = 1e-3
CHECKPOINT = "checkpoint.pt"
CHUNK = 65_536
"""Rows that are predicted at a time."""


@dataclass(frozen=True)
class Torch:
    """A PyTorch module, trained by AdamW with early stopping; the best epoch is kept.

    A LightningModule is trained by Lightning's Trainer instead, with its own steps, loss and optimisers: its steps get
    `inputs, targets = batch`, with each row as often as it weighs, and its `validation_step` logs `val_loss`.

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
    rate: float = RATE
    patience: int = 5
    spared: float = SPARED

    def __post_init__(self) -> None:
        """Refuse a net that is made already."""
        refuse_made(self.module, "rt.Torch")

    def learn(self, lesson: Lesson) -> Learned:
        """Train; a checkpoint in the lesson's folder is gone on from.

        Raises:
            SchemaError: `loss` or `rate` for a LightningModule, which has its own; a loss that is no number.
        """
        torch = library("torch", "PyTorch")
        torch.manual_seed(lesson.seed)
        told = Numbers.of(lesson, self.spared, scaled=True)
        net = self.module(*told.shape)
        lightning = lightning_of(net)
        if lightning is None:
            Loop(self, lesson, net, told).run()
        elif self.loss is not None or self.rate != RATE:
            raise SchemaError("loss or rate for a LightningModule", expected="those of its own steps and optimisers")
        else:
            fit(lightning, self, lesson, net, told)
        return told.learner(partial(by_torch, net.eval(), len(lesson.classes)))


@dataclass(eq=False)
class Loop:
    """The training loop."""

    recipe: Torch
    lesson: Lesson
    net: Any
    told: Numbers

    def __post_init__(self) -> None:
        """Make the optimiser."""
        import torch

        self.rows, self.truth = tensors(self.told)
        self.weights = torch.tensor(self.lesson.weights, dtype=torch.float32)
        self.optimiser = torch.optim.AdamW(self.net.parameters(), lr=self.recipe.rate)
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

        learned = torch.tensor(self.told.parts[0])
        order = torch.randperm(len(learned), generator=torch.Generator().manual_seed(self.lesson.seed + self.epoch))
        self.net.train()
        yield from learned[order].split(self.recipe.batch)

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
            value = float(self.loss(self.told.parts[1]))
        self.epoch += 1
        self.lesson.tell(self.epoch, self.recipe.epochs, value)
        better = value < self.best
        self.best, self.since, self.kept = (
            (value, 0, self.state()) if better else (self.best, self.since + 1, self.kept)
        )

    def state(self) -> dict[str, Any]:
        """A copy of the module's weights."""
        return {name: value.detach().clone() for name, value in self.net.state_dict().items()}

    def save(self) -> None:
        """Keep how far it is, whole or not at all."""
        import torch

        if self.lesson.folder is None:
            return
        path = self.lesson.folder / CHECKPOINT
        half = path.with_name(CHECKPOINT + ".partial")
        counts = {"epoch": self.epoch, "best": self.best, "since": self.since}
        torch.save(
            {"net": self.net.state_dict(), "kept": self.kept, "optimiser": self.optimiser.state_dict(), **counts},
            half,
        )
        half.replace(path)

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


def by_torch(net: Any, classes: int, rows: Floats) -> Any:
    """What a module says: probabilities of a classifier, else its numbers."""
    import torch

    with torch.no_grad():
        said = torch.cat([net(part) for part in torch.tensor(rows, dtype=torch.float32).split(CHUNK)]).double()
    return (torch.softmax(said, 1) if classes else said).numpy()
