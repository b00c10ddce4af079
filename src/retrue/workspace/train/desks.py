"""Do what desks ask: in a process of its own, within the trainer's limits, unless the trainer isn't isolated."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

import numpy as np

from retrue.refine.train.desk import Desk
from retrue.refine.train.runner import Outcome, Training

if TYPE_CHECKING:
    from pathlib import Path

    from retrue.refine.train.trainer import Trainer


def fit_desks(folders: Sequence[Path], trainer: Trainer, hear: Callable[[list[str]], None] = lambda _: None) -> Outcome:
    """Do what desks ask, one after another: in one process, within the trainer's limits, unless it isn't isolated."""
    if trainer.isolated:
        return Training(folders[0], trainer.seconds, trainer.memory, hear, tuple(folders[1:])).run()
    begun = time.monotonic()
    for folder in folders:
        here(Desk(folder), trainer)
    return Outcome(None, Desk(folders[0]).report(), round(time.monotonic() - begun, 3), 0, ())


def here(desk: Desk, trainer: Trainer) -> None:
    """Do what a desk asks in this process."""
    from retrue.refine.train.work import work

    desk.clear()
    before = np.random.get_state()  # noqa: NPY002 - the user's fit may use the global generator
    try:
        work(desk, trainer.fit)
    finally:
        np.random.set_state(before)  # noqa: NPY002
