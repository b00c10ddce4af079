"""A LightningModule, trained by Lightning's own Trainer: its steps, loss and optimisers; our rows, ends and log."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import nullcontext
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

import numpy as np

from retrue.core.state import Floats, Ints
from retrue.errors import SchemaError
from retrue.refine.train.lesson import Lesson
from retrue.refine.train.numbers import Numbers

if TYPE_CHECKING:
    from retrue.refine.train.nets import Torch

LOSS = "val_loss"
"""What a module's `validation_step` logs: how well it does on the rows that are spared."""


def lightning_of(net: Any) -> Any:
    """The library that a module is of, `lightning.pytorch` or `pytorch_lightning`; None for a plain PyTorch module."""
    base = next((one for one in type(net).__mro__ if one.__name__ == "LightningModule"), None)
    return None if base is None else import_module(base.__module__.partition(".core")[0])


def fit(lightning: Any, recipe: Torch, lesson: Lesson, net: Any, told: Numbers) -> None:
    """Train a module until its patience is over, and give it the weights of its best epoch.

    Its steps get batches of `(inputs, targets)`; each row comes as often as it weighs. What was cut off goes on.

    Raises:
        SchemaError: it logs no `val_loss`, or one that is no number.
    """
    import torch
    from torch.utils.data import DataLoader, TensorDataset

    data = TensorDataset(*tensors(told))
    learned, spared = (Drawn(part, lesson.weights[part], lesson.seed) for part in told.parts)
    with TemporaryDirectory() if lesson.folder is None else nullcontext(lesson.folder / "lightning") as folder:
        trainer, best = trainer_of(lightning, recipe, lesson, Path(folder))
        last = Path(folder) / "last.ckpt"
        trainer.fit(
            net,
            DataLoader(data, recipe.batch, sampler=learned),
            DataLoader(data, recipe.batch, sampler=list(spared)),  # the same ones each epoch
            ckpt_path=str(last) if last.exists() else None,
        )
        net.load_state_dict(torch.load(best.best_model_path, weights_only=False)["state_dict"])


def tensors(told: Numbers) -> tuple[Any, Any]:
    """Rows and truth as PyTorch has them."""
    import torch

    kind = torch.float32 if told.classes is None else torch.int64
    return torch.tensor(told.rows, dtype=torch.float32), torch.tensor(told.truth, dtype=kind)


def trainer_of(lightning: Any, recipe: Torch, lesson: Lesson, folder: Path) -> tuple[Any, Any]:
    """Lightning's Trainer for a recipe, and what keeps the best epoch and the last."""
    calls = lightning.callbacks

    def tell(trainer: Any, net: Any) -> None:
        value = trainer.callback_metrics.get(LOSS)
        if value is None:
            raise SchemaError(
                f"the module logs no {LOSS!r}: nothing tells when to stop", where=type(net).__name__,
                hint=f'in its validation_step: self.log("{LOSS}", loss)',
            )  # fmt: skip
        lesson.tell(trainer.current_epoch + 1, recipe.epochs, float(value))

    best = calls.ModelCheckpoint(folder, filename="best", monitor=LOSS, save_last=True)
    stop = calls.EarlyStopping(LOSS, patience=recipe.patience)
    trainer = lightning.Trainer(
        max_epochs=recipe.epochs, devices=1, logger=False, enable_progress_bar=False, enable_model_summary=False,
        num_sanity_val_steps=0, default_root_dir=folder,
        callbacks=[calls.LambdaCallback(on_train_epoch_end=tell), stop, best],
    )  # fmt: skip
    return trainer, best


@dataclass(eq=False)
class Drawn:
    """A sampler: each row as often as it weighs, in an order that the epoch's number gives.

    Args:
        rows: int64[rows], their places.
        weights: float64[rows].
        seed: of the order.
    """

    rows: Ints
    weights: Floats
    seed: int
    epoch: int = 0

    def set_epoch(self, epoch: int) -> None:
        """Lightning says which epoch begins: a training that goes on sees the same rows."""
        self.epoch = epoch

    def __len__(self) -> int:
        return len(self.rows)

    def __iter__(self) -> Iterator[int]:
        rng = np.random.default_rng([self.seed, self.epoch])
        return iter(rng.permutation(self.rows[resampled(self.weights, rng.random())]).tolist())


def resampled(weights: Floats, start: float) -> Ints:
    """int64[rows]: rows by place, each as often as it weighs, rounded up or down; equal weights: each once.

    Systematic resampling: Carpenter, Clifford and Fearnhead 1999, "Improved particle filter for nonlinear problems".

    Args:
        weights: float64[rows].
        start: in [0, 1): which of them are rounded up.

    >>> resampled(np.array([2.0, 0.5, 0.5]), 0.4).tolist(), resampled(np.array([2.0, 0.5, 0.5]), 0.6).tolist()
    ([0, 0, 1], [0, 0, 2])
    """
    rows, ends = len(weights), np.cumsum(weights)
    marks = np.minimum(start + np.arange(rows), np.nextafter(rows, 0))
    return np.asarray(np.searchsorted(ends / ends[-1] * rows, marks, side="right"), np.int64)
