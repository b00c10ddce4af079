"""What may happen to a training, as fits. This module imports little: each process that trains imports it anew."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np


class Late:
    """A model of the tests' own: it can be imported where it is loaded."""

    def __init__(self, given: float = 0.5) -> None:
        self.given = given

    def predict(self, table: Any) -> Any:
        """Say the same of all."""
        return np.full(table.height, self.given)


def fit(table: Any, weights: Any) -> Any:
    """Learn."""
    sys.stdout.write(f"learning from {table.height} rows\n")
    return Late(float(np.average(table["y"], weights=weights)))


def crash(table: Any, weights: Any) -> Any:
    """As a library in C does it."""
    sys.stderr.write("about to crash\n")
    os.kill(os.getpid(), signal.SIGSEGV)


def killed(table: Any, weights: Any) -> Any:
    """As the system does it when memory runs out."""
    os.kill(os.getpid(), signal.SIGKILL)


def hang(table: Any, weights: Any) -> Any:
    """Wait for what never comes, with a child that does the same."""
    subprocess.run(["sleep", "600"], check=True)


def gorge(table: Any, weights: Any) -> Any:
    """Take memory until somebody says stop."""
    held = [np.ones(2_000_000) for _ in range(20)]  # 320 MB
    time.sleep(600)
    return held


def nothing(table: Any, weights: Any) -> Any:
    """End the process without a word."""
    os._exit(0)


def ask(table: Any, weights: Any) -> Any:
    """Ask somebody who isn't there."""
    return input("how many trees? ")


def nan(table: Any, weights: Any) -> Any:
    """A model that says nothing."""
    return Late(float("nan"))


def seven(table: Any, weights: Any) -> Any:
    """A model that is sure beyond all measure."""
    return Late(7.0)


def nothing_here(table: Any, weights: Any) -> Any:
    """Look for what isn't there."""
    return {"y": table}["x"]


class Stuck:
    """Fits the second time; the first time it tells its pid and a child's, and never ends.

    Args:
        mark: where it tells them.
        deaf: stuck in native code, with the interpreter's lock held, where no thread and no signal handler runs.
    """

    def __init__(self, mark: Path, *, deaf: bool = False) -> None:
        self.mark, self.deaf = mark, deaf

    def __call__(self, table: Any, weights: Any) -> Any:
        """Learn."""
        if self.mark.exists():
            return fit(table, weights)
        child = subprocess.Popen(["sleep", "600"])
        partial = self.mark.with_suffix(".partial")
        partial.write_text(f"{os.getpid()} {child.pid}", encoding="utf-8")
        partial.rename(self.mark)
        if self.deaf:
            re.match(r"(a+)+$", "a" * 60 + "b")
        return child.wait()


STUCK = Stuck(Path("mark"))
"""For a service: retrue.toml names it."""


def lightning_module(killed: str) -> Any:
    """A LightningModule's class whose process is killed as its third epoch begins, unless that file is there."""
    import lightning.pytorch as lightning
    from torch import nn, optim

    class Lit(lightning.LightningModule):  # type: ignore[misc, name-defined, unused-ignore]
        def __init__(self, inputs: int, outputs: int) -> None:
            super().__init__()
            self.net = nn.Linear(inputs, outputs)

        def forward(self, inputs: Any) -> Any:
            return self.net(inputs)

        def training_step(self, batch: Any, _: int) -> Any:
            return nn.functional.cross_entropy(self(batch[0]), batch[1])

        def validation_step(self, batch: Any, _: int) -> None:
            self.log("val_loss", nn.functional.cross_entropy(self(batch[0]), batch[1]))

        def on_train_epoch_start(self) -> None:
            if self.current_epoch == 2 and not Path(killed).exists():
                Path(killed).touch()
                os.kill(os.getpid(), signal.SIGKILL)

        def configure_optimizers(self) -> Any:
            return optim.AdamW(self.parameters(), 0.01)

    return Lit
