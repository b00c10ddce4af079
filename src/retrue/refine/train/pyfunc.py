"""A trained model as MLflow loads it: `mlflow.pyfunc.load_model("models:/flights@champion").predict(table)`.

    MLmodel ── names this module ──> _load_pyfunc(folder) ──> Scorer: what `Run.predict` gives, number by number

Whatever was trained, an estimator, a recipe or what a function returned, is loaded the same way. That unpickles the
model, as all that MLflow loads does: it runs where somebody calls it, never in Retrue's service.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from retrue.core.state import Floats
from retrue.refine.train.desk import MODEL
from retrue.refine.train.scoring import score

SCORING = "scoring.json"
"""How the model is asked: features, positive, classes."""


@dataclass(frozen=True)
class Scorer:
    """A trained model and how it is asked."""

    model: Any
    features: tuple[str, ...]
    positive: str | None
    classes: tuple[str, ...]

    def predict(self, table: Any, params: Any = None) -> Floats:  # noqa: ARG002 - MLflow's signature
        """Score rows of any table: float64[rows], or [rows, classes] of a multiclass model."""
        from retrue.tables import read

        return score(self.model, read(table).collect(), self.features, self.positive, self.classes)


def _load_pyfunc(folder: str) -> Scorer:
    """Load the model of a folder; MLflow calls it by this name."""
    import joblib

    said = json.loads((Path(folder) / SCORING).read_bytes())
    model = joblib.load(Path(folder) / MODEL)
    return Scorer(model, tuple(said["features"]), said["positive"], tuple(said["classes"]))
