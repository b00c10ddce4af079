"""Pilot: cheap fits on small parts of the new labels, proven against the champion on later ones: a learning curve.

What a gap to the reference can't tell: how much a new model would win. Nothing of it is kept or promoted.
"""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Any

import numpy as np
import polars as pl

from retrue.core.outcome_grid import MulticlassGrid
from retrue.core.reference import Reference
from retrue.errors import RefusedError
from retrue.metrics.measure import Z95
from retrue.refine.expected import Curve
from retrue.refine.prove import Contest, Duel, contest
from retrue.refine.train import score, train
from retrue.workspace.prove.sides import recorded, truth
from retrue.workspace.train.maturity import learnable, matured_events

if TYPE_CHECKING:
    from retrue.workspace.model import Model

HOLDOUT, HELD = 0.25, 2_000
"""The share of the matured labels that fits are proven on, and the most rows of it."""
SIZES = (250, 500, 1_000, 2_000)
"""New labels that are learned from, at most half of those there are."""
LEAST = 200
"""Later rows without which nothing is told."""


def pilot(model: Model, fit: Any, at: datetime) -> Curve | None:
    """What a fit on so many new labels, and as many rows of the reference, gains over the champion by a metric's mean.

    Args:
        model: whose.
        fit: as in `Model.retrain`.
        at: the time.

    Returns:
        None where too few labels have matured, or the task has no single score.
    """
    try:
        matured = matured_events(model, at, HOLDOUT)
    except RefusedError:
        return None
    reference, schema = model.reference.load(), model.schema
    grid, label = reference.grids.outcome, str(schema.label)
    if isinstance(grid, MulticlassGrid):
        return None
    parts = (matured.part(after_cut=False), matured.part(after_cut=True), model.reference.frame)
    fresh, later, known = (learnable(part, label, grid, schema.classes) for part in parts)
    sizes = [size for size in SIZES if 2 * size <= fresh.height]
    if len(sizes) < 2 or later.height < LEAST:
        return None
    held, seen = drawn(later, HELD, 0), [*schema.features, label]
    found = []
    for size in sizes:
        table = pl.concat(
            [drawn(fresh, size, 1).select(seen), drawn(known, size, 2).select(seen)], how="vertical_relaxed"
        )
        challenger = train(fit, table, np.ones(table.height), list(schema.features), label)
        found.append(against(reference, held, score(challenger, held, schema.features, schema.positive), label))
    told = [one for one in found if one.gain is not None]
    if len(told) < len(sizes):
        return None
    ends = [one.gain or (0.0, 0.0) for one in told]
    gains = tuple((low + high) / 2 for low, high in ends)
    return Curve(tuple(sizes), gains, tuple((high - low) / (2 * Z95) for low, high in ends))


def drawn(frame: pl.DataFrame, most: int, seed: int) -> pl.DataFrame:
    """At most so many rows by chance, the same ones each time."""
    return frame if frame.height <= most else frame.sample(most, seed=seed)


def against(reference: Reference, held: pl.DataFrame, scores: Any, label: str) -> Contest:
    """The main metric of champion and challenger on the same rows."""
    labels, task, _ = truth(reference.grids.outcome, held, label)
    duel = Duel(labels, recorded(reference, held), scores)
    main = {"binary": "roc_auc", "regression": "mae"}[task]
    return contest("pilot", main, task, duel.on(duel.known))
