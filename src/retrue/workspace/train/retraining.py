"""Retrain: a challenger learns from a mix of matured labels, and is kept with the later events it is proven on.

mix (matured labels) ──fit──> challenger ─┐
later matured events: champion's scores ──┴─ prove ── gate ── promote | RefusedError
"""

from __future__ import annotations

import uuid
from dataclasses import asdict
from datetime import datetime
from typing import Any

import polars as pl

from retrue.errors import SchemaError
from retrue.refine.collect import Collected
from retrue.refine.mix import Mix, Mixed, check_seed
from retrue.refine.promote import Gate
from retrue.refine.train import Trainer
from retrue.refine.train.desk import HOLDOUT, TRAINING, WEIGHT, Desk, Order
from retrue.workspace import clock
from retrue.workspace.references import write_table
from retrue.workspace.stored import StoredModel
from retrue.workspace.train.carrying import send
from retrue.workspace.train.choosing import built, compared, early_labels, refuse_empty, refuse_leaks, trainable
from retrue.workspace.train.fitting import fit_run, log
from retrue.workspace.train.maturity import matured_events
from retrue.workspace.train.rebuilding import manifest_of
from retrue.workspace.train.refitting import lay_out_again, whole
from retrue.workspace.train.runs import StoredRun, save


def retrain(
    model: StoredModel, fit: Any, *, mix: Mix, holdout: str | float, seed: int, gate: Gate, now: datetime | None
) -> StoredRun:
    """Train a challenger and keep it with the holdout it is to be proven on."""
    at = clock.aware(now or clock.now())
    schema = model.schema
    if schema.label is None or schema.time is None or not (schema.score or schema.prediction):
        raise SchemaError("retraining needs a label, a time and one score", where=f"model {model.name!r}")
    trainer = Trainer.of(fit)
    model.store.refuse_read_only()
    return fit_run(queued(model, trainer, mix, holdout=holdout, seed=seed, gate=gate, at=at), trainer)


def queued(
    model: StoredModel, trainer: Trainer, mix: Mix, *, holdout: str | float, seed: int, gate: Gate, at: datetime
) -> StoredRun:
    """Choose the rows, lay them out for the process that trains, and queue the run."""
    check_seed(seed, f"a run of model {model.name!r}")
    schema = model.schema
    matured = matured_events(model, at, holdout, broken=mix.broken)
    ready = trainable(mix, model, matured)
    refuse_empty(ready, matured)
    mixed = built(ready.mix, model)
    refuse_leaks(model, ready.mix, mixed, matured)
    early = early_labels(model, ready.mix, matured)
    alike = compared(model, mixed, matured, seed)
    everything, again = whole(model, mix, matured) if mix.refit else (None, None)
    body = {
        "manifest": {**manifest_of(mixed, matured, mix), "seed": seed, "left_out": ready.left_out},
        "features": list(schema.features),
        "champion": model.version,
        "at": at.isoformat(),
        "slices": edge_slices(mix),
        "gate": asdict(gate),
        "trainer": {"kind": trainer.kind, "status": "queued"},
        "early": early.to_dict(),
        "unlike": {} if alike is None else {name: round(value, 4) for name, value in alike.unlike.items()},
        "incident": next(
            (part.incident for part, _ in mix.parts if isinstance(part, Collected) and part.incident), None
        ),
    }
    if again is not None:
        body["refit"] = again
    run = StoredRun(model, uuid.uuid4().hex[:8], "queued", body, gate)
    lay_out(run, trainer, mixed, matured.part(after_cut=True))
    if everything is not None:
        lay_out_again(run, trainer, everything)
    send(model, run.id)
    save(model, run)
    if alike is not None and alike.unlike:
        log(model.store.catalog, run, [f"less than half of these is as in production: {alike}"], level="warning")
    return run


def lay_out(run: StoredRun, trainer: Trainer, mixed: Mixed, ahead: pl.DataFrame) -> None:
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


def edge_slices(mix: Mix) -> dict[str, str]:
    """The slices of the mix's collections by name."""
    return {part.name: part.slice for part, _ in mix.parts if isinstance(part, Collected) and part.slice}
