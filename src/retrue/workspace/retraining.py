"""Retrain: a challenger learns from a mix of matured labels, and is kept with the later events it is proven on.

mix (matured labels) ──fit──> challenger ─┐
later matured events: champion's scores ──┴─ prove ── gate ── promote | RefusedError
"""

from __future__ import annotations

import uuid
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any

import numpy as np
import polars as pl

from retrue.core.values import text_rows
from retrue.errors import SchemaError
from retrue.refine.collect import Collected
from retrue.refine.mix import Mix
from retrue.refine.promote import Gate
from retrue.refine.train import score, train
from retrue.workspace import clock
from retrue.workspace.artefacts import keep_files
from retrue.workspace.maturity import Matured, learnable, matured_events, relabelled, unproven
from retrue.workspace.training import Run, save

if TYPE_CHECKING:
    from retrue.workspace.model import Model


@dataclass(frozen=True)
class _Frame:
    """A part of a mix, cut down to what may be trained on."""

    name: str
    frame: pl.DataFrame


def retrain(
    model: Model, fit: Any, *, mix: Mix, holdout: str | float, seed: int, gate: Gate, now: datetime | None
) -> Run:
    """Train a challenger and keep it with the holdout it is to be proven on."""
    at = clock.aware(now or clock.now())
    schema = model.schema
    if schema.label is None or schema.time is None or not isinstance(schema.score or schema.prediction, str):
        raise SchemaError("retraining needs a label, a time and one score", where=f"model {model.name!r}")
    matured = matured_events(model, at, holdout)
    seen = [*schema.features, schema.label]
    # Ids stay with the training rows: once promoted they are a reference, whose rows must not be taken twice.
    mixed = trainable(mix, model, matured).build([*([schema.id] if schema.id else []), *seen], key=schema.id)
    rng_state = np.random.get_state()  # noqa: NPY002 - the user's fit may use the global generator
    np.random.seed(seed)  # noqa: NPY002
    try:
        challenger = train(fit, mixed.table.select(seen), mixed.weights, list(schema.features), schema.label)
    finally:
        np.random.set_state(rng_state)  # noqa: NPY002
    ahead = matured.part(after_cut=True)
    scored = ahead.with_columns(pl.Series("_challenger", score(challenger, ahead, schema.features, schema.positive)))
    body = {
        "manifest": {
            **mixed.manifest,
            "seed": seed,
            "cut": matured.cut.isoformat(),
            "matured": matured.end.isoformat(),
        },
        "features": list(schema.features),
        "champion": model.version,
        "slices": edge_slices(mix),
        "gate": asdict(gate),
    }
    run = Run(model, uuid.uuid4().hex[:8], "trained", body, gate)
    keep_files(run, challenger, scored, mixed.table)
    save(model, run)
    return run


def trainable(mix: Mix, model: Model, matured: Matured) -> Mix:
    """The same mix without what may not be trained on: rows without a label, and logged rows from the cut on."""
    schema, grids = model.schema, model.store.grids(model.name)
    outcome = None if grids is None else grids.outcome
    parts: list[tuple[Any, float]] = []
    for part, share in mix.parts:
        frame = part.frame
        if "_label_at" in frame.columns:  # logged rows: take the labels as they are known now
            frame = relabelled(frame, matured, schema.id)
        if schema.id is not None and schema.id in frame.columns:
            frame = unproven(frame.with_columns(text_rows(frame[schema.id])), matured, schema.id)
        frame = learnable(frame, str(schema.label), outcome, schema.classes)
        parts.append((_Frame(part.name, frame), share))
    return Mix(parts)


def edge_slices(mix: Mix) -> dict[str, str]:
    """The slices of the mix's collections by name."""
    return {part.name: part.slice for part, _ in mix.parts if isinstance(part, Collected) and part.slice}
