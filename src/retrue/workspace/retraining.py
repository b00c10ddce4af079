"""Retrain: a challenger learns from a mix of matured labels, and is kept with the later events it is proven on.

mix (matured labels) ──fit──> challenger ─┐
later matured events: champion's scores ──┴─ prove ── gate ── promote | RefusedError
"""

from __future__ import annotations

import uuid
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any

import polars as pl

from retrue.core.values import text_rows
from retrue.errors import SchemaError
from retrue.refine.collect import Collected
from retrue.refine.mix import Mix, Mixed
from retrue.refine.promote import Gate
from retrue.refine.train import Trainer
from retrue.refine.train.desk import HOLDOUT, TRAINING, WEIGHT, Desk, Order
from retrue.workspace import clock
from retrue.workspace.fitting import fit_run
from retrue.workspace.maturity import Matured, learnable, matured_events, relabelled, unproven
from retrue.workspace.references import write_table
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
    if schema.label is None or schema.time is None or not (schema.score or schema.prediction):
        raise SchemaError("retraining needs a label, a time and one score", where=f"model {model.name!r}")
    trainer = Trainer.of(fit)
    model.store.refuse_read_only()
    return fit_run(queued(model, trainer, mix, holdout=holdout, seed=seed, gate=gate, at=at), trainer)


def queued(
    model: Model, trainer: Trainer, mix: Mix, *, holdout: str | float, seed: int, gate: Gate, at: datetime
) -> Run:
    """Choose the rows, lay them out for the process that trains, and queue the run."""
    schema = model.schema
    matured = matured_events(model, at, holdout)
    # Ids stay with the training rows: once promoted they are a reference, whose rows must not be taken twice.
    seen = [*([schema.id] if schema.id else []), *schema.features, str(schema.label)]
    mixed = trainable(mix, model, matured).build(seen, key=schema.id)
    times = {"cut": matured.cut.isoformat(), "matured": matured.end.isoformat()}
    body = {
        "manifest": {**mixed.manifest, "seed": seed, **times},
        "features": list(schema.features),
        "champion": model.version,
        "slices": edge_slices(mix),
        "gate": asdict(gate),
        "trainer": {"kind": trainer.kind, "status": "queued"},
        "incident": None,
    }
    run = Run(model, uuid.uuid4().hex[:8], "queued", body, gate)
    lay_out(run, trainer, mixed, matured.part(after_cut=True))
    save(model, run)
    return run


def lay_out(run: Run, trainer: Trainer, mixed: Mixed, ahead: pl.DataFrame) -> None:
    """Write what the process that trains needs."""
    schema, desk = run.model.schema, Desk(run.folder)
    task = str(schema.task or "binary")
    order = Order(
        tuple(schema.features), str(schema.label), task, schema.positive, tuple(schema.classes), run.manifest["seed"]
    )
    run.folder.mkdir(parents=True, exist_ok=True)
    write_table(run.folder / TRAINING, mixed.table.with_columns(pl.Series(WEIGHT, mixed.weights)))
    write_table(run.folder / HOLDOUT, ahead)
    if trainer.isolated:
        desk.ask(trainer.fit, order)
    else:
        desk.say(order)


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
