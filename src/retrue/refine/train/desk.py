"""The desk: a folder by which a process that trains is told what to do, and leaves what came of it.

fit.pickle         what to fit, by cloudpickle: a function of a notebook goes along whole
lesson.json        features, label, task, classes, seed
training.parquet   the rows, with `_weight`
holdout.parquet    the rows to be scored, labels and all; the learner never sees them
model.joblib       the trained model              ┐
scores.npy         float64 of the holdout's rows  │ written by the process
outcome.json       how it went, written last      ┘
"""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl

from retrue.core.state import Floats
from retrue.errors import SchemaError

WEIGHT = "_weight"
"""The column of weights in the training set."""
FIT, ORDER, TRAINING, HOLDOUT = "fit.pickle", "lesson.json", "training.parquet", "holdout.parquet"
MODEL, SCORES, OUTCOME = "model.joblib", "scores.npy", "outcome.json"


@dataclass(frozen=True)
class Order:
    """What to learn, in plain values."""

    features: tuple[str, ...]
    label: str
    task: str
    positive: str | None = None
    classes: tuple[str, ...] = ()
    seed: int = 0


@dataclass(frozen=True)
class Report:
    """How it went: what was wrong (None: nothing), what was fitted, its classes, the versions of what it is made of."""

    error: str | None
    kind: str = ""
    classes: tuple[str, ...] = ()
    libraries: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Desk:
    """The folder."""

    folder: Path

    def ask(self, fit: Any, order: Order) -> None:
        """Say what to do. The tables are there already.

        Raises:
            SchemaError: what is to be fitted can't be sent to another process.
        """
        self.put(FIT, pickled(fit, "what is to be fitted can't be sent to a process of its own"))
        self.say(order)

    def say(self, order: Order) -> None:
        """Say what to learn; what to fit is known to who does it."""
        self.put(ORDER, json.dumps(asdict(order)).encode())

    def order(self) -> Order:
        """What to do."""
        said = json.loads((self.folder / ORDER).read_bytes())
        return Order(**{**said, "features": tuple(said["features"]), "classes": tuple(said["classes"])})

    def fit(self) -> Any:
        """What to fit."""
        import cloudpickle

        return cloudpickle.loads((self.folder / FIT).read_bytes())

    def training(self) -> tuple[pl.DataFrame, Floats]:
        """The rows and their weights."""
        table = pl.read_parquet(self.folder / TRAINING)
        return table.drop(WEIGHT), table[WEIGHT].to_numpy().astype(np.float64)

    def holdout(self) -> pl.DataFrame:
        """The rows to be scored."""
        return pl.read_parquet(self.folder / HOLDOUT)

    def clear(self) -> None:
        """Take away what an earlier try left, but for its checkpoints."""
        for name in (MODEL, SCORES, OUTCOME):
            (self.folder / name).unlink(missing_ok=True)

    def leave(self, report: Report) -> None:
        """Say how it went."""
        self.put(OUTCOME, json.dumps(asdict(report)).encode())

    def report(self) -> Report | None:
        """How it went; None where the process never came so far."""
        path = self.folder / OUTCOME
        if not path.exists():
            return None
        said = json.loads(path.read_bytes())
        return Report(said["error"], said["kind"], tuple(said["classes"]), said["libraries"])

    def scores(self) -> Floats:
        """The holdout's scores."""
        return np.asarray(np.load(self.folder / SCORES), np.float64)

    def put(self, name: str, data: bytes) -> None:
        """Write a file, whole or not at all."""
        partial = self.folder / f"{name}.partial"
        partial.write_bytes(data)
        partial.replace(self.folder / name)


def pickled(what: Any, complaint: str) -> bytes:
    """Anything as bytes; functions and classes of a notebook go along whole.

    Raises:
        SchemaError: it holds what can't be written: a lock, an open file, a connection.
    """
    import pickle

    import cloudpickle

    try:
        return bytes(cloudpickle.dumps(what))
    except (pickle.PicklingError, AttributeError, TypeError, ValueError, RecursionError) as error:
        hint = "make open files, connections and locks inside of fit, and leave none of them in the model"
        raise SchemaError(f"{complaint}: {error}", expected="one that cloudpickle can write", hint=hint) from error
