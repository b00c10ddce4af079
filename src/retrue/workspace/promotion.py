"""From a trained challenger to the champion: the proof on its holdout, the gate, the new reference, the way back."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
import polars as pl

from retrue.core.outcome_grid import BinaryGrid, score_rows
from retrue.core.reference import Reference, score_bins, window_profiles
from retrue.core.state import Bools, Floats
from retrue.core.values import number_rows
from retrue.errors import RefusedError, SchemaError
from retrue.refine.prove import Duel, prove
from retrue.refine.train import score
from retrue.slices import Slice
from retrue.store import rows
from retrue.workspace import clock
from retrue.workspace.proof import Proof

if TYPE_CHECKING:
    from retrue.workspace.model import Model
    from retrue.workspace.training import Run

PLACES = 24
"""Most slices that the challenger is compared in."""


def prove_run(run: Run) -> Proof:
    """Compare on the holdout that the run kept."""
    model, schema = run.model, run.model.schema
    reference = model.reference_of(run.body["champion"]).load()
    table = pl.read_parquet(run.folder / "holdout.parquet")
    layout = model.store.layout(model.name)
    labels, task = truth(reference, table, schema.label or layout.label_column)
    champion = score_rows(table, schema.score if isinstance(schema.score, str) else schema.prediction)
    duel = Duel(labels, champion, score_rows(table, "_challenger"))
    known = np.isfinite(duel.label) & np.isfinite(duel.champion) & np.isfinite(duel.challenger)
    places = {"holdout": np.ones(int(known.sum()), np.bool_)}
    for name, mask in masks(run, table).items():
        places[name] = mask[known]
    contests = prove(duel.on(known), task, places)
    coverage = float(np.isfinite(labels).mean()) if labels.size else 0.0
    time = table[layout.time_column]
    ends = (str(time.min()), str(time.max()))
    return Proof(tuple(contests), coverage, tuple(run.gate.reasons(contests, coverage)), ends)


def truth(reference: Reference, table: pl.DataFrame, label: str) -> tuple[Floats, str]:
    """Labels as numbers, NaN where unknown, and the task to compare by."""
    grid = reference.grids.outcome
    if isinstance(grid, BinaryGrid):
        coded = grid.truth(table[label])
        return np.where(coded == 2, np.nan, coded).astype(np.float64), "binary"
    if grid is not None and grid.task == "regression":
        return score_rows(table, label), "regression"
    raise SchemaError("champion and challenger can be compared for binary and regression models", where="prove")


def masks(run: Run, table: pl.DataFrame) -> dict[str, Bools]:
    """The rows of the run's edge cases, of the watched slices and of the incidents' slices."""
    model = run.model
    with model.store.catalog.read() as tx:
        watched = {row.name: row.sql for row in tx.find(rows.NamedSlice, model=model.name)}
    wanted = {**{f"edge cases: {name}": sql for name, sql in run.body["slices"].items()}, **watched}
    found = {}
    for name, sql in list(wanted.items())[:PLACES]:
        part = Slice.parse(sql)
        if part.columns <= set(table.columns):
            found[name] = part.mask(table).to_numpy()
    return found


def promote(run: Run) -> str:
    """Make a proven challenger the champion, with a reference of its own on the line's grids; gives its version."""
    model = run.model
    version = str(1 + max((int(row.version) for row in model.versions() if row.version.isdigit()), default=0))
    before = model.reference_of(run.body["champion"]).load()
    learned, table = new_reference(run, before)
    model.set_reference(version, learned, table, stage="champion")
    at = clock.micros(clock.now())
    with model.store.catalog.write() as tx:
        row = tx.get(rows.Version, model=model.name, version=version)
        if row is not None:
            tx.put(replace(row, body={**row.body, "run": run.id, "before": run.body["champion"]}))
        tx.add(rows.Audit(at, "user", "promoted", model.name, {"version": version, "run": run.id}))
    return version


def new_reference(run: Run, before: Reference) -> tuple[Reference, pl.DataFrame]:
    """What the new champion is compared with from now on.

    Inputs: all that it was trained and proven on. Performance: the holdout alone, because a model always does well on
    what it has learned.
    """
    schema, grids = before.schema, before.grids
    target = schema.score if isinstance(schema.score, str) else str(schema.prediction)
    holdout = pl.read_parquet(run.folder / "holdout.parquet")
    holdout = holdout.with_columns(pl.col("_challenger").alias(target))
    trained = pl.read_parquet(run.folder / "training.parquet")
    known = [name for name in holdout.columns if name in schema.named]
    own = trained.with_columns(pl.Series(target, score(run.challenger, trained, run.body["features"])))
    both = pl.concat([own, holdout.select(known)], how="diagonal_relaxed")
    proven = holdout.select(known)
    profile = replace(grids.count(both), outcome=grids.count_rows(proven).outcome)
    windows = run.model.store.layout(run.model.name)
    starts = number_rows(holdout[windows.time_column], temporal=True).to_numpy() // windows.window
    past = window_profiles(grids, proven, starts.astype(np.int64))
    return Reference(schema, grids, profile, score_bins(grids, proven), past), both


def rollback(model: Model) -> str:
    """Make the version before the champion the champion again."""
    champion = model.version
    row = next((row for row in model.versions() if row.version == champion), None)
    earlier = None if row is None else row.body.get("before")
    if row is None or earlier is None:
        raise RefusedError(
            [f"version {champion} of {model.name!r} was not promoted from another"], what="nothing to roll back to"
        )
    with model.store.catalog.write() as tx:
        tx.put(replace(row, stage="retired"))
        old = tx.get(rows.Version, model=model.name, version=str(earlier))
        if old is not None:
            tx.put(replace(old, stage="champion"))
        at = clock.micros(clock.now())
        tx.add(rows.Audit(at, "user", "rolled back", model.name, {"from": champion, "to": earlier}))
    return str(earlier)
