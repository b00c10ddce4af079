"""A lesson: everything that a training may look at, and nothing else."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl

from retrue.core.state import Floats, Ints
from retrue.core.values import number_rows
from retrue.errors import SchemaError


@dataclass(frozen=True)
class Lesson:
    """What is to be learned from.

    Attributes:
        table: features and label.
        weights: float64[rows], mean 1.
        features: the columns that the model sees.
        label: the column that it learns.
        task: "binary", "multiclass" or "regression".
        seed: of all randomness.
        folder: where checkpoints may be kept, so that a training that was cut off goes on; None: nowhere.
    """

    table: pl.DataFrame
    weights: Floats
    features: tuple[str, ...]
    label: str
    task: str = "binary"
    seed: int = 0
    folder: Path | None = None

    @cached_property
    def classes(self) -> list[Any]:
        """The values of the label, sorted; empty for a regression."""
        return [] if self.task == "regression" else sorted(self.table[self.label].unique().drop_nulls().to_list())

    @cached_property
    def codes(self) -> Ints:
        """int64[rows]: each label's place among the classes."""
        places = {value: place for place, value in enumerate(self.classes)}
        return np.array([places[value] for value in self.table[self.label].to_list()], np.int64)

    @cached_property
    def targets(self) -> Floats:
        """float64[rows]: the labels of a regression."""
        return number_rows(self.table[self.label]).to_numpy().astype(np.float64)

    def say(self, done: int, of: int, text: str) -> None:
        """Tell how far it is; it becomes a line of the run's log."""
        print(f"{done}/{of} {text}", flush=True)  # noqa: T201 - the parent listens

    def tell(self, epoch: int, of: int, loss: float) -> None:
        """Tell an epoch's loss on the rows that are spared.

        Raises:
            SchemaError: it isn't a number any more.
        """
        if not np.isfinite(loss):
            hint = "lower the learning rate, or look for what the loss can't take, such as log(0)"
            raise SchemaError(f"the loss is {loss} in epoch {epoch}", where="the training loop", hint=hint)
        self.say(epoch, of, f"epochs, loss {loss:.4f}")
