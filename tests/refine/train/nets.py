"""Small nets for the tests. This module imports little: each process that trains one imports it anew."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path
from typing import Any


def module(inputs: int, outputs: int) -> Any:
    """A small net of PyTorch."""
    from torch import nn

    return nn.Sequential(nn.Linear(inputs, 16), nn.ReLU(), nn.Linear(16, outputs))


def keras_model(inputs: int, outputs: int) -> Any:
    """The same in Keras."""
    import keras

    last = keras.layers.Dense(outputs, activation=None if outputs == 1 else "softmax")
    return keras.Sequential([keras.layers.Input((inputs,)), keras.layers.Dense(16, activation="relu"), last])


def greedy(mark: Path) -> Callable[[int, int], Any]:
    """What makes the same in Keras; before its third epoch it takes 1.1 GB and waits, unless that file is there."""

    def make(inputs: int, outputs: int) -> Any:
        net = keras_model(inputs, outputs)
        fit = net.fit

        def gorging(*rows: Any, initial_epoch: int, **options: Any) -> Any:
            if initial_epoch == 2 and not mark.exists():
                import numpy as np

                mark.touch()
                time.sleep(600 * float(np.ones(140_000_000)[0]))
            return fit(*rows, initial_epoch=initial_epoch, **options)

        net.fit = gorging
        return net

    return make
